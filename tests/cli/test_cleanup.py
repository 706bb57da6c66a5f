"""``hclimg cleanup``: after a run that was killed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hclimg.engine.journal import ResourceJournal
from hclimg.engine.rundir import RunDirectory

Run = Callable[..., Any]


@pytest.fixture
def dead_run(hclimg: Run, tmp_path: Path) -> Path:
    """A run that made a directory and a file, and died."""
    run = RunDirectory.create(tmp_path / ".hclimg", "20260101t000000-abcdef")
    journal = ResourceJournal(run.resources, run.id)
    for kind, name in (("directory", "half-an-image"), ("file", "key")):
        path = tmp_path / name
        journal.intend(kind, path=str(path)).made()
        path.mkdir() if kind == "directory" else path.write_text("x")
    journal.close()
    run.close()
    return run.path


def test_nothing_to_do(hclimg: Run) -> None:
    done = hclimg("cleanup")
    assert done.returncode == 0
    assert "Nothing is left behind" in done.stdout


def test_a_dry_run_removes_nothing(hclimg: Run, dead_run: Path) -> None:
    done = hclimg("cleanup", "-dry-run")
    assert done.returncode == 0
    assert "would remove directory" in done.stdout
    assert Path("half-an-image").exists()
    assert Path("key").exists()


def test_what_is_left_is_removed_once(hclimg: Run, dead_run: Path) -> None:
    done = hclimg("cleanup")
    assert done.returncode == 0
    assert f"Run {dead_run.name}:" in done.stdout
    assert not Path("half-an-image").exists()
    assert not Path("key").exists()
    assert dead_run.exists()
    assert "Nothing is left behind" in hclimg("cleanup").stdout


def test_one_run(hclimg: Run, dead_run: Path) -> None:
    done = hclimg("cleanup", "nobody")
    assert done.returncode == 1
    assert dead_run.name in done.stderr
    assert Path("key").exists()
    assert hclimg("cleanup", dead_run.name).returncode == 0
    assert not Path("key").exists()


def test_all_deletes_directories_of_runs_too(hclimg: Run, dead_run: Path) -> None:
    assert hclimg("cleanup", "-all").returncode == 0
    assert not dead_run.exists()


def test_what_cannot_be_removed_is_told(hclimg: Run, dead_run: Path) -> None:
    with (dead_run / "resources.jsonl").open("a") as journal:
        journal.write(json.dumps({"op": "intend", "n": 9, "kind": "moon", "identity": {"id": "x"}}) + "\n")
    done = hclimg("cleanup", "-all")
    assert done.returncode == 1
    assert "not removed: moon x" in done.stdout
    assert dead_run.exists()


def test_a_run_that_goes_on_is_left_alone(hclimg: Run, tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / ".hclimg", "20260101t000000-abcdef")
    path = tmp_path / "in-use"
    path.write_text("x")
    journal = ResourceJournal(run.resources, run.id)
    journal.intend("file", path=str(path)).made()
    assert "Nothing is left behind" in hclimg("cleanup", "-all").stdout
    assert path.exists()
    assert run.path.exists()
    journal.close()
    run.close()
