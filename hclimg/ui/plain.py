"""Packer's output: one line after the other, ``==> name: text``. For files, pipes, and terminals that cannot redraw."""

from __future__ import annotations

from datetime import datetime
from typing import TextIO

from attrs import define, field

from hclimg.events import Event, LaneFinished, RunFinished, RunStarted
from hclimg.ui.summary import RunSummary, spelled_out
from hclimg.ui.theme import PLAIN, Theme
from hclimg.ui.words import Tone, Words, lane_over, left_behind, words

NO_ARTIFACT = "<nothing>"


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
                self._write(*summary_lines(self._run, self.theme))
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
        prefix = f"==> {event.lane}: " if prefixed else "" if isinstance(event, LaneFinished) else "==> "
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
    return theme.lane(lane, text)


def rfc3339(at: float) -> str:
    """A time of the local zone, as ``-timestamp-ui`` shows it."""
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds").replace("+00:00", "Z")


def summary_lines(run: RunSummary, theme: Theme = PLAIN) -> list[str]:
    """Packer's closing words: the time, what failed, the artifacts that exist, and what is left behind."""
    lines = ["", f"==> Wait completed after {spelled_out(run.seconds)}"]
    if run.status == "cancelled":
        lines += ["", theme.paint("warning", "Cleanly cancelled builds after being interrupted.")]
    lines += _errors(run, theme)
    if run.artifacts:
        lines += ["", "==> Builds finished. The artifacts of successful builds are:"]
        lines += [f"--> {a.lane}: {a.description or NO_ARTIFACT}" for a in run.artifacts]
    else:
        lines += ["", "==> Builds finished but no artifacts were created."]
    if run.left_behind:
        lines += ["", theme.paint("warning", "==> Something was left behind:")]
        lines += [f"--> {event.lane or 'run'}: {left_behind(event)}" for event in run.left_behind]
    return lines


def _errors(run: RunSummary, theme: Theme) -> list[str]:
    errors = [(lane.name, lane.error) for lane in run.lanes.values() if lane.status == "failed"]
    errors += [(node.id, node.error) for node in run.shared.failed_nodes]
    if not errors:
        return []
    title = theme.paint("error", "==> Some builds didn't complete successfully and had errors:")
    return ["", title, *(f"--> {name}: {error}" for name, error in errors)]
