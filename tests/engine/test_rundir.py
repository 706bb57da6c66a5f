"""The directory of a run: where it is, who may have it, which ones stay."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hclimg.engine.journal import ResourceJournal
from hclimg.engine.reclaim import prune
from hclimg.engine.rundir import (
    EventFile,
    LogFiles,
    RunDirectory,
    cache_directory,
    claimed,
    file_name,
    home_directory,
    is_alive,
    new_run_id,
    run_directories,
)
from hclimg.errors import BuildError
from hclimg.events import Event, LaneFinished, NodeFinished, NodeStarted, Output, Progress, Said


def test_where_things_are() -> None:
    cwd, user = Path("/work"), Path("/home/u")
    assert home_directory({}, cwd) == Path("/work/.hclimg")
    assert home_directory({"HCLIMG_HOME": "/var/h"}, cwd) == Path("/var/h")
    assert cache_directory({}, user) == Path("/home/u/.cache/hclimg")
    assert cache_directory({"XDG_CACHE_HOME": "/c"}, user) == Path("/c/hclimg")
    assert cache_directory({"XDG_CACHE_HOME": "/c", "PACKER_CACHE_DIR": "/p"}, user) == Path("/p")
    assert cache_directory({"PACKER_CACHE_DIR": "/p", "HCLIMG_CACHE_DIR": "/h"}, user) == Path("/h")


def test_run_ids_sort_by_time_and_fit_everywhere() -> None:
    early = new_run_id(datetime(2024, 2, 29, 9, 5, 1, tzinfo=UTC), "ffffff")
    late = new_run_id(datetime(2024, 2, 29, 10, 5, 1, tzinfo=UTC), "000000")
    assert early == "20240229t090501-ffffff"
    assert early < late
    assert all(c.isascii() and (c.islower() or c.isdigit() or c == "-") for c in early)


def test_a_run_holds_its_directory_until_it_is_over(tmp_path: Path) -> None:
    directory = RunDirectory.create(tmp_path, "r1")
    assert directory.path.stat().st_mode & 0o777 == 0o700
    assert is_alive(directory.path)
    with claimed(directory.path) as ours:
        assert not ours
    directory.close()
    assert not is_alive(directory.path)
    with claimed(directory.path) as ours:
        assert ours
        assert is_alive(directory.path), "who cleans up keeps the others away"


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(BuildError, match="cannot be made") as caught:
        RunDirectory.create(tmp_path, "r1")
    assert "HCLIMG_HOME" in caught.value.hint


def test_a_run_id_is_used_once(tmp_path: Path) -> None:
    RunDirectory.create(tmp_path, "r1").close()
    with pytest.raises(BuildError, match="File exists"):
        RunDirectory.create(tmp_path, "r1")


def test_old_runs_go_unless_they_live_or_left_something(tmp_path: Path) -> None:
    open_runs = []
    for number in range(8):
        directory = RunDirectory.create(tmp_path, f"r{number}")
        if number == 1:
            ResourceJournal(directory.resources, directory.id).intend("file", path="/a/b")
        if number == 2:
            open_runs.append(directory)
        else:
            directory.close()
    assert [path.name for path in prune(tmp_path, keep=3)] == ["r0", "r3", "r4"]
    assert [path.name for path in run_directories(tmp_path)] == ["r1", "r2", "r5", "r6", "r7"]
    for directory in open_runs:
        directory.close()


def test_no_runs_yet(tmp_path: Path) -> None:
    assert run_directories(tmp_path) == []
    assert prune(tmp_path) == []


def test_events_can_be_read_back(tmp_path: Path) -> None:
    sink = EventFile(tmp_path / "events.jsonl")
    events = [Said(text="grüße"), NodeFinished(node="a", status="failed", error="x\ny")]
    for event in events:
        sink.handle(event)
        assert (tmp_path / "events.jsonl").read_text().endswith("}\n"), "nothing waits in a buffer"
    sink.close()
    read = [Event.from_json(json.loads(line)) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert read == events


def test_logs_by_lane_and_node(tmp_path: Path) -> None:
    sink = LogFiles(tmp_path)
    at = {"lane": "my build.qemu.web", "node": "qemu.web/provision[0]:shell"}
    for event in (
        NodeStarted(**at, title="Running shell", attempt=2),
        Output(**at, text="out"),
        Output(**at, text="err", stream="stderr"),
        Progress(**at, what="x", done=1),
        NodeFinished(**at, status="failed", seconds=1.25, error="no"),
        Said(node="data.http.x", text="shared"),
        LaneFinished(lane="my build.qemu.web", status="failed", seconds=2, error="no"),
    ):
        sink.handle(event)
    assert sink._files.keys() == {tmp_path / "shared/data.http.x.log"}, "what is over is closed"
    sink.close()
    node = (tmp_path / "my_build.qemu.web/provision[0]:shell.log").read_text()
    lines = ["  out", "! err", "== failed after 1.2 s: no"]
    assert [line[9:] for line in node.splitlines()] == lines
    whole = (tmp_path / "my_build.qemu.web.log").read_text()
    assert [line[9:] for line in whole.splitlines()] == [
        "== Running shell (attempt 2)", *lines, "== lane failed after 2.0 s: no",
    ]  # fmt: skip
    assert "shared" in (tmp_path / "shared/data.http.x.log").read_text()


def test_few_logs_are_open_at_once(tmp_path: Path) -> None:
    sink = LogFiles(tmp_path)
    for turn in range(2):
        for number in range(200):
            sink.handle(Said(lane=f"l{number}", text=f"turn {turn}"))
            assert len(sink._files) <= 64
    sink.close()
    assert len(list(tmp_path.iterdir())) == 200
    assert [line[9:] for line in (tmp_path / "l7.log").read_text().splitlines()] == ["turn 0", "turn 1"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        (".", "_"),
        ("qemu.a", "qemu.a"),
        ('qemu.a["x"]', "qemu.a[x]"),
        ('qemu.a["ü"]', "qemu.a[ü]"),
    ],
)
def test_names_of_files(name: str, file: str) -> None:
    assert file_name(name) == file


def test_instances_never_share_a_file() -> None:
    keys = ["a b", "a/b", "a_b", "a\\nb", 'a\\"b', "..", "../x", "x" * 300, "x" * 301, "ü" * 300]
    names = [file_name(f'qemu.web["{key}"]') for key in keys]
    assert len(set(names)) == len(keys)
    assert all("/" not in name and "\n" not in name and len(name.encode()) <= 200 for name in names)
