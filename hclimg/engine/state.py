"""How nodes and lanes fare: the state of a run, changed by the scheduler's thread only."""

from __future__ import annotations

from enum import StrEnum

from attrs import define, field, frozen

from hclimg.engine.limits import Claim
from hclimg.errors import TemplateError
from hclimg.plan.node import Node
from hclimg.sdk.cancel import CancelToken


class Status(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self not in (Status.PENDING, Status.RUNNING)


@frozen(eq=False)
class Work:
    """One attempt at a node. ``trouble`` tells how the nodes before it ended, those that succeeded aside."""

    node: Node
    attempt: int
    cancel: CancelToken
    trouble: frozenset[Status]


@define(eq=False)
class NodeState:
    """How one node fares.

    ``seconds`` counts from its first attempt to its end. ``cause`` is the node because of which this one was skipped.
    ``open_inputs`` counts the nodes that it waits for, ``trouble`` has how those that matter ended when not well, and
    ``inputs_ran`` whether one of them ever began. ``token`` stops the attempt that runs, ``expired`` says that its time
    was up, and ``claim`` has the slots that it holds.
    """

    node: Node
    place: int
    status: Status = Status.PENDING
    attempt: int = 0
    error: BaseException | None = None
    started: float = 0.0
    seconds: float = 0.0
    cause: NodeState | None = None
    open_inputs: int = 0
    trouble: frozenset[Status] = frozenset()
    inputs_ran: bool = False
    token: CancelToken | None = None
    expired: bool = False
    claim: Claim | None = None

    @property
    def ran(self) -> bool:
        return self.attempt > 0


def error_text(error: BaseException | None) -> str:
    """An error in one line of text."""
    if isinstance(error, TemplateError):
        return " ".join(f"{item.summary}: {item.detail}" if item.detail else item.summary for item in error.diagnostics)
    return str(error) or type(error).__name__


@define(eq=False)
class LaneState:
    """``holding`` counts the nodes that keep its slot taken, ``open_nodes`` all that are not over."""

    name: str
    open_nodes: int = 0
    holding: int = 0
    is_open: bool = False
    has_slot: bool = False
    started: float = 0.0
    claimant: NodeState | None = None
    waiting: list[NodeState] = field(factory=list)
    ended: set[Status] = field(factory=set)
    error: str = ""
    status: Status = Status.PENDING
    seconds: float = 0.0
