"""What dead runs left is found and removed, and nothing else is touched."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex

import pytest
from engine_children import HERE, Child, is_running, spawn

from hclimg.engine.journal import Ledger, Resource, ResourceJournal, boot_id, read_journal
from hclimg.engine.reclaim import end_process, left_over, mounts_in, reclaim, remove_directory, remove_file
from hclimg.engine.rundir import RunDirectory, is_alive
from hclimg.errors import CleanupError
from hclimg.sdk.process import RUN_MARK, started_at

RUN = f"run-{token_hex(8)}"  # processes of the whole host are searched for it
LEDGER = Ledger(RUN, boot_id(), ())


def resource(kind: str, **identity: str) -> Resource:
    return Resource(number=1, kind=kind, identity=identity)


@pytest.fixture
def sleeper() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts processes, and ends those that are left."""
    started = []

    def start_one(**env: str) -> subprocess.Popen[bytes]:
        started.append(spawn(env))
        return started[-1]

    yield start_one
    for process in started:
        process.kill()
        process.wait()


# -- processes ----------------------------------------------------------------------


def test_the_process_that_was_written_down_is_ended(sleeper: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = sleeper()
    end_process(resource("process", pid=str(process.pid), started=started_at(process.pid)), LEDGER)
    assert not is_running(process.pid)


def test_a_process_that_has_its_pid_now_is_left_alone(sleeper: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = sleeper()
    end_process(resource("process", pid=str(process.pid), started="12345"), LEDGER)
    assert is_running(process.pid)


def test_no_process_outlives_a_boot(sleeper: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = sleeper()
    written = resource("process", pid=str(process.pid), started=started_at(process.pid))
    end_process(written, Ledger(RUN, "another-boot", ()))
    assert is_running(process.pid)


def test_a_process_whose_pid_never_came_is_found_by_its_mark(sleeper: Callable[..., subprocess.Popen[bytes]]) -> None:
    ours, other, unmarked = sleeper(**{RUN_MARK: RUN}), sleeper(**{RUN_MARK: f"{RUN}1"}), sleeper()
    end_process(resource("process", name="machine"), LEDGER)
    assert not is_running(ours.pid)
    assert is_running(other.pid)
    assert is_running(unmarked.pid)


def test_the_children_of_a_process_that_is_gone_are_ended(tmp_path: Path) -> None:
    shell = subprocess.Popen(
        ["sh", "-c", "sleep 300 & echo $!"], stdout=subprocess.PIPE, env={RUN_MARK: RUN}, start_new_session=True
    )
    assert shell.stdout is not None
    child = int(shell.stdout.readline())
    shell.stdout.close()
    shell.wait()
    assert is_running(child)
    end_process(resource("process", pid=str(shell.pid), started="1"), LEDGER)
    assert not is_running(child)


def test_a_process_that_does_not_listen_is_made_to_end(tmp_path: Path) -> None:
    code = "import signal, sys; signal.signal(15, signal.SIG_IGN); print(flush=True); sys.stdin.read()"
    stubborn = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert stubborn.stdout is not None
    stubborn.stdout.readline()
    end_process(resource("process", pid=str(stubborn.pid), started=started_at(stubborn.pid)), LEDGER)
    assert stubborn.wait() == -9
    stubborn.communicate()


def test_who_cleans_up_is_spared() -> None:
    """A clean-up that was started from within the run has its mark too."""
    code = (
        "from hclimg.engine.journal import Ledger, Resource, boot_id\n"
        "from hclimg.engine.reclaim import end_process\n"
        f"end_process(Resource(number=1, kind='process', identity={{}}), Ledger('{RUN}', boot_id(), ()))\n"
        "print('alive')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={RUN_MARK: RUN}, cwd=HERE.parents[1], capture_output=True, text=True
    )
    assert done.stdout == "alive\n", done.stderr


# -- files and directories ------------------------------------------------------------


def test_files_and_directories_are_deleted(tmp_path: Path) -> None:
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "d/e/f").write_text("x")
    (tmp_path / "file").write_text("x")
    remove_directory(resource("directory", path=str(tmp_path / "d")), LEDGER)
    remove_file(resource("file", path=str(tmp_path / "file")), LEDGER)
    assert list(tmp_path.iterdir()) == []
    remove_directory(resource("directory", path=str(tmp_path / "d")), LEDGER)
    remove_file(resource("file", path=str(tmp_path / "file")), LEDGER)


def test_what_links_point_to_stays(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").write_text("x")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/link").symlink_to(tmp_path / "precious")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    remove_directory(resource("directory", path=str(tmp_path / "d")), LEDGER)
    with pytest.raises(CleanupError, match="it is a link now"):
        remove_directory(resource("directory", path=str(tmp_path / "link")), LEDGER)
    remove_file(resource("file", path=str(tmp_path / "link")), LEDGER)
    assert (tmp_path / "precious/file").read_text() == "x"


@pytest.mark.parametrize("path", ["", "relative/path", "/", "/etc", "/tmp/../etc/passwd", str(Path.home())])
def test_paths_that_nobody_can_have_meant(path: str) -> None:
    for remove in (remove_directory, remove_file):
        with pytest.raises(CleanupError, match="is no path that may be deleted"):
            remove(resource("directory", path=path), LEDGER)


def test_what_cannot_be_deleted_is_told(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    with pytest.raises(CleanupError, match="cannot be deleted: Is a directory"):
        remove_file(resource("file", path=str(tmp_path / "d")), LEDGER)


def test_what_is_mounted_inside_is_unmounted_and_not_deleted(tmp_path: Path) -> None:
    """In a mount namespace of its own."""
    host, inside = tmp_path / "host files", tmp_path / "root"
    (inside / "dev").mkdir(parents=True)
    host.mkdir()
    (host / "precious").write_text("x")
    code = (
        "from pathlib import Path\n"
        "from hclimg.engine.journal import Ledger, Resource\n"
        "from hclimg.engine.reclaim import remove_directory\n"
        f"directory = Resource(number=1, kind='directory', identity={{'path': {str(inside)!r}}})\n"
        "remove_directory(directory, Ledger('', '', ()))"
    )
    script = f'mount --bind "{host}" "{inside}/dev" && mount -t tmpfs none "{inside}/dev" && exec "$0" -c "$1"'
    command = ["unshare", "-Urm", "sh", "-c", script, sys.executable, code]
    done = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (host / "precious").read_text() == "x"
    assert not inside.exists()


def test_mounts_are_found_below_a_path() -> None:
    assert Path("/proc") in mounts_in(Path("/proc"))
    assert mounts_in(Path("/proc/self/does-not-exist")) == []


# -- runs -------------------------------------------------------------------------------


def test_only_runs_that_are_over_are_looked_at(tmp_path: Path) -> None:
    alive = RunDirectory.create(tmp_path, "r1")
    dead = RunDirectory.create(tmp_path, "r2")
    clean = RunDirectory.create(tmp_path, "r3")
    for directory in (alive, dead):
        path = tmp_path / directory.id
        ResourceJournal(directory.resources, directory.id).intend("directory", path=str(path))
        path.mkdir()
    ResourceJournal(clean.resources, clean.id).intend("file", path="/a/b").gone()
    dead.close()
    clean.close()
    assert [left.run for left in left_over(tmp_path)] == ["r2"]
    assert reclaim(alive.path) == []
    (done,) = reclaim(dead.path)
    assert (done.run, str(done.resource), done.reason) == ("r2", f"directory {tmp_path / 'r2'}", "")
    assert (tmp_path / "r1").is_dir()
    assert not (tmp_path / "r2").exists()
    assert left_over(tmp_path) == []
    alive.close()


def test_what_stays_is_told_and_can_be_tried_again(tmp_path: Path) -> None:
    directory = RunDirectory.create(tmp_path, "r1")
    journal = ResourceJournal(directory.resources, directory.id)
    journal.intend("key_pair", name="k1", region="eu")
    journal.intend("file", path=str(tmp_path / "f"))
    directory.close()
    first = reclaim(directory.path)
    assert [(item.resource.kind, item.reason) for item in first] == [
        ("file", ""), ("key_pair", 'nothing here knows how to remove a "key_pair"'),
    ]  # fmt: skip
    seen = []

    def remove_key(found: Resource, ledger: Ledger) -> None:
        seen.append((dict(found.identity), ledger.run))

    second = reclaim(directory.path, {"key_pair": remove_key})
    assert [item.reason for item in second] == [""]
    assert seen == [({"name": "k1", "region": "eu"}, "r1")]
    assert reclaim(directory.path) == []


# -- kill -9 ----------------------------------------------------------------------------

KILLED = """
source "box" "a" { process = true }
build {
  sources = ["source.box.a"]
  provisioner "do" { %s }
}
"""


StartChild = Callable[..., Child]


def killed(start_child: StartChild, moment: str, text: str = KILLED % "wait = true") -> Path:
    """The directory of a run that was killed at a moment."""
    child = start_child(text)
    child.wait_for(moment)
    child.kill()
    (directory,) = (child.folder / "home/runs").iterdir()
    return directory


@pytest.mark.parametrize("moment", ["launch a from source of ", "waiting"])
def test_nothing_stays_of_a_run_that_was_killed(tmp_path: Path, start_child: StartChild, moment: str) -> None:
    directory = killed(start_child, moment)
    left = read_journal(directory / "resources.jsonl").left
    (pid,) = [int(item.identity["pid"]) for item in left if item.kind == "process"]
    private = [Path(item.identity["path"]) for item in left if item.kind == "directory"]
    assert is_running(pid)
    assert all(path.is_dir() for path in private)
    (found,) = left_over(tmp_path / "home")
    assert found.directory == directory
    done = reclaim(directory)
    assert [item.resource.kind for item in done] == ["process", "directory", "directory"]
    assert not any(item.reason for item in done)
    assert not is_running(pid)
    assert not any(path.exists() for path in private)
    assert left_over(tmp_path / "home") == []


@pytest.mark.parametrize("entries", range(2, 8))
def test_nothing_stays_whenever_a_run_is_killed(tmp_path: Path, start_child: StartChild, entries: int) -> None:
    """Killed as soon as the journal has so many entries; the run can be some steps further by then."""
    child = start_child(KILLED % "wait = true")
    child.wait_for("resolve a")
    (directory,) = (tmp_path / "home/runs").iterdir()
    journal = directory / "resources.jsonl"
    while not journal.exists() or journal.read_bytes().count(b"\n") < entries:
        assert child.process.poll() is None
    child.kill()
    while is_alive(directory):
        time.sleep(0.01)  # a child that it had just forked still has its lock, for a moment
    left = read_journal(journal).left
    assert left
    assert [item.reason for item in reclaim(directory)] == [""] * len(left)
    assert not any(Path(item.identity["path"]).exists() for item in left if item.kind == "directory")
    assert not any(is_running(int(item.identity["pid"])) for item in left if "pid" in item.identity)
    assert not (tmp_path / "output-a").exists()
    assert left_over(tmp_path / "home") == []


def test_a_finished_image_of_a_run_that_was_killed_stays(tmp_path: Path, start_child: StartChild) -> None:
    text = (KILLED % "").replace("}\n}", '}\npost-processor "pack" { wait = true }\n}')
    directory = killed(start_child, "waiting", text)
    reclaim(directory)
    assert (tmp_path / "output-a/image.raw").exists()
    assert left_over(tmp_path / "home") == []


def test_the_next_run_is_not_disturbed_by_a_dead_one(tmp_path: Path, start_child: StartChild) -> None:
    dead = killed(start_child, "waiting")
    child = start_child('source "box" "b" {}\nbuild { sources = ["source.box.b"] }')
    assert child.end() == 0, child.lines
    assert [left.directory for left in left_over(tmp_path / "home")] == [dead]
    assert all(not item.reason for item in reclaim(dead))
    assert (tmp_path / "output-b/image.raw").exists()
