"""Random plans: the scheduler, on real threads, ends every node as a plain reading of the rules says."""

from __future__ import annotations

import threading

from attrs import frozen
from engine_kit import lane, node, run_plan
from hypothesis import given, settings
from hypothesis import strategies as st

from hclimg.engine.state import Work
from hclimg.errors import BuildError
from hclimg.events import Event, LaneFinished, LaneStarted, NodeFinished, NodeRetrying, NodeStarted, Said
from hclimg.plan.node import Trigger
from hclimg.plan.plan import Plan
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.retry import RetryPolicy

LANES = ("", "a", "b", "c")


@frozen
class Sample:
    """``failures`` is how many attempts of a node fail, ``edges`` are hard ones, ``order`` soft ones."""

    plan: Plan
    failures: dict[str, int]
    limits: dict[str, int]


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    count = draw(st.integers(1, 14))
    nodes, edges, order, failures = [], [], [], {}
    for i in range(count):
        attempts = draw(st.integers(1, 3))
        nodes.append(
            node(
                f"n{i:02}",
                lane=draw(st.sampled_from(LANES)),
                trigger=draw(st.sampled_from([Trigger.ON_SUCCESS] * 4 + [Trigger.ON_FAILURE, Trigger.ALWAYS])),
                retry=RetryPolicy(attempts=attempts, delay=0.0),
                continue_on_error=draw(st.integers(0, 9)) == 0,
                uses=draw(st.dictionaries(st.sampled_from("xy"), st.integers(1, 3))),
            )
        )
        failures[f"n{i:02}"] = draw(st.sampled_from([0, 0, 0, 1, 2, 9]))
        for j in range(i):
            kind = draw(st.integers(0, 7))
            if kind < 2:
                edges.append((f"n{j:02}", f"n{i:02}"))
            elif kind == 2:
                order.append((f"n{j:02}", f"n{i:02}"))
    limits = draw(st.dictionaries(st.sampled_from(["builds", "workers", "x", "y"]), st.integers(1, 3)))
    return Sample(Plan(nodes, edges, map(lane, LANES[1:]), order), failures, limits)


def expected(sample: Sample) -> dict[str, str]:
    """The rules, one node after another."""
    found: dict[str, str] = {}
    ran: set[str] = set()
    for item in sample.plan.in_order():
        before = [found[name] for name in sample.plan.predecessors(item.id)]
        may_run = {
            Trigger.ON_SUCCESS: all(status == "succeeded" for status in before),
            Trigger.ON_FAILURE: "failed" in before,
            Trigger.ALWAYS: not before or not ran.isdisjoint(sample.plan.predecessors(item.id)),
        }[item.trigger]
        if not may_run:
            found[item.id] = "skipped"
            continue
        ran.add(item.id)
        fails = sample.failures[item.id] >= item.retry.attempts and not item.continue_on_error
        found[item.id] = "failed" if fails else "succeeded"
    return found


@settings(max_examples=150, deadline=None)
@given(samples())
def test_statuses_are_those_of_the_rules(sample: Sample) -> None:
    def run(work: Work) -> None:
        if work.attempt <= sample.failures[work.node.id]:
            raise BuildError("no")

    done = run_plan(sample.plan, run, limits=sample.limits)
    assert done.statuses == expected(sample)
    check_events(sample, done.tape.events)


def check_events(sample: Sample, events: list[Event]) -> None:
    """Nodes start after what they wait for; no limit is passed, but for lanes when the scheduler said so."""
    over: set[str] = set()
    running: set[str] = set()
    open_lanes: set[str] = set()
    allowed = sample.limits.get("builds", len(LANES))
    for event in events:
        match event:
            case NodeStarted():
                before = {*sample.plan.predecessors(event.node), *sample.plan.order_predecessors(event.node)}
                assert before <= over
                running.add(event.node)
                assert len(running) <= sample.limits.get("workers", 99)
            case NodeRetrying():
                running.remove(event.node)
            case NodeFinished():
                over.add(event.node)
                running.discard(event.node)
            case Said(level="warning") if "limit of parallel builds" in event.text:
                allowed += 1
            case LaneStarted():
                open_lanes.add(event.lane)
                assert len(open_lanes) <= allowed
            case LaneFinished():
                open_lanes.discard(event.lane)
    assert over == set(sample.plan.nodes)


@settings(max_examples=100, deadline=None)
@given(samples(), st.integers(0, 12))
def test_a_cancel_at_any_moment_ends_everything_and_still_cleans_up(sample: Sample, moment: int) -> None:
    cancel, lock, starts = CancelToken(), threading.Lock(), []

    def run(work: Work) -> None:
        with lock:
            starts.append(work.node.id)
            due = len(starts) > moment
        if due:
            cancel.cancel()
            if work.node.trigger is not Trigger.ALWAYS:
                work.cancel.sleep(60)
        if work.attempt <= sample.failures[work.node.id]:
            raise BuildError("no")

    done = run_plan(sample.plan, run, limits=sample.limits, cancel=cancel)
    assert all(state.status.is_over for state in done.states.values())
    for item in sample.plan.in_order():
        inputs = [done.states[name] for name in sample.plan.predecessors(item.id)]
        if item.trigger is Trigger.ALWAYS and any(state.ran for state in inputs):
            assert done.states[item.id].ran, "what cleans up runs in every case"
        if item.trigger is Trigger.ON_SUCCESS and done.states[item.id].ran:
            assert all(state.status == "succeeded" for state in inputs)
    assert len(done.tape.of(LaneFinished)) == sum(bool(sample.plan.nodes_of(name)) for name in LANES[1:])
