"""Packer's output: one line after the other, ``==> name: text``. For files, pipes, and terminals that cannot redraw."""

from __future__ import annotations

from datetime import datetime
from typing import TextIO

from attrs import define, field

from hclimg.events import Event, LaneFinished, RunFinished, RunStarted
from hclimg.ui.summary import RunSummary
from hclimg.ui.theme import PLAIN, Theme
from hclimg.ui.words import Tone, Words, closing, lane_over, target, words


@define
class Plain:
    """``timestamps`` puts the time before each line of a build (``-timestamp-ui``)."""

    out: TextIO
    theme: Theme = PLAIN
    timestamps: bool = False
    _run: RunSummary = field(factory=RunSummary, init=False)

    def handle(self, event: Event) -> None:
        self._run.add(event)
        match event:
            case RunStarted():
                self._banner(event)
            case LaneFinished():
                self._say(event, lane_over(event))
            case RunFinished():
                self._write(*closing_lines(self._run, self.theme))
            case _:
                said = words(event)
                if said:
                    self._say(event, said, prefixed=bool(event.lane))

    def close(self) -> None:
        """Nothing to do: every line is written when it is said."""

    def _banner(self, event: RunStarted) -> None:
        if self.theme.enabled and event.lanes:
            texts = (f"{name}: output will be in this color." for name in event.lanes)
            self._write(*(self.theme.lane(index, text) for index, text in enumerate(texts)), "")

    def _say(self, event: Event, said: Words, *, prefixed: bool = False) -> None:
        prefix = f"==> {target(event)}: " if prefixed else "" if isinstance(event, LaneFinished) else "==> "
        stamp = f"{rfc3339(event.at)}: " if self.timestamps else ""
        index = self._run.lane(event.lane).index
        lines = said.text.split("\n")
        self._write(*(paint(self.theme, said.tone, index, f"{stamp}{prefix}{self.theme.clean(t)}") for t in lines))

    def _write(self, *lines: str) -> None:
        self.out.write("".join(line + "\n" for line in lines))
        self.out.flush()


def paint(theme: Theme, tone: Tone, lane: int, text: str) -> str:
    match tone:
        case Tone.ERROR | Tone.WARNING:
            return theme.paint(tone.value, text)
        case Tone.CLEANUP:
            return theme.paint("faint", text)
        case Tone.PLAIN:
            return text
    return theme.lane(lane, text)


def rfc3339(at: float) -> str:
    """A time of the local zone, as ``-timestamp-ui`` shows it."""
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds").replace("+00:00", "Z")


def closing_lines(run: RunSummary, theme: Theme) -> list[str]:
    return [line for said in closing(run) for line in _painted(theme, said)]


def _painted(theme: Theme, said: Words) -> list[str]:
    return [paint(theme, said.tone, 0, theme.clean(line)) for line in said.text.split("\n")]
