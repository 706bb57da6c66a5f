"""What dead runs left is found and removed, and nothing else is touched."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any, ClassVar

import pytest
from attrs import evolve
from engine_children import HERE, Child, is_running, spawn

from hclimg.engine.host import end_process, mounts_in, remove_directory, remove_file, remove_files
from hclimg.engine.journal import Ledger, Resource, ResourceJournal, boot_id, read_journal
from hclimg.engine.reclaim import Manner, Reclaimed, left_over, reclaim
from hclimg.engine.rundir import RunDirectory, claimed, is_alive
from hclimg.errors import BuildError, CleanupError
from hclimg.registry import Registry
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.process import RUN_MARK, started_at
from hclimg.sdk.remover import Cleaning, Left, Remover

RUN = f"run-{token_hex(8)}"  # processes of the whole host are searched for it


def removed(directory: Path, manner: Manner | None = None) -> list[Reclaimed]:
    done = reclaim(directory, manner)
    assert done is not None
    return done


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
        "from hclimg.engine.host import end_process\n"
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


@pytest.mark.parametrize("new", ["", "true"])
@pytest.mark.parametrize("others", [False, True])
def test_files_that_belong_together_are_deleted(tmp_path: Path, new: str, others: bool) -> None:
    """The directory goes when the run made it and nobody put anything into it."""
    folder = tmp_path / "d"
    folder.mkdir()
    for name in ("a.ovf", "a.vmdk", *(["mine"] if others else [])):
        (folder / name).write_text("x")
    for _ in range(2):
        remove_files(resource("files", path=str(folder), names="a.ovf/a.vmdk/never-written", new=new), LEDGER)
        assert folder.exists() is (others or not new)
    assert (folder / "mine").exists() is others
    assert not (folder / "a.ovf").exists()


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
    for remove in (remove_directory, remove_file, remove_files):
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
        "from hclimg.engine.host import remove_directory\n"
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
    assert reclaim(alive.path) is None
    (done,) = removed(dead.path)
    assert (done.run, str(done.resource), done.reason) == ("r2", f"directory {tmp_path / 'r2'}", "")
    assert (tmp_path / "r1").is_dir()
    assert not (tmp_path / "r2").exists()
    assert left_over(tmp_path) == []
    alive.close()


# -- clouds -----------------------------------------------------------------------------


class MoonRemover(Remover):
    """Keeps what it was asked to remove; "stuck" things stay."""

    made: ClassVar[list[MoonRemover]] = []

    def __init__(self, ctx: Cleaning) -> None:
        super().__init__(ctx)
        self.asked: list[Left] = []
        self.closed = 0
        self.made.append(self)

    def remove(self, left: Left) -> None:
        self.asked.append(left)
        self.ctx.say(f"asked for {left.thing} {left.id}".rstrip())
        match left.identity.get("name"):
            case "stuck":
                raise CleanupError("it is stuck")
            case "buggy":
                raise ZeroDivisionError("oops")
            case "result":
                self.ctx.finished(left)
            case "slow":
                self.ctx.sleep(60)

    def close(self) -> None:
        self.closed += 1
        if any(left.identity.get("name") == "buggy" for left in self.asked):
            raise ZeroDivisionError("while it is closed")


class ClosedRemover(Remover):
    def __init__(self, ctx: Cleaning) -> None:
        MoonRemover.made.append(MoonRemover(ctx))
        raise BuildError("no credentials", hint="Set MOON_KEY.")

    def remove(self, left: Left) -> None:
        """Never called."""


Dead = Callable[[Callable[[ResourceJournal], None]], Path]


@pytest.fixture
def dead(tmp_path: Path) -> Dead:
    """``dead(fill)``: the directory of a run that is over, whose journal ``fill`` has written."""
    MoonRemover.made = []

    def make(fill: Callable[[ResourceJournal], None]) -> Path:
        directory = RunDirectory.create(tmp_path, "r1")
        journal = ResourceJournal(directory.resources, directory.id)
        fill(journal)
        journal.close()
        directory.close()
        return directory.path

    return make


def manner(**more: Any) -> Manner:
    removers = {"moon": f"{__name__}:MoonRemover", "sun": f"{__name__}:ClosedRemover", "lost": "nowhere:Remover"}
    return Manner(registry=Registry(removers=removers), settle=0, **more)


def test_things_in_a_cloud_are_removed_last_first_by_one_remover(dead: Dead) -> None:
    def fill(journal: ResourceJournal) -> None:
        journal.intend("moon/net", name="n", region="far").made(id="net-1")
        journal.intend("moon/image", name="i").made(id="img-1")
        journal.intend("moon/host", name="h", region="far")

    said: list[str] = []
    directory = dead(fill)
    done = removed(directory, manner(say=said.append))
    assert [(item.resource.kind, item.reason) for item in done] == [
        ("moon/host", ""), ("moon/image", ""), ("moon/net", ""),
    ]  # fmt: skip
    (remover,) = MoonRemover.made
    assert [(left.thing, left.id, left.made, left.run) for left in remover.asked] == [
        ("host", "", False, "r1"), ("image", "img-1", True, "r1"), ("net", "net-1", True, "r1"),
    ]  # fmt: skip
    assert remover.ctx.left == tuple(remover.asked)
    assert remover.closed == 1
    assert remover.asked[0].identity == {"name": "h", "region": "far"}
    assert said == ["asked for host", "asked for image img-1", "asked for net net-1"]
    assert left_over(directory.parent.parent) == []


def test_what_stays_is_told_and_the_rest_is_removed(dead: Dead) -> None:
    def fill(journal: ResourceJournal) -> None:
        for kind, name in [
            ("moon/net", "n"), ("sun/net", "n"), ("sun/host", "h"), ("moon/host", "stuck"), ("moon/host", "buggy"),
            ("lost/host", "h"), ("mars/host", "h"), ("moon", "h"),
        ]:  # fmt: skip
            journal.intend(kind, name=name).made()

    directory = dead(fill)
    results = removed(directory, manner())
    done = {f"{item.resource.kind} {item.resource.identity['name']}": item.reason for item in results}
    bugs = directory / "logs/bugs.log"
    assert "ZeroDivisionError: oops" in bugs.read_text()
    assert "ZeroDivisionError: while it is closed" in bugs.read_text()
    unloadable = done.pop("lost/host h")
    assert unloadable.startswith('The remover of "lost" cannot be loaded from nowhere:Remover: ')
    assert done == {
        "moon h": 'nothing here knows how to remove a "moon"',
        "mars/host h": 'nothing here knows how to remove a "mars/…"',
        "moon/host buggy": f"internal error: ZeroDivisionError: oops. This is a bug; {bugs} says where.",
        "moon/host stuck": "it is stuck",
        "sun/host h": "no credentials Set MOON_KEY.",
        "sun/net n": "no credentials Set MOON_KEY.",
        "moon/net n": "",
    }
    assert len(MoonRemover.made) == 3, "a remover that cannot be made is not tried again"
    (left,) = left_over(directory.parent.parent)
    assert [item.number for item in left.ledger.left] == [2, 3, 4, 5, 6, 7, 8]


def test_a_result_stays_and_is_not_asked_about_again(dead: Dead) -> None:
    """The run was killed between the last touch and the word that it is kept."""

    def fill(journal: ResourceJournal) -> None:
        journal.intend("moon/image", name="result").made(id="img-1")
        journal.intend("moon/host", name="h").made(id="h-1")

    directory = dead(fill)
    done = removed(directory, manner())
    assert [(item.resource.kind, item.reason, item.finished) for item in done] == [
        ("moon/host", "", False), ("moon/image", "", True),
    ]  # fmt: skip
    assert read_journal(directory / "resources.jsonl").left == ()
    assert '{"op":"kept","n":1}' in (directory / "resources.jsonl").read_text()


def test_a_cancel_leaves_the_rest_in_the_journal(dead: Dead) -> None:
    """What was removed before it is struck."""

    def fill(journal: ResourceJournal) -> None:
        for name in ("last", "slow", "first"):
            journal.intend("moon/host", name=name).made(id=name)

    cancel = CancelToken()

    def tell(result: Reclaimed) -> None:
        if result.resource.identity["name"] == "first":
            cancel.cancel()

    directory = dead(fill)
    done = removed(directory, manner(cancel=cancel, done=tell))
    assert [item.reason for item in done] == ["", "interrupted", "interrupted"]
    assert [item.identity["id"] for item in read_journal(directory / "resources.jsonl").left] == ["last", "slow"]
    assert [item.reason for item in removed(directory, evolve(manner(), cancel=_cancelled()))] == ["interrupted"] * 2


def _cancelled() -> CancelToken:
    token = CancelToken()
    token.cancel()
    return token


def test_a_call_that_was_under_way_is_given_time(dead: Dead) -> None:
    """A cancel ends the wait."""

    def fill(journal: ResourceJournal) -> None:
        journal.intend("moon/host", name="h")

    said: list[str] = []
    cancel = CancelToken()

    def say(text: str) -> None:
        said.append(text)
        cancel.cancel()

    directory = dead(fill)
    done = removed(directory, evolve(manner(), settle=3600, say=say, cancel=cancel))
    assert [item.reason for item in done] == ["interrupted"]
    assert said == ["Waiting 3600 s for calls that were under way when the run ended."]
    assert [item.reason for item in removed(directory, manner())] == [""]


def test_the_builds_of_a_run_are_cleared_at_the_same_time(dead: Dead, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they share goes last."""
    together, order = threading.Barrier(3, timeout=60), list[str]()

    def remove(self: MoonRemover, left: Left) -> None:
        if left.thing == "host":
            together.wait()
        order.append(left.thing)

    def fill(journal: ResourceJournal) -> None:
        journal.intend("moon/shared", name="s").made()
        for lane in "abc":
            journal.of(lane).intend("moon/host", name=lane).made()
        journal.intend("moon/shared", name="t").made()

    monkeypatch.setattr(MoonRemover, "remove", remove)
    done = removed(dead(fill), manner())
    assert [item.reason for item in done] == [""] * 5
    assert order == ["host"] * 3 + ["shared"] * 2
    assert len(MoonRemover.made) == 4, "each is used by one thread"


def test_what_was_refused_is_tried_again_as_long_as_the_cloud_gives_way(
    dead: Dead, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One build's remover, looking for what has no id, found a thing that another build's machine still used."""
    gone: list[str] = []

    def remove(self: MoonRemover, left: Left) -> None:
        name = left.identity["name"]
        if name == "net" and gone.count("host") < 2:
            raise CleanupError("a host uses it")
        if name == "stuck":
            gone.append("asked")
            raise CleanupError("it is stuck")
        gone.append(name)

    def fill(journal: ResourceJournal) -> None:
        journal.intend("moon/host", name="host").made()
        journal.intend("moon/host", name="stuck").made()
        journal.intend("moon/net", name="net")
        journal.of("a").intend("moon/host", name="host").made()

    monkeypatch.setattr(MoonRemover, "remove", remove)
    told: list[Reclaimed] = []
    done = removed(dead(fill), manner(done=told.append))
    assert [(item.resource.identity["name"], item.reason) for item in done] == [
        ("host", ""), ("host", ""), ("net", ""), ("stuck", "it is stuck"),
    ]  # fmt: skip
    assert gone == ["host", "asked", "host", "net", "asked", "asked"]
    assert told == done, "each is told once"


def test_somebody_else_cleans_up_already(dead: Dead) -> None:
    directory = dead(lambda journal: journal.intend("moon/host", name="h").made())
    with claimed(directory) as ours:
        assert ours
        assert reclaim(directory, manner()) is None


CLOUDS = sorted(path.name for path in (HERE.parents[1] / "hclimg/clouds").iterdir() if (path / "__init__.py").exists())


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_cloud_has_a_remover(cloud: str) -> None:
    assert Registry().load_remover(cloud) is not None


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
    done = removed(directory)
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
    assert [item.reason for item in removed(directory)] == [""] * len(left)
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
    assert all(not item.reason for item in removed(dead))
    assert (tmp_path / "output-b/image.raw").exists()
