"""How the terminal's live part and its closing report look, as rich renderables made from the state of a run."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from hclimg.events import Progress
from hclimg.ui.activity import Activity, Doing
from hclimg.ui.summary import LaneSummary, NodeSummary, RunSummary, clock
from hclimg.ui.theme import LANE_COLOURS, STYLES, Theme
from hclimg.units import show_size

SPINNER, ASCII_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"
BAR = 16
LOG_AGAIN = 40  # lines of a failed node's log that are shown again
WORTH_SHOWING = 0.1  # seconds; what was faster has no line of its own in the closing table
FEW_LANES = 8  # up to so many lanes, the closing table has a line for each node


def lanes_region(run: RunSummary, activity: Activity, now: float, height: int, *, unicode: bool = True) -> Table:
    """A line for each running node, in the order of the lanes, and one that counts; never higher than ``height``."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=1)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=36)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    frames = SPINNER if unicode else ASCII_SPINNER
    frame = frames[int(now * 10) % len(frames)]
    running = sorted(activity.nodes.values(), key=lambda doing: run.lane(doing.lane).index)
    room = max(0, height - 1)
    for doing in running[:room]:
        lane = run.lane(doing.lane)
        text = Text(doing.text, STYLES["faint"][1] if doing.undoing else "")
        bar, amount = _progress(doing)
        table.add_row(frame, _name(lane), text, bar, amount, clock(max(0.0, now - (lane.started or doing.started))))
    hidden = len(running) - room
    table.add_row("", "", Text(_counts(run, hidden), STYLES["faint"][1]), "", "", clock(max(0.0, now - run.started)))
    return table


def _name(lane: LaneSummary) -> Text:
    return Text(lane.name or "shared", LANE_COLOURS[lane.index % len(LANE_COLOURS)][1])


def _progress(doing: Doing) -> tuple[RenderableType, str]:
    progress = doing.progress
    if progress is None:
        return "", ""
    if not progress.total:
        return "", _amount(progress)
    return ProgressBar(total=progress.total, completed=progress.done, width=BAR), _amount(progress)


def _amount(progress: Progress) -> str:
    show = show_size if progress.unit == "B" else str
    return f"{show(progress.done)} of {show(progress.total)}" if progress.total else show(progress.done)


def _counts(run: RunSummary, hidden: int) -> str:
    lanes = list(run.lanes.values())
    over = [lane.status for lane in lanes if lane.is_over]
    waiting = sum(not lane.is_over and not lane.started for lane in lanes)
    running = len(lanes) - len(over) - waiting
    built, failed = over.count("succeeded"), over.count("failed")
    parts = [(running, "running"), (waiting, "waiting"), (built, "built"), (failed, "failed"),
             (len(over) - built - failed, "not built")]  # fmt: skip
    text = ", ".join(f"{number} {word}" for number, word in parts if number)
    return f"… and {hidden} more; {text}" if hidden > 0 else text


def closing_report(run: RunSummary, theme: Theme, unicode: bool = True) -> Iterator[RenderableType]:
    """The logs of what failed, again, and a table of where the time went."""
    for node in run.failed_nodes:
        yield from _log_again(node, theme, unicode)
    if run.lanes:
        yield Text()
        yield _times(run)


def _log_again(node: NodeSummary, theme: Theme, unicode: bool) -> Iterator[RenderableType]:
    error = STYLES["error"][1]
    yield Text()
    title = Text.assemble((f"{node.id}", error), f" failed: {node.title}")
    yield Rule(title, align="left", style=error, characters="─" if unicode else "-")
    lines = list(node.log)[-LOG_AGAIN:]
    if len(node.log) > len(lines):
        yield Text(f"  … {len(node.log) - len(lines)} earlier lines", STYLES["faint"][1])
    for line in lines:
        yield Padding(Text.from_ansi(theme.clean(line)), (0, 0, 0, 2))
    yield Padding(Text(node.error, error), (0, 0, 0, 2))


def _times(run: RunSummary) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, justify="right", min_width=6)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    with_nodes = len(run.lanes) <= FEW_LANES
    for lane in run.lanes.values():
        table.add_row(clock(lane.seconds), _result(lane), _name(lane))
        for node in lane.nodes.values() if with_nodes else ():
            if node.seconds >= WORTH_SHOWING or node.status != "succeeded":
                table.add_row(*_node_row(node))
    return table


def _node_row(node: NodeSummary) -> tuple[Text, Text, Text]:
    style = STYLES["error"][1] if node.status == "failed" else STYLES["faint"][1]
    title = f"  {node.title}" + (f" (attempt {node.attempts})" if node.attempts > 1 else "")
    status = "" if node.status == "succeeded" else node.status
    return Text(clock(node.seconds), style), Text(status, style), Text(title, style)


def _result(lane: LaneSummary) -> Text:
    words = {"succeeded": ("built", "success"), "failed": ("failed", "error")}
    word, style = words.get(lane.status, (lane.status or "not finished", "warning"))
    return Text(word, STYLES[style][1])
