"""The loop: triggers, skips, limits, retries, timeouts, pauses, cancelling, stopping."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from engine_kit import InlineExecutor, count_calls, lane, lane_plan, node, run_plan

from hclimg.engine.onerror import FailurePolicy, OnError
from hclimg.engine.state import Work
from hclimg.errors import BuildError, Cancelled, CleanupError, TimedOut
from hclimg.events import (
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
from hclimg.sdk.retry import RetryPolicy

QUICK = RetryPolicy(attempts=3, delay=0.0)


def failing(*names: str, error: Callable[[], BaseException] = lambda: BuildError("the world said no")):
    def run(work: Work) -> None:
        if work.node.id in names:
            raise error()

    return run


# -- triggers -----------------------------------------------------------------


def test_everything_succeeds_in_order() -> None:
    seen: list[str] = []
    done = run_plan(lane_plan(["a"]), lambda work: seen.append(work.node.id), executor=InlineExecutor())
    assert set(done.statuses.values()) == {"succeeded"}
    assert seen == ["source", "a/build", "a/provision[0]", "a/provision[1]", "a/capture", "a/teardown"]
    assert [e.status for e in done.tape.of(LaneFinished)] == ["succeeded"]


def test_failure_skips_what_follows_and_still_tears_down() -> None:
    done = run_plan(lane_plan(["a"]), failing("a/provision[0]"))
    assert done.statuses == {
        "source": "succeeded", "a/build": "succeeded", "a/provision[0]": "failed",
        "a/provision[1]": "skipped", "a/capture": "skipped", "a/teardown": "succeeded",
    }  # fmt: skip
    (finished,) = done.tape.of(LaneFinished)
    assert (finished.status, finished.error) == ("failed", "the world said no")


def test_skipped_nodes_say_nothing_of_their_own() -> None:
    done = run_plan(lane_plan(["a"]), failing("a/provision[0]"))
    assert {e.node: e.error for e in done.tape.of(NodeFinished) if e.error} == {"a/provision[0]": "the world said no"}
    assert {e.node for e in done.tape.of(NodeStarted)}.isdisjoint({"a/provision[1]", "a/capture"})
    assert done.states["a/capture"].cause is done.states["a/provision[0]"]


def test_a_lane_whose_source_failed_fails_with_the_root_cause_and_never_opens() -> None:
    done = run_plan(lane_plan(["a", "b"]), failing("source"))
    assert done.statuses["a/teardown"] == "skipped"
    assert done.tape.of(LaneStarted) == []
    assert [(e.lane, e.status, e.error) for e in done.tape.of(LaneFinished)] == [
        ("a", "failed", '"Doing source" failed: the world said no'),
        ("b", "failed", '"Doing source" failed: the world said no'),
    ]


def cleanup_plan() -> Plan:
    nodes = [
        node("build", NodeKind.BUILD, lane="a"),
        node("provision", lane="a"),
        node("capture", NodeKind.CAPTURE, lane="a"),
        node("error-cleanup", NodeKind.ERROR_CLEANUP, lane="a", trigger=Trigger.ON_FAILURE),
        node("teardown", NodeKind.TEARDOWN, lane="a", trigger=Trigger.ALWAYS),
    ]
    edges = [("build", "provision"), ("provision", "capture"), ("provision", "error-cleanup")]
    edges += [("capture", "error-cleanup"), *((n.id, "teardown") for n in nodes[:-1])]
    return Plan(nodes, edges, [lane("a")])


@pytest.mark.parametrize(
    ("failed", "expected"),
    [("", "skipped"), ("build", "skipped"), ("provision", "succeeded"), ("capture", "succeeded")],
)
def test_error_cleanup_runs_when_something_failed_after_the_launch(failed: str, expected: str) -> None:
    done = run_plan(cleanup_plan(), failing(failed))
    assert done.statuses["error-cleanup"] == expected
    assert done.statuses["teardown"] == "succeeded"
    assert done.lanes["a"].status == ("failed" if failed else "succeeded")


def test_error_cleanup_comes_before_teardown() -> None:
    seen: list[str] = []

    def run(work: Work) -> None:
        seen.append(work.node.id)
        failing("provision")(work)

    run_plan(cleanup_plan(), run)
    assert seen == ["build", "provision", "error-cleanup", "teardown"]


def test_order_edges_wait_but_do_not_judge() -> None:
    started: list[str] = []
    plan = Plan([node("a"), node("b"), node("c")], [("b", "c")], order=[("a", "b")])

    def run(work: Work) -> None:
        started.append(work.node.id)
        failing("a")(work)

    done = run_plan(plan, run)
    assert done.statuses == {"a": "failed", "b": "succeeded", "c": "succeeded"}
    assert started == ["a", "b", "c"]


def test_a_node_is_told_of_trouble_before_it() -> None:
    told: dict[str, set[str]] = {}

    def run(work: Work) -> None:
        told[work.node.id] = set(map(str, work.trouble))
        failing("a/build")(work)

    run_plan(lane_plan(["a"], 1), run)
    assert told == {"source": set(), "a/build": set(), "a/teardown": {"failed", "skipped"}}


def test_a_long_chain_of_skips_needs_no_deep_stack() -> None:
    count = 5_000
    chain = [node(str(i)) for i in range(count)]
    plan = Plan(chain, [(str(i), str(i + 1)) for i in range(count - 1)])
    done = run_plan(plan, failing("0"), executor=InlineExecutor())
    assert done.statuses[str(count - 1)] == "skipped"
    assert done.states[str(count - 1)].cause is done.states["0"]


# -- limits -------------------------------------------------------------------


def test_sixteen_lanes_never_have_more_than_four_open() -> None:
    """Each lane waits inside until three others are open with it; a counter watches that there is no fifth."""
    together, lock, open_lanes, most = threading.Barrier(4), threading.Lock(), set(), []

    def run(work: Work) -> None:
        if work.node.kind is NodeKind.BUILD:
            with lock:
                open_lanes.add(work.node.lane)
                most.append(len(open_lanes))
            together.wait(30)
        if work.node.kind is NodeKind.TEARDOWN:
            together.wait(30)
            with lock:
                open_lanes.remove(work.node.lane)

    done = run_plan(lane_plan([f"l{i:02}" for i in range(16)]), run, limits={"builds": 4})
    assert set(done.statuses.values()) == {"succeeded"}
    assert max(most) == 4
    running = 0
    for event in done.tape.events:
        running += (type(event) is LaneStarted) - (type(event) is LaneFinished)
        assert 0 <= running <= 4


def test_lanes_start_in_the_order_of_the_plan() -> None:
    names = [f"l{i}" for i in range(9)]
    done = run_plan(lane_plan(names), limits={"builds": 1})
    assert [e.lane for e in done.tape.of(LaneStarted)] == names


def test_a_lane_keeps_its_slot_until_its_last_node() -> None:
    done = run_plan(lane_plan(["a", "b"]), limits={"builds": 1})
    order = [e.lane for e in done.tape.events if e.lane and type(e) in (NodeStarted, NodeFinished)]
    assert order == ["a"] * 10 + ["b"] * 10


def test_named_limits_bound_what_runs_at_once() -> None:
    lock, now, most = threading.Lock(), [0], [0]
    pair = threading.Barrier(2)

    def run(work: Work) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        pair.wait(30)
        with lock:
            now[0] -= 1
        pair.wait(30)

    plan = Plan([node(str(i), uses={"kvm": 1}) for i in range(10)], [])
    done = run_plan(plan, run, limits={"kvm": 2})
    assert set(done.statuses.values()) == {"succeeded"}
    assert most[0] == 2


def test_a_claim_beyond_the_capacity_gets_all_of_it() -> None:
    plan = Plan([node("a", uses={"kvm": 5}), node("b", uses={"kvm": 1, "net": 7})], [])
    assert set(run_plan(plan, limits={"kvm": 2}).statuses.values()) == {"succeeded"}


def test_two_limits_are_taken_all_or_nothing() -> None:
    """Taken one by one in opposite orders, these would wait for each other."""
    plan = Plan([node(str(i), uses={"x": 1, "y": 1} if i % 2 else {"y": 1, "x": 1}) for i in range(40)], [])
    assert set(run_plan(plan, limits={"x": 1, "y": 1}).statuses.values()) == {"succeeded"}


def test_workers_bound_all_nodes() -> None:
    running, most, lock = [0], [0], threading.Lock()

    def run(work: Work) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        with lock:
            running[0] -= 1

    run_plan(Plan([node(str(i)) for i in range(200)], []), run, limits={"workers": 3})
    assert most[0] <= 3


def test_a_lane_that_others_wait_for_may_go_beyond_the_limit() -> None:
    """``a`` holds the only slot and its post-processor waits for ``b``: a strict limit would hang."""
    nodes = [
        node("a/build", NodeKind.BUILD, lane="a"),
        node("b/build", NodeKind.BUILD, lane="b"),
        node("a/post", NodeKind.POST_PROCESS, lane="a"),
    ]
    plan = Plan(nodes, [("a/build", "a/post"), ("b/build", "a/post")], [lane("a"), lane("b")])
    done = run_plan(plan, limits={"builds": 1})
    assert set(done.statuses.values()) == {"succeeded"}
    assert [e.node for e in done.tape.of(Said, level="warning")] == ["b/build"]


def test_release_does_not_hold_the_slot() -> None:
    """The next lane reads the artifact of the first one, which is released only afterwards."""
    nodes = [
        node("a/capture", NodeKind.CAPTURE, lane="a"),
        node("a/release", NodeKind.RELEASE, lane="a", trigger=Trigger.ALWAYS),
        node("b/build", NodeKind.BUILD, lane="b"),
    ]
    edges = [("a/capture", "a/release"), ("a/capture", "b/build")]
    plan = Plan(nodes, edges, [lane("a"), lane("b")], order=[("b/build", "a/release")])
    done = run_plan(plan, limits={"builds": 1})
    assert set(done.statuses.values()) == {"succeeded"}
    assert done.tape.of(Said) == []
    assert [e.lane for e in done.tape.of(LaneFinished)] == ["b", "a"]


# -- retries, pauses, timeouts --------------------------------------------------


def test_fails_twice_and_then_succeeds() -> None:
    attempts: list[int] = []

    def run(work: Work) -> None:
        attempts.append(work.attempt)
        if work.attempt < 3:
            raise BuildError(f"failure {work.attempt}")

    done = run_plan(Plan([node("a", retry=QUICK)], []), run)
    assert attempts == [1, 2, 3]
    assert done.states["a"].status == "succeeded"
    assert done.states["a"].error is None
    assert [(e.attempt, e.error) for e in done.tape.of(NodeRetrying)] == [(1, "failure 1"), (2, "failure 2")]
    assert [e.attempt for e in done.tape.of(NodeStarted)] == [1, 2, 3]


def test_the_last_error_is_reported() -> None:
    def run(work: Work) -> None:
        raise BuildError(f"failure {work.attempt}")

    done = run_plan(Plan([node("a", retry=QUICK)], []), run)
    assert [e.error for e in done.tape.of(NodeFinished)] == ["failure 3"]


def test_what_was_left_behind_is_not_tried_again() -> None:
    done = run_plan(Plan([node("a", retry=QUICK)], []), failing("a", error=lambda: CleanupError("left")))
    assert done.states["a"].attempt == 1


def test_slots_are_free_while_a_node_waits_for_its_next_attempt() -> None:
    order: list[str] = []
    cancel = CancelToken()

    def run(work: Work) -> None:
        order.append(work.node.id)
        if work.node.id == "a":
            raise BuildError("again")
        cancel.cancel()

    slow = RetryPolicy(attempts=2, delay=600)
    plan = Plan([node("a", uses={"x": 1}, retry=slow), node("b", uses={"x": 1})], [])
    run_plan(plan, run, limits={"x": 1}, cancel=cancel)
    assert order == ["a", "b"]


def test_continue_on_error_counts_as_success_with_a_warning() -> None:
    plan = Plan([node("a", continue_on_error=True), node("b")], [("a", "b")])
    done = run_plan(plan, failing("a"))
    assert done.statuses == {"a": "succeeded", "b": "succeeded"}
    (warning,) = done.tape.of(Said, level="warning")
    assert warning.text == '"Doing a" failed, and the build goes on all the same: the world said no'


def test_continue_on_error_does_not_swallow_a_cancel() -> None:
    cancel = CancelToken()

    def run(work: Work) -> None:
        cancel.cancel()
        work.cancel.sleep(60)

    plan = Plan([node("a", continue_on_error=True), node("b")], [("a", "b")])
    assert run_plan(plan, run, cancel=cancel).statuses == {"a": "cancelled", "b": "cancelled"}


def test_a_timeout_cancels_the_node_and_names_it() -> None:
    plan = Plan([node("a", timeout=0.05), node("b")], [("a", "b")])
    cancel = CancelToken()
    done = run_plan(plan, lambda work: work.cancel.sleep(60), cancel=cancel)
    assert done.statuses == {"a": "failed", "b": "skipped"}
    assert isinstance(done.states["a"].error, TimedOut)
    assert str(done.states["a"].error) == '"Doing a" did not end within 50ms.'
    assert not cancel.cancelled


def test_a_timeout_counts_for_each_attempt() -> None:
    def run(work: Work) -> None:
        if work.attempt < 3:
            work.cancel.sleep(60)

    done = run_plan(Plan([node("a", timeout=0.05, retry=QUICK)], []), run)
    assert done.states["a"].status == "succeeded"
    assert len(done.tape.of(NodeRetrying, error='"Doing a" did not end within 50ms.')) == 2


def test_a_pause_is_repeated_and_neither_counts_nor_turns_off_the_timeout() -> None:
    def run(work: Work) -> None:
        if work.attempt == 1:
            work.cancel.sleep(60)

    plan = Plan([node("a", timeout=0.05, pause_before=0.1, retry=RetryPolicy(attempts=2, delay=0.0))], [])
    done = run_plan(plan, run)
    assert done.states["a"].status == "succeeded"
    assert [e.text for e in done.tape.of(Said)] == ["Pausing 100ms before: Doing a"] * 2
    assert len(done.tape.of(NodeRetrying)) == 1


def test_a_pause_needs_no_worker() -> None:
    """One worker, and the first node pauses: the second runs meanwhile."""
    cancel = CancelToken()
    plan = Plan([node("a", pause_before=600), node("b")], [])
    done = run_plan(plan, lambda _: cancel.cancel(), limits={"workers": 1}, cancel=cancel)
    assert [e.node for e in done.tape.of(NodeStarted)] == ["b"]
    assert done.statuses["a"] == "cancelled"


# -- cancelling and stopping ----------------------------------------------------


def test_cancel_wakes_what_sleeps_and_tears_down() -> None:
    cancel = CancelToken()
    tokens: list[bool] = []

    def run(work: Work) -> None:
        if work.node.kind is NodeKind.PROVISION:
            threading.Thread(target=cancel.cancel).start()
            work.cancel.sleep(600)
        if work.node.kind is NodeKind.TEARDOWN:
            tokens.append(work.cancel.cancelled)

    done = run_plan(lane_plan(["a"]), run, cancel=cancel)
    assert done.statuses == {
        "source": "succeeded", "a/build": "succeeded", "a/provision[0]": "cancelled",
        "a/provision[1]": "cancelled", "a/capture": "cancelled", "a/teardown": "succeeded",
    }  # fmt: skip
    assert tokens == [False]
    assert [e.status for e in done.tape.of(LaneFinished)] == ["cancelled"]


def test_cancel_ends_what_waits_for_slots_delays_and_pauses() -> None:
    cancel = CancelToken()
    plan = Plan(
        [
            node("runs", uses={"x": 1}),
            node("waits", uses={"x": 1}),
            node("pauses", pause_before=600),
            node("retries", retry=RetryPolicy(attempts=2, delay=600)),
        ],
        [],
    )
    retrying = threading.Event()

    def run(work: Work) -> None:
        if work.node.id == "retries":
            retrying.set()
            raise BuildError("once")
        retrying.wait(30)
        threading.Thread(target=cancel.cancel).start()
        work.cancel.sleep(600)

    done = run_plan(plan, run, cancel=cancel, limits={"x": 1})
    assert set(done.statuses.values()) == {"cancelled"}
    assert [e.node for e in done.tape.of(NodeStarted)] == ["runs", "retries"]


def test_a_run_that_is_cancelled_before_it_begins_runs_nothing() -> None:
    cancel = CancelToken()
    cancel.cancel()
    done = run_plan(lane_plan(["a"]), cancel=cancel)
    assert set(done.statuses.values()) <= {"cancelled", "skipped"}
    assert done.tape.of(NodeStarted) == []
    assert [e.status for e in done.tape.of(LaneFinished)] == ["cancelled"]


def test_an_error_that_the_cancel_caused_is_no_failure() -> None:
    cancel = CancelToken()

    def run(work: Work) -> None:
        cancel.cancel()
        raise BuildError("connection lost")

    assert run_plan(Plan([node("a")], []), run, cancel=cancel).statuses == {"a": "cancelled"}


def test_a_node_that_gives_up_by_itself_is_cancelled_alone() -> None:
    plan = Plan([node("a"), node("b"), node("c")], [("a", "b")])
    done = run_plan(plan, failing("a", error=lambda: Cancelled("I stop")))
    assert done.statuses == {"a": "cancelled", "b": "cancelled", "c": "succeeded"}


def test_stop_waits_for_nothing() -> None:
    cancel, stop, never = CancelToken(), CancelToken(), threading.Event()

    def run(work: Work) -> None:
        if work.node.kind is NodeKind.PROVISION:
            threading.Thread(target=lambda: (cancel.cancel(), stop.cancel())).start()
            never.wait(60)

    done = run_plan(lane_plan(["a"]), run, cancel=cancel, stop=stop)
    never.set()
    assert done.statuses["a/provision[0]"] == "cancelled"
    assert done.statuses["a/teardown"] == "cancelled"
    assert [e.status for e in done.tape.of(LaneFinished)] == ["cancelled"]


# -- asking -------------------------------------------------------------------


class Script:
    interactive = True

    def __init__(self, *answers: str) -> None:
        self.answers, self.questions = list(answers), []

    def ask(self, question: str, cancel: CancelToken) -> str:
        self.questions.append(question)
        if not self.answers:
            cancel.sleep(600)
        return self.answers.pop(0)


def asking(*answers: str) -> tuple[FailurePolicy, Script]:
    script = Script(*answers)
    return FailurePolicy(OnError.ASK, script), script


def test_ask_and_retry() -> None:
    policy, script = asking("x", "R")

    def run(work: Work) -> None:
        if work.node.id == "a/provision[0]" and work.attempt == 1:
            raise BuildError("no")

    done = run_plan(lane_plan(["a"]), run, policy=policy)
    assert set(done.statuses.values()) == {"succeeded"}
    assert script.questions[0].startswith('"Doing a/provision[0]" failed: no\n[c] Clean up')
    assert '"x" is none of' in script.questions[1]


def test_ask_and_clean_up() -> None:
    policy, _ = asking("c")
    done = run_plan(lane_plan(["a"]), failing("a/build"), policy=policy)
    assert done.statuses["a/build"] == "failed"
    assert not policy.abandons("a", failed=True)


def test_ask_and_abort() -> None:
    policy, _ = asking("a")
    done = run_plan(cleanup_plan(), failing("provision"), policy=policy)
    assert done.statuses == {
        "build": "succeeded", "provision": "failed", "capture": "skipped", "error-cleanup": "skipped",
        "teardown": "succeeded",
    }  # fmt: skip
    assert policy.abandons("a", failed=True)


def test_ask_comes_after_the_last_attempt_and_not_about_what_may_fail() -> None:
    policy, script = asking("c")
    plan = Plan([node("a", retry=QUICK), node("b", continue_on_error=True)], [])
    run_plan(plan, failing("a", "b"), policy=policy)
    assert len(script.questions) == 1


def test_an_interrupt_answers_for_the_person() -> None:
    cancel = CancelToken()
    policy, _ = asking()

    def run(work: Work) -> None:
        if work.node.id == "a/build":
            threading.Timer(0.05, cancel.cancel).start()
            raise BuildError("no")

    done = run_plan(lane_plan(["a"]), run, policy=policy, cancel=cancel)
    assert done.statuses["a/build"] == "failed"
    assert done.statuses["a/teardown"] == "succeeded"


def test_a_terminal_that_is_gone_means_clean_up() -> None:
    done = run_plan(lane_plan(["a"]), failing("a/build"), policy=FailurePolicy(OnError.ASK))
    assert done.statuses["a/teardown"] == "succeeded"


@pytest.mark.parametrize(
    ("mode", "runs", "abandons"),
    [("cleanup", True, False), ("abort", False, True), ("run-cleanup-provisioner", True, True)],
)
def test_modes(mode: str, runs: bool, abandons: bool) -> None:
    policy = FailurePolicy(OnError(mode))
    done = run_plan(cleanup_plan(), failing("provision"), policy=policy)
    assert (done.statuses["error-cleanup"] == "succeeded") is runs
    assert policy.abandons("a", failed=True) is abandons
    assert not policy.abandons("a", failed=False)


# -- cost ---------------------------------------------------------------------


def calls_of(lanes: int, limits: dict[str, int]) -> float:
    """Function calls per node that the scheduler makes for so many lanes."""
    plan = lane_plan([f"l{i:05}" for i in range(lanes)])
    return count_calls(lambda: run_plan(plan, executor=InlineExecutor(), limits=limits)) / len(plan.nodes)


@pytest.mark.parametrize("limits", [{}, {"builds": 4}, {"builds": 4, "workers": 8}], ids=str)
def test_the_cost_of_a_node_does_not_grow_with_their_number(limits: dict[str, int]) -> None:
    few, many = calls_of(50, limits), calls_of(1000, limits)
    assert many < few * 1.1
