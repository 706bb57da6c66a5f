"""The terminal's output: a line per running lane at the bottom, logs scrolling above, a summary at the end.

Events only change the state here and add to a queue of lines; a ticker draws ten times a second, so that a build that
prints a million lines is not slowed down by drawing. Knows no components and asks nobody anything: it is told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from attrs import define, field
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.segment import Segment

from hclimg.events import Event, LaneFinished, RunFinished
from hclimg.ui.activity import Activity
from hclimg.ui.layout import closing_report, lanes_region
from hclimg.ui.plain import closing_lines, paint, rfc3339
from hclimg.ui.summary import RunSummary
from hclimg.ui.theme import Theme
from hclimg.ui.words import Tone, Words, lane_over, target, words

TICK = 0.1


class _Lines:
    """Lines that are written as they are: the terminal wraps them, rich does not look into them."""

    def __init__(self, lines: list[str]) -> None:
        self._text = "".join(line + "\n" for line in lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment(self._text)


@define
class LiveConsole:
    """``timestamps`` puts the time before each line of a build; ``tick`` 0 draws only when asked, for tests."""

    out: TextIO
    theme: Theme
    timestamps: bool = False
    now: Callable[[], float] = time.time
    tick: float = TICK
    console: Console | None = None
    _run: RunSummary = field(factory=RunSummary, init=False)
    _activity: Activity = field(factory=Activity, init=False)
    _pending: list[str] = field(factory=list, init=False)
    _lock: threading.RLock = field(factory=threading.RLock, init=False)
    _live: Live = field(init=False)
    _screen: Console = field(init=False)
    _stop: threading.Event = field(factory=threading.Event, init=False)
    _paused: int = field(default=0, init=False)
    _broken: bool = field(default=False, init=False)
    _started: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._screen = self.console or Console(
            file=self.out, no_color=not self.theme.enabled, highlight=False, markup=False, emoji=False
        )
        self._live = Live(
            get_renderable=self._region, console=self._screen, auto_refresh=False, transient=True,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip

    def handle(self, event: Event) -> None:
        with self._lock:
            self._start()
            self._run.add(event)
            self._activity.add(event)
            match event:
                case LaneFinished():
                    self._say(event, lane_over(event), prefixed=False)
                case RunFinished():
                    self.close()
                case _:
                    said = words(event)
                    if said:
                        self._say(event, said)

    def _start(self) -> None:
        """Begin to draw, with the first event: until then others may write to the terminal."""
        if self._started or self._stop.is_set():
            return
        self._started = True
        self._guard(lambda: self._live.start())
        if self.tick:
            threading.Thread(target=self._run_ticker, name="console", daemon=True).start()

    def draw(self) -> None:
        """Write the lines that have come in and draw the lanes again."""
        with self._lock:
            if not self._started or self._paused or self._broken or self._stop.is_set():
                return
            self._guard(self._draw)

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """While inside, nothing is drawn: somebody else talks to the terminal. Lines wait."""
        with self._lock:
            self.draw()
            self._paused += 1
            self._guard(self._live.stop)
        try:
            yield
        finally:
            with self._lock:
                self._paused -= 1
                if self._started and not self._paused and not self._stop.is_set():
                    self._guard(lambda: self._live.start())

    def close(self) -> None:
        """Take the lanes away and, when the run is over, say what it came to. Only the first call does something."""
        with self._lock:
            if self._stop.is_set():
                return
            self._stop.set()
            self._guard(self._finish)

    def _finish(self) -> None:
        self._live.stop()
        self._flush()
        if self._run.status:
            for part in closing_report(self._run, self.theme, self._unicode):
                self._screen.print(part)
            self._screen.print(_Lines(closing_lines(self._run, self.theme)), soft_wrap=True, end="")

    def _draw(self) -> None:
        with self._screen:  # one write for both
            self._flush()
            self._live.refresh()

    def _flush(self) -> None:
        lines, self._pending = self._pending, []
        if lines:
            self._screen.print(_Lines(lines), soft_wrap=True, end="")

    def _guard(self, write: Callable[[], object]) -> None:
        """A terminal that went away ends the drawing and nothing else."""
        try:
            write()
        except (OSError, ValueError):
            self._broken = True

    def _region(self) -> RenderableType:
        height = max(1, self._screen.size.height - 2)
        return lanes_region(self._run, self._activity, self.now(), height, unicode=self._unicode)

    @property
    def _unicode(self) -> bool:
        return self._screen.encoding.lower().startswith("utf")

    def _say(self, event: Event, said: Words, *, prefixed: bool = True) -> None:
        index = self._run.lane(event.lane).index
        stamp = f"{rfc3339(event.at)}: " if self.timestamps else ""
        is_output = said.tone in (Tone.OUTPUT, Tone.OUTPUT_ERROR)
        prefix = f"{'   ' if is_output else '==>'} {target(event)}: " if prefixed and event.lane else "==> " * prefixed
        for text in said.text.split("\n"):
            clean = self.theme.clean(text)
            if is_output:
                self._pending.append(self.theme.lane(index, stamp + prefix) + clean)
            else:
                self._pending.append(paint(self.theme, said.tone, index, stamp + prefix + clean))

    def _run_ticker(self) -> None:
        while not self._stop.wait(self.tick):
            self.draw()
