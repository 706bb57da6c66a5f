"""The outputs that are lines: Packer's plain text, its machine-readable form, JSON Lines."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from events_of_a_run import START, run_events

from hclimg.events import Event, LaneFinished, LeftBehind, NodeFinished, NodeStarted, RunFinished, RunStarted, Said
from hclimg.ui.jsonl import JsonLines
from hclimg.ui.machine import MachineReadable, escape
from hclimg.ui.plain import Plain, rfc3339
from hclimg.ui.theme import Theme

Golden = Callable[[str, str], None]


def plain(events: list[Event], *, colour: bool = False, timestamps: bool = False) -> str:
    out = io.StringIO()
    sink = Plain(out, Theme(colour), timestamps)
    for event in events:
        sink.handle(event)
    sink.close()
    return out.getvalue()


def machine(events: list[Event]) -> str:
    out = io.StringIO()
    sink = MachineReadable(out)
    for event in events:
        sink.handle(event)
    sink.close()
    return out.getvalue()


def test_plain(golden: Golden) -> None:
    golden("plain.txt", plain(run_events()))


def test_plain_in_colour(golden: Golden) -> None:
    golden("plain-coloured.txt", plain(run_events(), colour=True))


def test_plain_with_timestamps() -> None:
    lines = plain(run_events(), timestamps=True).splitlines()
    assert f"{rfc3339(START + 2.1)}: ==> null.web: hello, world" in lines
    assert f"{rfc3339(START + 5.7)}: Build 'null.web' finished after 1 minute 5 seconds." in lines
    assert "==> Builds finished. The artifacts of successful builds are:" in lines


def test_rfc3339_has_a_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert rfc3339(0.5) == "1970-01-01T08:00:00+08:00"
        monkeypatch.setenv("TZ", "UTC")
        time.tzset()
        assert rfc3339(0.5) == "1970-01-01T00:00:00Z"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_plain_without_artifacts() -> None:
    text = plain([RunStarted(run="r", version="0", command="apply"), RunFinished(status="failed")])
    assert "==> Builds finished but no artifacts were created." in text


def test_plain_after_an_interrupt_still_lists_artifacts() -> None:
    events = [*(e for e in run_events()[:-1] if not isinstance(e, LeftBehind)), RunFinished(status="cancelled")]
    text = plain(events)
    assert "Cleanly cancelled builds after being interrupted." in text
    assert "--> null.web: Stored file: out, or not" in text


def test_an_interrupt_that_leaves_something_behind_is_not_called_clean() -> None:
    text = plain([*run_events()[:-1], RunFinished(status="cancelled")])
    assert "\nCancelled builds after being interrupted." in text
    assert "--> base.qemu.disk: process 42 (qemu): it does not end" in text


def test_machine_readable(golden: Golden) -> None:
    golden("machine.csv", machine(run_events()))


def test_machine_readable_lines_can_be_split_at_commas() -> None:
    for line in machine(run_events()).splitlines():
        stamp, target, kind, *data = line.split(",")
        assert int(stamp) >= int(START)
        assert target in ("", "null.web", "base.qemu.disk", "late")
        assert len(data) >= 1 or kind == "artifact"


def test_escaping() -> None:
    assert escape("a,b\nc\rd") == "a%!(PACKER_COMMA)b\\nc\\rd"


def test_json_lines_can_be_read_back() -> None:
    out = io.StringIO()
    sink = JsonLines(out)
    for event in run_events():
        sink.handle(event)
    sink.close()
    assert [Event.from_json(json.loads(line)) for line in out.getvalue().splitlines()] == run_events()


def test_a_text_with_line_ends_is_one_json_line() -> None:
    out = io.StringIO()
    JsonLines(out).handle(Said(text="a\nb\u2028c"))
    assert out.getvalue().count("\n") == 1


def test_what_a_shared_node_did_to_a_build_is_told_once() -> None:
    """Its error is that of the builds that needed it; and what the run itself left is told without a name."""
    cause = "These programs are not installed."
    text = plain([
        RunStarted(at=START, run="r", command="apply", version="1", lanes=("null.web",)),
        NodeStarted(at=START, node="null.web/source", title="Finding"),
        NodeFinished(at=START, node="null.web/source", status="failed", error=cause),
        LaneFinished(at=START, lane="null.web", status="failed", seconds=1, error=f'"Finding" failed: {cause}'),
        LeftBehind(at=START, what="process sh", reason=""),
        RunFinished(at=START, status="failed"),
    ])  # fmt: skip
    assert [line for line in text.splitlines() if line.startswith("--> ")] == [
        f'--> null.web: "Finding" failed: {cause}',
        "--> process sh",
    ]
