"""What the tests of the engine share: a tape of events, executors, and a way to run a plan of plain functions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

from attrs import define, field

from hclimg.engine.executors.local import LocalExecutor
from hclimg.engine.onerror import FailurePolicy
from hclimg.engine.scheduler import Executor, Scheduler
from hclimg.engine.state import LaneState, NodeState, Status, Work
from hclimg.events import Event, EventBus
from hclimg.plan.node import Lane, Node, NodeKind, Trigger
from hclimg.plan.plan import Plan
from hclimg.sdk.cancel import CancelToken


@define
class Tape:
    """Keeps every event."""

    events: list[Event] = field(factory=list)

    def handle(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None: ...

    def of(self, kind: type[Event], **fields: object) -> list[Any]:
        return [e for e in self.events if type(e) is kind and all(getattr(e, k) == v for k, v in fields.items())]


class InlineExecutor:
    """Runs work at once, on the thread of the scheduler: deterministic."""

    def start(self, work: Callable[[], None]) -> None:
        work()


@define
class Outcome:
    states: Mapping[str, NodeState]
    lanes: Mapping[str, LaneState]
    tape: Tape

    @property
    def statuses(self) -> dict[str, str]:
        return {name: str(state.status) for name, state in self.states.items()}


def node(name: str, kind: NodeKind = NodeKind.PROVISION, **more: Any) -> Node:
    return Node(id=name, kind=kind, title=f"Doing {name}", **more)


def lane(name: str) -> Lane:
    return Lane(address=name, name=name, source_type="fake", source_name=name)


def lane_plan(names: Iterable[str], steps: int = 2, **more: Any) -> Plan:
    """Lanes of ``build``, ``steps`` provisioners, ``capture`` and ``teardown`` on one shared source."""
    names = list(names)
    return Plan(*lane_parts(names, steps, **more), map(lane, names))


def lane_parts(names: Iterable[str], steps: int = 2, **more: Any) -> tuple[list[Node], list[tuple[str, str]]]:
    """The nodes and edges of :func:`lane_plan`."""
    nodes, edges = [node("source", NodeKind.SOURCE)], []
    for name in names:
        chain = [
            node(f"{name}/build", NodeKind.BUILD, lane=name),
            *(node(f"{name}/provision[{i}]", lane=name, **more) for i in range(steps)),
            node(f"{name}/capture", NodeKind.CAPTURE, lane=name),
        ]
        teardown = node(f"{name}/teardown", NodeKind.TEARDOWN, lane=name, trigger=Trigger.ALWAYS)
        edges += [("source", chain[0].id)]
        edges += [(a.id, b.id) for a, b in pairwise(chain)]
        edges += [(n.id, teardown.id) for n in chain]
        nodes += [*chain, teardown]
    return nodes, edges


def run_plan(
    plan: Plan,
    run_node: Callable[[Work], None] = lambda work: None,
    *,
    limits: Mapping[str, int] | None = None,
    cancel: CancelToken | None = None,
    stop: CancelToken | None = None,
    policy: FailurePolicy | None = None,
    executor: Executor | None = None,
    lane_over: Callable[[str], None] = lambda name: None,
) -> Outcome:
    tape = Tape()
    own = LocalExecutor()
    with EventBus([tape]) as bus:
        scheduler = Scheduler(
            plan=plan, run_node=run_node, bus=bus, executor=executor or own, cancel=cancel or CancelToken(),
            stop=stop or CancelToken(), limits=limits or {}, policy=policy or FailurePolicy(), lane_over=lane_over,
        )  # fmt: skip
        states = scheduler.run()
    own.close()
    return Outcome(states, scheduler.lanes, tape)


SUCCEEDED, FAILED, SKIPPED, CANCELLED = Status.SUCCEEDED, Status.FAILED, Status.SKIPPED, Status.CANCELLED


def count_calls(run: Callable[[], object]) -> int:
    """How many functions are called while it runs, on this thread: a measure that does not depend on the machine."""
    count = 0

    def profile(frame: object, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count
