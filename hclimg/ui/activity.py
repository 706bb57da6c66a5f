"""What each lane is doing right now, folded from events: node, step, transfer."""

from __future__ import annotations

from attrs import define, field

from hclimg.events import (
    ApiRetrying,
    Event,
    NodeFinished,
    NodeRetrying,
    NodeStarted,
    Progress,
    StepFinished,
    StepStarted,
)
from hclimg.ui.theme import one_line


@define
class Doing:
    """One running node. ``steps`` are its open steps, outermost first; ``note`` says why it waits."""

    lane: str
    title: str
    started: float
    steps: list[str] = field(factory=list)
    undoing: bool = False
    progress: Progress | None = None
    note: str = ""

    @property
    def text(self) -> str:
        parts = [self.title, *self.steps[-1:], *([self.note] if self.note else [])]
        return " › ".join(dict.fromkeys(parts))


@define
class Activity:
    """``nodes`` has the running nodes in the order in which they started."""

    nodes: dict[str, Doing] = field(factory=dict)

    def add(self, event: Event) -> None:
        match event:
            case NodeStarted():
                self.nodes[event.node] = Doing(event.lane, one_line(event.title), event.at)
            case NodeFinished():
                self.nodes.pop(event.node, None)
            case _:
                doing = self.nodes.get(event.node)
                if doing:
                    _update(doing, event)


def _update(doing: Doing, event: Event) -> None:
    match event:
        case StepStarted():
            doing.steps.append(event.title)
            doing.undoing, doing.progress, doing.note = event.undo, None, ""
        case StepFinished():
            doing.progress, doing.note = None, ""
            if event.title in doing.steps:
                doing.steps.remove(event.title)
        case Progress():
            is_over = event.total and event.done >= event.total
            doing.progress, doing.note = None if is_over else event, ""
        case NodeRetrying():
            doing.note = f"attempt {event.attempt} failed, waiting"
        case ApiRetrying():
            doing.note = "waiting to try again"
