"""What a run came to."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from attrs import evolve, field, frozen

from hclimg.diagnostics import Diagnostic, Severity
from hclimg.engine.outputfile import StoredOutput
from hclimg.engine.state import NodeState, Status
from hclimg.errors import BuildError, CleanupError, TemplateError
from hclimg.events import LeftBehind, Redactor
from hclimg.lang.values import Value
from hclimg.plan.node import Lane, Node, NodeKind
from hclimg.sdk.machine import Artifact
from hclimg.template.model import DataAddress

SUMMARIES = {
    NodeKind.DATA: "Data source failed",
    NodeKind.SOURCE: "Source not available",
    NodeKind.BUILD: "Machine not launched",
    NodeKind.PROVISION: "Provisioner failed",
    NodeKind.CAPTURE: "Image not captured",
    NodeKind.ERROR_CLEANUP: "Provisioner failed",
    NodeKind.TEARDOWN: "Clean-up incomplete",
    NodeKind.POST_PROCESS: "Post-processor failed",
    NodeKind.RELEASE: "Clean-up incomplete",
}


class RunStatus(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@frozen(kw_only=True, eq=False)
class Failure:
    """A node that failed. ``diagnostics`` say so to the user, with the block that declared the node."""

    node: str
    title: str
    lane: str
    error: BaseException
    diagnostics: tuple[Diagnostic, ...]


@frozen(kw_only=True, eq=False)
class NodeResult:
    id: str
    status: Status
    seconds: float
    attempts: int


@frozen(kw_only=True, eq=False)
class LaneResult:
    """``artifacts`` are those that are there now: also those of a lane that failed after it had made some."""

    lane: Lane
    status: Status
    seconds: float
    error: str
    artifacts: tuple[Artifact, ...]

    @property
    def ok(self) -> bool:
        return self.status is Status.SUCCEEDED


@frozen(kw_only=True, eq=False)
class RunResult:
    """``data`` are the results of the data sources that were read. ``stopped``: the run did not wait for its clean-up,
    because it was interrupted twice. ``sink_errors`` are those of outputs that broke on the way (a closed pipe, a full
    disk); the builds went on without them."""

    id: str
    directory: Path
    status: RunStatus
    seconds: float
    lanes: tuple[LaneResult, ...]
    nodes: Mapping[str, NodeResult]
    failures: tuple[Failure, ...]
    left_behind: tuple[LeftBehind, ...]
    data: Mapping[DataAddress, Value] = field(factory=dict)
    outputs: Mapping[str, StoredOutput] = field(factory=dict)
    stopped: bool = False
    sink_errors: tuple[Exception, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every build succeeded."""
        return self.status is RunStatus.SUCCEEDED

    @property
    def exit_code(self) -> int:
        return {RunStatus.SUCCEEDED: 0, RunStatus.FAILED: 1, RunStatus.CANCELLED: 130}[self.status]


def status_of(lanes: tuple[LaneResult, ...], nodes: Mapping[str, NodeState], *, interrupted: bool) -> RunStatus:
    """An interrupted run is cancelled, unless it had nothing left to do."""
    ended = {*(state.status for state in nodes.values()), *(lane.status for lane in lanes)}
    if interrupted and Status.CANCELLED in ended:
        return RunStatus.CANCELLED
    if not ended.isdisjoint({Status.FAILED, Status.CANCELLED}):
        return RunStatus.FAILED
    return RunStatus.SUCCEEDED


def failure_of(state: NodeState, redact: Redactor) -> Failure | None:
    """The failure of a node; None when it did not fail."""
    if state.status is not Status.FAILED or state.error is None:
        return None
    node = state.node
    found = tuple(_redacted(item, redact) for item in diagnostics_of(node, state.error))
    return Failure(node=node.id, title=node.title, lane=node.lane, error=state.error, diagnostics=found)


def diagnostics_of(node: Node, error: BaseException) -> tuple[Diagnostic, ...]:
    """What to tell the user about an error of a node: where it was declared, what happened, what to do."""
    if isinstance(error, TemplateError):
        return error.diagnostics
    hint = error.hint if isinstance(error, BuildError) else ""
    context = node.spec.context if node.spec else "clean-up"
    told = Diagnostic(
        severity=Severity.ERROR,
        summary="Clean-up incomplete" if isinstance(error, CleanupError) else SUMMARIES[node.kind],
        detail=f"{error}\n{hint}" if hint else str(error),
        subject=node.spec.header if node.spec else None,
        context=f'{context} of build "{node.lane}"' if node.lane else context,
    )
    return (told,)


def _redacted(diagnostic: Diagnostic, redact: Redactor) -> Diagnostic:
    return evolve(diagnostic, detail=redact.text(diagnostic.detail))
