"""What a run came to, folded from its events: the lanes with their nodes, times, artifacts, and what is left behind.

Pure data and words. How it is laid out is the business of the sink that shows it.
"""

from __future__ import annotations

from collections import deque

from attrs import define, field

from hclimg.events import (
    ArtifactMade,
    Event,
    LaneFinished,
    LaneStarted,
    LeftBehind,
    NodeFinished,
    NodeRetrying,
    NodeStarted,
    Output,
    RunFinished,
    RunStarted,
    Said,
    TemplateOutput,
)
from hclimg.ui.theme import one_line

LOG_LINES = 200
"""How many of the last lines of each running node are kept, to be shown again when it fails."""

_UNITS = (
    ("year", 365 * 86400 * 10**6), ("week", 7 * 86400 * 10**6), ("day", 86400 * 10**6), ("hour", 3600 * 10**6),
    ("minute", 60 * 10**6), ("second", 10**6), ("millisecond", 10**3), ("microsecond", 1),
)  # fmt: skip


def spelled_out(seconds: float) -> str:
    """A time in Packer's words, its two largest units: ``2 seconds 3 milliseconds``."""
    rest, parts = round(seconds * 10**6), []
    for name, size in _UNITS:
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number} {name}{'s' * (number != 1)}")
    return " ".join(parts[:2]) or "0 microseconds"


def clock(seconds: float) -> str:
    """A time for a column: ``4.2s``, ``1m05s``, ``2h03m``."""
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    return f"{minutes // 60}h{minutes % 60:02}m"


@define
class NodeSummary:
    """``log`` holds its last lines and is dropped when it succeeds."""

    id: str
    title: str
    started: float
    status: str = ""
    seconds: float = 0.0
    error: str = ""
    attempts: int = 1
    log: deque[str] = field(factory=lambda: deque(maxlen=LOG_LINES))


@define
class LaneSummary:
    """``index`` counts the lanes in the order of the plan, for colours. ``status`` is empty until it has ended."""

    name: str
    index: int
    started: float = 0.0
    status: str = ""
    seconds: float = 0.0
    error: str = ""
    nodes: dict[str, NodeSummary] = field(factory=dict)
    artifacts: list[ArtifactMade] = field(factory=list)

    @property
    def is_over(self) -> bool:
        return bool(self.status)

    @property
    def failed_nodes(self) -> list[NodeSummary]:
        return [node for node in self.nodes.values() if node.status == "failed"]


@define
class RunSummary:
    """Take every event with :meth:`add`; read the rest at any time. ``shared`` has the nodes that belong to no lane."""

    run: str = ""
    started: float = 0.0
    finished: float = 0.0
    status: str = ""
    lanes: dict[str, LaneSummary] = field(factory=dict)
    shared: LaneSummary = field(factory=lambda: LaneSummary("", 0))
    left_behind: list[LeftBehind] = field(factory=list)
    outputs: list[TemplateOutput] = field(factory=list)

    def add(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.run, self.started = event.run, event.at
                for name in event.lanes:
                    self.lane(name)
            case RunFinished():
                self.status, self.finished = event.status, event.at
            case TemplateOutput():
                self.outputs.append(event)
            case LeftBehind():
                self.left_behind.append(event)
            case LaneStarted():
                self.lane(event.lane).started = event.at
            case LaneFinished():
                lane = self.lane(event.lane)
                lane.status, lane.seconds, lane.error = event.status, event.seconds, event.error
            case ArtifactMade():
                self.lane(event.lane).artifacts.append(event)
            case _:
                self._add_to_node(event)

    def lane(self, name: str) -> LaneSummary:
        if not name:
            return self.shared
        if name not in self.lanes:
            self.lanes[name] = LaneSummary(name, len(self.lanes))
        return self.lanes[name]

    @property
    def seconds(self) -> float:
        return max(0.0, self.finished - self.started)

    @property
    def artifacts(self) -> list[ArtifactMade]:
        return [artifact for lane in self.lanes.values() for artifact in lane.artifacts]

    @property
    def failed_nodes(self) -> list[NodeSummary]:
        return [node for lane in (self.shared, *self.lanes.values()) for node in lane.failed_nodes]

    def _add_to_node(self, event: Event) -> None:
        nodes = self.lane(event.lane).nodes
        match event:
            case NodeStarted():
                nodes[event.node] = NodeSummary(event.node, one_line(event.title), event.at, attempts=event.attempt)
            case NodeFinished() if event.node in nodes:
                node = nodes[event.node]
                node.status, node.seconds, node.error = event.status, event.seconds, event.error
                if node.status != "failed":
                    node.log.clear()
            case NodeRetrying() if event.node in nodes:
                nodes[event.node].log.append(f"Attempt {event.attempt} failed: {event.error}")
            case Said() | Output() if event.node in nodes:
                nodes[event.node].log.append(event.text)
