"""The one loop. Its thread owns all the state of a run; worker threads run one node and return.

Nothing polls: the loop sleeps until a worker is done, a timer is due, or somebody cancels. Each of these is a call that
somebody else puts into the inbox and that this thread makes. Every node keeps a count of the nodes that it still waits
for, so the work is linear in nodes and edges.

It does not know what a node does (see ``execute``) nor what to do about a failure (see ``onerror``).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from heapq import heappop, heappush
from queue import Empty, SimpleQueue
from typing import Protocol

from attrs import define, field

from hclimg.engine.limits import Admission, Claim
from hclimg.engine.onerror import Decision, FailurePolicy
from hclimg.engine.state import LaneState, NodeState, Status, Work, error_text
from hclimg.errors import Cancelled, CleanupError, TimedOut
from hclimg.events import (
    EventBus,
    LaneFinished,
    LaneStarted,
    NodeFinished,
    NodeRetrying,
    NodeStarted,
    Said,
)
from hclimg.plan.node import NodeKind, Trigger
from hclimg.plan.plan import Plan
from hclimg.sdk.cancel import CancelToken
from hclimg.units import show_duration

BUILDS = "builds"
"""The limit of ``-parallel-builds``: a lane holds one slot from its first node to its last, RELEASE aside."""
WORKERS = "workers"
"""The limit of nodes that run at once."""


class Executor(Protocol):
    """Where work runs."""

    def start(self, work: Callable[[], None]) -> None:
        """Run it soon. Must not block."""


Call = Callable[[], None]


@define(kw_only=True, eq=False)
class Scheduler:
    """``cancel`` stops the work and cleans up; ``stop`` makes :meth:`run` return without waiting for anything.

    ``run_node`` is called on a worker thread, ``lane_over`` on this one, before the event that says so.
    """

    plan: Plan
    run_node: Callable[[Work], None]
    bus: EventBus
    executor: Executor
    cancel: CancelToken = field(factory=CancelToken)
    stop: CancelToken = field(factory=CancelToken)
    limits: Mapping[str, int] = field(factory=dict)
    policy: FailurePolicy = field(factory=FailurePolicy)
    lane_over: Callable[[str], None] = lambda _lane: None
    states: dict[str, NodeState] = field(init=False)
    lanes: dict[str, LaneState] = field(init=False)
    _by_place: list[NodeState] = field(init=False)
    _admission: Admission = field(init=False)
    _wants: dict[tuple[object, ...], Mapping[str, int]] = field(factory=dict, init=False)
    _inbox: SimpleQueue[Call] = field(factory=SimpleQueue, init=False)
    _timers: list[tuple[float, int, Call]] = field(factory=list, init=False)
    _over: deque[NodeState] = field(factory=deque, init=False)
    _left: int = field(init=False)
    _busy: int = field(default=0, init=False)
    _delayed: dict[int, NodeState] = field(factory=dict, init=False)
    _ticket: int = field(default=0, init=False)
    _cancelled: bool = field(default=False, init=False)
    _stopped: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._by_place = [NodeState(node, place) for place, node in enumerate(self.plan.nodes.values())]
        self.states = {state.node.id: state for state in self._by_place}
        self.lanes = {name: LaneState(name) for name in self.plan.lanes}
        self._left = len(self._by_place)
        self._admission = Admission(self.limits)
        for name, state in self.states.items():
            state.open_inputs = len(self.plan.predecessors(name)) + len(self.plan.order_predecessors(name))
            if state.node.lane:
                lane = self.lanes.setdefault(state.node.lane, LaneState(state.node.lane))
                lane.open_nodes += 1
                lane.holding += state.node.kind is not NodeKind.RELEASE

    def run(self) -> Mapping[str, NodeState]:
        """Run everything; how each node fared."""
        cancelling = self.cancel.closing(lambda: self._inbox.put(self._on_cancel))
        stopping = self.stop.closing(lambda: self._inbox.put(self._on_stop))
        with cancelling, stopping:
            self._make_calls(wait=False)
            for state in self._by_place:
                if not state.open_inputs:
                    self._decide(state)
            self._spread()
            while self._left and not self._stopped:
                self._start_admitted()
                self._make_calls()
        return self.states

    # -- the loop -----------------------------------------------------------------

    def _start_admitted(self) -> None:
        while claim := self._admission.admit():
            self._start(self._by_place[claim[0]], claim)
        if not self._busy and not self._delayed and self._left:
            self._overrule()

    def _overrule(self) -> None:
        """Nothing runs and nothing will: the lanes that have the slots wait for a lane that has none."""
        if not self._inbox.empty():
            return
        claim = self._admission.overrule()
        if claim is None:
            raise RuntimeError("nodes are left, but none of them can run")
        state = self._by_place[claim[0]]
        self._warn(state, "Goes beyond the limit of parallel builds, because the builds that run wait for this one.")
        self._start(state, claim)

    def _make_calls(self, *, wait: bool = True) -> None:
        """Wait for something to happen, then see to everything that has."""
        try:
            if wait:
                self._inbox.get(timeout=self._until_next_timer())()
            while True:
                self._inbox.get_nowait()()
        except Empty:
            self._fire_timers()
        self._spread()

    def _until_next_timer(self) -> float | None:
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _fire_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heappop(self._timers)[2]()

    def _after(self, seconds: float, call: Call) -> None:
        self._ticket += 1
        heappush(self._timers, (time.monotonic() + seconds, self._ticket, call))

    def _spread(self) -> None:
        """Tell the nodes after those that are over. A loop rather than recursion: chains may be long."""
        while self._over:
            state = self._over.popleft()
            for name in self.plan.successors(state.node.id):
                following = self.states[name]
                following.inputs_ran |= state.attempt > 0
                if state.status is not Status.SUCCEEDED:
                    following.trouble |= {state.status}
                    following.cause = following.cause or (state if state.status is Status.FAILED else state.cause)
                self._one_less(following)
            for name in self.plan.order_successors(state.node.id):
                self._one_less(self.states[name])

    def _one_less(self, state: NodeState) -> None:
        state.open_inputs -= 1
        if not state.open_inputs:
            self._decide(state)

    # -- deciding -----------------------------------------------------------------

    def _decide(self, state: NodeState) -> None:
        """All inputs are over: queue the node, or end it without running."""
        verdict = self._verdict(state)
        if verdict is None:
            self._queue(state)
        else:
            self._end(state, verdict)

    def _verdict(self, state: NodeState) -> Status | None:
        """None when it may run, or the status with which it ends without running."""
        trouble, trigger = state.trouble, state.node.trigger
        if trigger is Trigger.ALWAYS:
            wanted = state.inputs_ran or not self.plan.predecessors(state.node.id)
        elif trigger is Trigger.ON_FAILURE:
            wanted = Status.FAILED in trouble and self.policy.wants(state.node)
        else:
            wanted = not trouble
        if wanted:
            return Status.CANCELLED if self._cancelled and trigger is not Trigger.ALWAYS else None
        return Status.CANCELLED if trouble == {Status.CANCELLED} else Status.SKIPPED

    def _queue(self, state: NodeState) -> None:
        """Let it run as soon as its pause is over and there is room."""
        pause = state.node.pause_before
        if not pause:
            self._claim(state)
            return
        self._say(state, f"Pausing {_spoken(pause)} before: {state.node.title}")
        self._delay(pause, state, self._claim)

    def _delay(self, seconds: float, state: NodeState, then: Callable[[NodeState], None]) -> None:
        def go_on() -> None:
            if self._delayed.pop(state.place, None):
                then(state)

        self._delayed[state.place] = state
        self._after(seconds, go_on)

    def _claim(self, state: NodeState) -> None:
        node = state.node
        opening = False
        lane = self.lanes.get(node.lane)
        if lane is not None and not lane.is_open and node.kind is not NodeKind.RELEASE:
            if lane.claimant is not None:
                lane.waiting.append(state)
                return
            lane.claimant, opening = state, True
        self._admission.ask(state.place, self._slots(node.uses, opening=opening))

    def _slots(self, uses: Mapping[str, int], *, opening: bool) -> Mapping[str, int]:
        """What a node wants; nodes that want the same share one object."""
        key = (opening, *uses.items())
        if key not in self._wants:
            whole = {**uses, WORKERS: 1, **({BUILDS: 1} if opening else {})}
            self._wants[key] = self._admission.limited(whole)
        return self._wants[key]

    # -- running ------------------------------------------------------------------

    def _start(self, state: NodeState, claim: Claim) -> None:
        node = state.node
        lane = self.lanes.get(node.lane)
        if lane is not None and not lane.is_open:
            lane.has_slot = BUILDS in claim[1]
            self._open(lane)
        state.claim = claim
        state.attempt += 1
        state.status, state.error, state.expired = Status.RUNNING, None, False
        state.started = state.started or time.monotonic()
        state.token = token = CancelToken()
        self._busy += 1
        self.bus.emit(NodeStarted(lane=node.lane, node=node.id, title=node.title, attempt=state.attempt))
        if node.timeout is not None:
            self._after(node.timeout, partial(self._expire, state, token))
        self.executor.start(partial(self._work, state, Work(node, state.attempt, token, state.trouble)))

    def _open(self, lane: LaneState) -> None:
        lane.is_open, lane.started, lane.claimant = True, time.monotonic(), None
        self.bus.emit(LaneStarted(lane=lane.name))
        for state in lane.waiting:
            self._claim(state)
        lane.waiting.clear()

    def _work(self, state: NodeState, work: Work) -> None:
        """On a worker: run the node. What cleans up is never cancelled."""
        error: BaseException | None = None
        try:
            if work.node.trigger is Trigger.ALWAYS:
                self.run_node(work)
            else:
                with linked(self.cancel, work.cancel):
                    self.run_node(work)
        except BaseException as raised:  # noqa: BLE001 - it is reported by the scheduler's thread
            error = raised
        self._inbox.put(partial(self._on_done, state, error))

    def _expire(self, state: NodeState, token: CancelToken) -> None:
        if state.token is token:
            state.expired = True
            _cancel_aside(token)

    def _on_done(self, state: NodeState, error: BaseException | None) -> None:
        state.token, node = None, state.node
        if error is not None and state.expired:
            timeout = TimedOut(f'"{node.title}" did not end within {_spoken(node.timeout or 0)}.')
            timeout.__cause__ = error
            error = timeout
        state.error = error
        if error is None:
            self._end(state, Status.SUCCEEDED)
        elif isinstance(error, Cancelled) or (self._cancelled and node.trigger is not Trigger.ALWAYS):
            self._end(state, Status.CANCELLED)
        elif node.retry.allows(error, state.attempt) and not isinstance(error, CleanupError):
            self._retry(state, error)
        elif node.continue_on_error:
            self._warn(state, f'"{node.title}" failed, and the build goes on all the same: {error_text(error)}')
            self._end(state, Status.SUCCEEDED)
        elif self.policy.asks(node):
            self.executor.start(partial(self._ask, state, error))
        else:
            self._end(state, Status.FAILED)

    def _retry(self, state: NodeState, error: BaseException) -> None:
        node = state.node
        delay = node.retry.delay_after(state.attempt)
        told = NodeRetrying(lane=node.lane, node=node.id, attempt=state.attempt, delay=delay, error=error_text(error))
        self.bus.emit(told)
        self._give_back(state)
        state.status = Status.PENDING
        self._delay(delay, state, self._queue)

    def _ask(self, state: NodeState, error: BaseException) -> None:
        """On a worker: let the person decide. The node keeps its slots meanwhile."""
        try:
            decision = self.policy.decide(state.node, error, self.cancel)
        except Exception:  # noqa: BLE001 - a terminal that fails must not leave the node without an end
            decision = Decision.CLEAN_UP
        self._inbox.put(partial(self._on_decided, state, decision))

    def _on_decided(self, state: NodeState, decision: Decision) -> None:
        if decision is Decision.RETRY and not self._cancelled:
            self._give_back(state)
            state.status = Status.PENDING
            self._queue(state)
        else:
            self._end(state, Status.FAILED)

    # -- ending -------------------------------------------------------------------

    def _end(self, state: NodeState, status: Status) -> None:
        self._give_back(state)
        state.status = status
        if state.ran:
            state.seconds = time.monotonic() - state.started
        error = error_text(state.error) if status is Status.FAILED else ""
        node = state.node
        self.bus.emit(NodeFinished(lane=node.lane, node=node.id, status=status, seconds=state.seconds, error=error))
        self._left -= 1
        self._over.append(state)
        if node.lane:
            self._end_in_lane(self.lanes[node.lane], state)

    def _give_back(self, state: NodeState) -> None:
        """Return its slots, but for that of its lane."""
        if state.claim is None:
            return
        self._busy -= 1
        self._admission.release({name: n for name, n in state.claim[1].items() if name != BUILDS})
        state.claim = None

    def _end_in_lane(self, lane: LaneState, state: NodeState) -> None:
        if state.status is not Status.SKIPPED or state.node.trigger is Trigger.ON_SUCCESS:
            lane.ended.add(state.status)
        lane.error = lane.error or _reason(state)
        if lane.claimant is state:
            lane.claimant = None
        lane.open_nodes -= 1
        if state.node.kind is not NodeKind.RELEASE:
            lane.holding -= 1
            if not lane.holding and lane.has_slot:
                self._admission.release({BUILDS: 1})
        if not lane.open_nodes:
            self._close(lane)

    def _close(self, lane: LaneState) -> None:
        lane.seconds = time.monotonic() - lane.started if lane.is_open else 0.0
        lane.status = _lane_status(lane.ended)
        self.lane_over(lane.name)
        error = lane.error if lane.status is Status.FAILED else ""
        self.bus.emit(LaneFinished(lane=lane.name, status=lane.status, seconds=lane.seconds, error=error))

    def _on_cancel(self) -> None:
        """End what waits. What cleans up still runs, and so does what runs, until it has seen its token."""
        self._cancelled = True
        waiting = [self._by_place[place] for place in self._admission.withdraw()]
        for lane in self.lanes.values():
            waiting += lane.waiting
            lane.waiting.clear()
            lane.claimant = None
        waiting += self._delayed.values()
        self._delayed.clear()
        for state in sorted(waiting, key=lambda state: state.place):
            if state.node.trigger is Trigger.ALWAYS:
                self._claim(state)
            else:
                self._end(state, Status.CANCELLED)

    def _on_stop(self) -> None:
        """Wait for nothing any more."""
        self._stopped = self._cancelled = True
        for state in self._by_place:
            if not state.status.is_over:
                self._end(state, Status.CANCELLED)
        self._over.clear()

    def _say(self, state: NodeState, text: str, level: str = "info") -> None:
        self.bus.emit(Said(lane=state.node.lane, node=state.node.id, text=text, level=level))

    def _warn(self, state: NodeState, text: str) -> None:
        self._say(state, text, "warning")


def _reason(state: NodeState) -> str:
    """Why a node did not succeed, when that was a failure: its own, or that of a node before it."""
    if state.status is Status.FAILED:
        return error_text(state.error)
    if state.status is Status.SKIPPED and state.cause and state.cause.node.lane != state.node.lane:
        return f'"{state.cause.node.title}" failed: {error_text(state.cause.error)}'
    return ""


def _spoken(seconds: float) -> str:
    return show_duration(timedelta(seconds=seconds))


def _lane_status(ended: set[Status]) -> Status:
    """A lane that could not begin because something that it shares with others failed, failed."""
    if not ended.isdisjoint({Status.FAILED, Status.SKIPPED}):
        return Status.FAILED
    return Status.CANCELLED if Status.CANCELLED in ended else Status.SUCCEEDED


@contextmanager
def linked(parent: CancelToken, child: CancelToken) -> Iterator[None]:
    """While inside, a cancel of the parent cancels the child, without waiting for what that closes."""
    with parent.closing(partial(_cancel_aside, child)):
        yield


def _cancel_aside(token: CancelToken) -> None:
    """Cancel on a thread of its own: what it closes may take seconds, and the others must not wait for it."""
    threading.Thread(target=token.cancel, name="cancel", daemon=True).start()
