"""Signals of the real kind, in processes of their own."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_children import Child, is_running

from hclimg.engine.interrupts import Interrupts
from hclimg.engine.journal import read_journal
from hclimg.engine.reclaim import left_over, reclaim

WAITING = """
source "box" "a" {
  process = true
}
build {
  sources = ["source.box.a"]
  provisioner "do" { wait = true }
}
"""
STUCK = WAITING.replace("process = true", 'process = true\n  fail = ["hang-undo"]')


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_cleans_up(tmp_path: Path, start_child: Callable[..., Child], number: int) -> None:
    child = start_child(WAITING)
    child.wait_for("waiting")
    child.signal(number)
    assert child.end() == 130
    assert child.lines[-1] == "result cancelled stopped=False"
    assert child.left() == []
    assert "unplug a" in child.lines
    (directory,) = (tmp_path / "home/runs").iterdir()
    assert read_journal(directory / "resources.jsonl").left == ()
    assert not (tmp_path / "output-a").exists()


def test_a_second_signal_leaves_at_once_and_tells_what_is_left(
    tmp_path: Path, start_child: Callable[..., Child]
) -> None:
    child = start_child(STUCK)
    child.wait_for("waiting")
    child.signal(signal.SIGINT)
    child.wait_for("hanging undo")
    child.signal(signal.SIGINT)
    assert child.end() == 130
    assert child.lines[-1] == "result cancelled stopped=True"
    (left,) = left_over(tmp_path / "home")
    pid = next(item.identity["pid"] for item in left.ledger.left if item.kind == "process")
    assert f'process machine (pid {pid}) ("hclimg cleanup" removes it)' in child.left()
    assert "Stopping process (not waited for)" in child.left()
    assert is_running(int(pid))
    assert [item.reason for item in reclaim(left.directory) or ()] == ["", "", ""]
    assert not is_running(int(pid))


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts(signals=[signal.SIGTERM]) as interrupts:
        assert signal.getsignal(signal.SIGTERM) != before
        signal.raise_signal(signal.SIGTERM)
        assert interrupts.cancel.wait(30)
        assert not interrupts.stop.cancelled
        interrupts.interrupt()
        assert interrupts.stop.wait(30)
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before
