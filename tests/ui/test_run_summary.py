"""What a run came to, and how times are written."""

from __future__ import annotations

import pytest
from events_of_a_run import run_events

from hclimg.events import NodeFinished, NodeStarted
from hclimg.ui.summary import RunSummary, clock, spelled_out


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.002245, "2 milliseconds 245 microseconds"),
        (2.003, "2 seconds 3 milliseconds"),
        (61, "1 minute 1 second"),
        (3600, "1 hour"),
        (90061.5, "1 day 1 hour"),
        (0, "0 microseconds"),
    ],
)
def test_spelled_out(seconds: float, expected: str) -> None:
    assert spelled_out(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.04, "0.0s"), (4.24, "4.2s"), (59.97, "1m00s"), (65, "1m05s"), (3599.7, "1h00m"), (7384, "2h03m")],
)
def test_clock(seconds: float, expected: str) -> None:
    assert clock(seconds) == expected


def test_fold() -> None:
    run = RunSummary()
    for event in run_events():
        run.add(event)
    assert {lane.name: lane.status for lane in run.lanes.values()} == {
        "null.web": "succeeded",
        "base.qemu.disk": "failed",
        "late": "skipped",
    }
    assert [lane.index for lane in run.lanes.values()] == [0, 1, 2]
    assert [artifact.id for artifact in run.artifacts] == ["File"]
    (failed,) = run.failed_nodes
    assert failed.attempts == 2
    assert list(failed.log) == ["make: *** [all] Error 3"]
    assert run.left_behind[0].what == "process 42 (qemu)"
    assert run.seconds == pytest.approx(6.0)


def test_logs_of_what_succeeded_are_not_kept() -> None:
    run = RunSummary()
    for event in run_events():
        run.add(event)
    assert not run.lanes["null.web"].nodes["null.web/provision[0]:shell"].log


def test_a_failure_outside_of_any_lane_is_found() -> None:
    run = RunSummary()
    run.add(NodeStarted(node="data.http.x", title="Reading"))
    run.add(NodeFinished(node="data.http.x", status="failed", error="404"))
    assert [node.error for node in run.failed_nodes] == ["404"]
    assert not run.lanes
