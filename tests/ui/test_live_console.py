"""The terminal's output, drawn on a rich console that writes into a string."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

from events_of_a_run import START, run_events
from rich.console import Console

from hclimg.events import (
    ArtifactMade,
    Event,
    EventBus,
    LaneStarted,
    NodeStarted,
    Output,
    Progress,
    RunFinished,
    RunStarted,
    StepStarted,
)
from hclimg.ui.console import LiveConsole
from hclimg.ui.theme import Theme

Golden = Callable[[str, str], None]


class Terminal:
    """A screen of 80 × 24 without colours; ``screen`` is what was written since the last look, escapes removed."""

    def __init__(self, *, height: int = 24, now: float = START + 4.7, timestamps: bool = False) -> None:
        self.out = io.StringIO()
        screen = Console(
            file=self.out, force_terminal=True, width=80, height=height, no_color=True, legacy_windows=False,
            highlight=False, markup=False, emoji=False, _environ={"TERM": "xterm"},
        )  # fmt: skip
        self.sink = LiveConsole(
            self.out, Theme(enabled=False), timestamps, now=lambda: now, tick=0, console=screen
        )

    def show(self, *events: Event) -> str:
        for event in events:
            self.sink.handle(event)
        self.sink.draw()
        return self.screen()

    def screen(self) -> str:
        text = self.out.getvalue()
        self.out.seek(0)
        self.out.truncate()
        return "\n".join(Theme(enabled=False).clean(line).rstrip() for line in text.split("\n"))


def test_running_lanes_are_at_the_bottom_and_logs_above(golden: Golden) -> None:
    terminal = Terminal()
    terminal.show()
    events = [event for event in run_events() if event.at <= START + 4.65]
    golden("console-running.txt", terminal.show(*events))


def test_a_transfer_shows_how_far_it_is() -> None:
    terminal = Terminal()
    shown = terminal.show(
        RunStarted(run="r", version="0", command="apply", lanes=("a",), at=START),
        LaneStarted(lane="a", at=START),
        NodeStarted(lane="a", node="a/build", title="Starting machine", at=START),
        StepStarted(lane="a", node="a/build", title="Copying disk", at=START),
        Progress(lane="a", node="a/build", what="disk", done=1 << 20, total=4 << 20, unit="B"),
    )
    (line,) = [text for text in shown.splitlines() if "Starting machine › Copying disk" in text]
    assert "1.0 MiB of 4.0 MiB" in line
    assert "━" in line
    assert line.endswith("4.7s")


def test_more_lanes_than_lines() -> None:
    terminal = Terminal(height=8)
    names = tuple(f"null.n{number}" for number in range(50))
    events: list[Event] = [RunStarted(run="r", version="0", command="apply", lanes=names, at=START)]
    for name in names[:20]:
        events += [LaneStarted(lane=name, at=START), NodeStarted(lane=name, node=f"{name}/b", title="Working")]
    terminal.sink.theme = Theme(enabled=False)
    shown = terminal.show(*events)
    region = [line for line in shown.splitlines() if "Working" in line and "==>" not in line]
    assert len(region) == 5
    assert "… and 15 more; 20 running, 30 waiting" in shown


def test_the_end(golden: Golden) -> None:
    terminal = Terminal()
    terminal.show(*run_events()[:-1])
    terminal.show(run_events()[-1])
    terminal = Terminal()
    terminal.show(*run_events()[:-1])
    terminal.screen()
    terminal.sink.handle(run_events()[-1])
    golden("console-end.txt", terminal.screen())


def test_nothing_is_drawn_while_somebody_is_asked() -> None:
    terminal = Terminal()
    terminal.show(RunStarted(run="r", version="0", command="apply", lanes=("a",)))
    with terminal.sink.suspended():
        terminal.screen()
        assert terminal.show(Output(lane="a", text="later")) == ""
    assert "a: later" in terminal.show()


def test_a_terminal_that_goes_away_does_not_stop_the_build() -> None:
    terminal = Terminal()
    terminal.show(RunStarted(run="r", version="0", command="apply", lanes=("a",)))
    terminal.out.close()
    terminal.sink.handle(Output(lane="a", text="x"))
    terminal.sink.draw()
    terminal.sink.handle(RunFinished(status="succeeded"))
    terminal.sink.close()


def test_many_producers() -> None:
    """Lines of one lane stay in order, and none is lost, while the ticker draws."""
    out = io.StringIO()
    screen = Console(file=out, force_terminal=True, width=80, height=24, no_color=True, _environ={"TERM": "xterm"})
    names = ("a", "b", "c", "d")
    with EventBus([sink := LiveConsole(out, Theme(enabled=False), tick=0.005, console=screen)]) as bus:
        bus.emit(RunStarted(run="r", version="0", command="apply", lanes=names))

        def produce(name: str) -> None:
            for number in range(500):
                bus.emit(Output(lane=name, text=f"line {number}"))

        threads = [threading.Thread(target=produce, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        bus.emit(ArtifactMade(lane="a", builder="x", id="i", description="the image"))
        bus.emit(RunFinished(status="succeeded"))
    assert bus.failures == []
    assert sink.console is screen
    written = out.getvalue().replace("\x1b[2K", "\n").split("\n")  # an erased line is as good as a new one
    lines = [Theme(enabled=False).clean(line) for line in written]
    for name in names:
        assert [text for text in lines if text.startswith(f"    {name}: ")] == [
            f"    {name}: line {number}" for number in range(500)
        ]
    assert lines.count("--> a: the image") == 1


def test_timestamps() -> None:
    terminal = Terminal(timestamps=True)
    shown = terminal.show(
        RunStarted(run="r", version="0", command="apply", lanes=("a",)), Output(lane="a", text="x", at=0.0)
    )
    assert "1970-01-01T" in next(line for line in shown.splitlines() if "a: x" in line)
