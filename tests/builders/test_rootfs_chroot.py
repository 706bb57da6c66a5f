"""The system as provisioners see it, and that nothing of it stays on this host."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from rootfs_kit import CACHE, config, launched, run_info, said

from hclimg.builders.rootfs.config import SystemConfig
from hclimg.builders.rootfs.sandbox import SetUp, own_scope, sandbox
from hclimg.builders.rootfs.system import STUB, stop_processes
from hclimg.errors import BuildError, Cancelled
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine
from hclimg.sdk.steps import close_scope
from hclimg.units import Secret
from servers.recording import Recording

pytestmark = pytest.mark.slow

Recorded = Callable[..., Recording]
T = TypeVar("T")


@pytest.fixture
def machine(recorded: Recorded, tmp_path: Path) -> Machine:
    system = SystemConfig(
        network="none",
        hostname="box.example.org",
        root_password=Secret("s3cret"),
        authorized_keys=("ssh-ed25519 AAAA me",),
    )
    recording = recorded(run=run_info(tmp_path))
    return launched(recording, config(tmp_path / "out", system=system))[1]


def test_commands_see_a_machine(machine: Machine) -> None:
    assert said(machine, "hostname; id -u; umask; echo $HOME") == ["box.example.org", "0", "0022", "/root"]
    assert said(machine, "head -c 3 /dev/zero | od -An -tx1; ls /dev/fd/0 /dev/ptmx") == [
        " 00 00 00", "/dev/fd/0", "/dev/ptmx",
    ]  # fmt: skip
    assert said(machine, "cat /proc/1/comm; [ -d /sys/kernel ]; [ -w /run ]") == ["cat"]
    assert said(machine, "cat /etc/resolv.conf") == Path("/etc/resolv.conf").read_text().splitlines()


def test_disks_of_the_host_are_out_of_sight(machine: Machine) -> None:
    assert set(said(machine, "ls /dev")) == {
        "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero",
    }  # fmt: skip


def test_a_command_keeps_its_exit_code_and_its_signal(machine: Machine) -> None:
    assert machine.communicator.run("exit 7") == 7
    assert machine.communicator.run("kill -TERM $$") == 128 + signal.SIGTERM


def test_files_go_to_the_view_with_the_mounts(machine: Machine) -> None:
    machine.communicator.upload(b"x", "/run/there", mode=0o600)
    assert said(machine, "stat -c %a:%U /run/there") == ["600:root"]
    assert not Path("/run/there").exists()


def test_services_do_not_start(machine: Machine) -> None:
    assert machine.communicator.run("/usr/sbin/policy-rc.d") == 101


def test_the_system_is_prepared(machine: Machine) -> None:
    assert said(machine, "cat /etc/hostname") == ["box.example.org"]
    assert "127.0.1.1 box.example.org box" in said(machine, "cat /etc/hosts")
    assert said(machine, "cat /root/.ssh/authorized_keys; stat -c %a /root/.ssh /root/.ssh/authorized_keys") == [
        "ssh-ed25519 AAAA me", "700", "600",
    ]  # fmt: skip
    assert said(machine, "readlink /etc/resolv.conf") == [STUB]
    (fields,) = said(machine, "grep ^root: /etc/shadow")
    assert fields.split(":")[1].startswith("$")
    assert "s3cret" not in fields


def test_facts_of_the_machine(machine: Machine) -> None:
    assert machine.facts["ConnType"] == "chroot"
    assert Path(machine.facts["RootDirectory"], "etc/hostname").read_text() == "box.example.org\n"
    assert machine.facts["Suite"] == "bookworm"


def test_the_base_does_not_change(recorded: Recorded, tmp_path: Path) -> None:
    for _ in range(2):
        recording = recorded(run=run_info(tmp_path))
        _, machine = launched(recording, config(tmp_path / "out"))
        assert said(machine, "ls /changed 2>/dev/null || true") == []
        assert said(machine, "touch /changed; rm /etc/debian_version; ls /changed") == ["/changed"]
        assert close_scope(recording.ctx) == []


def test_nothing_is_mounted_on_the_host_and_nothing_stays(recorded: Recorded, tmp_path: Path) -> None:
    recording = recorded(run=run_info(tmp_path))
    _, machine = launched(recording, config(tmp_path / "out"))
    said(machine, "sleep 1000 >/dev/null 2>&1 & echo started")
    pid = machine.handle.chroot.sandbox.pid
    assert not _mounts_of(run_info(tmp_path).id)
    assert close_scope(recording.ctx) == []
    assert not Path(f"/proc/{pid}").exists()
    assert not list((recording.ctx.run.cache / "rootfs" / "work").glob(f"{recording.ctx.run.id}-*"))


def test_processes_that_were_left_running_end(machine: Machine) -> None:
    said(machine, "sleep 1000 >/dev/null 2>&1 & sh -c 'trap \"\" TERM; exec sleep 1001' >/dev/null 2>&1 & echo started")
    assert len(said(machine, _SLEEPERS)) == 2
    stop_processes(machine.communicator)
    assert said(machine, _SLEEPERS) == []


_SLEEPERS = "for p in /proc/[0-9]*; do read -r name <$p/comm && [ $name = sleep ] && echo $p; done; true"


def test_a_cancel_ends_a_command(recorded: Recorded, tmp_path: Path) -> None:
    import threading

    recording = recorded(run=run_info(tmp_path))
    _, machine = launched(recording, config(tmp_path / "out"))
    timer = threading.Timer(0.5, recording.ctx.cancel.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        machine.communicator.run("sleep 1000")
    timer.join()


PATHS = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

PREAMBLE = """
import sys
from pathlib import Path
sys.path[:0] = {paths!r}
from rootfs_kit import CACHE, config, launched, run_info
from servers.recording import Recording
from hclimg.events import EventBus
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context
from hclimg.sdk.scope import Scope
from hclimg.sdk.steps import close_scope

tmp = Path({tmp!r})
recording = Recording()
bus = EventBus([recording]).__enter__()
recording.ctx = Context(
    run=run_info(tmp, cache=Path({cache!r})), lane="l", node="n", bus=bus, cancel=CancelToken(), scope=Scope(),
    build_name="b",
)
_, machine = launched(recording, config(tmp / "out"))
"""

KILLED = """
print(machine.handle.chroot.sandbox.pid, flush=True)
machine.communicator.run("sleep 1000")
"""

COPIED = """
print(machine.communicator.run("touch /changed"))
print(any(machine.handle.chroot.sandbox.path("/mnt/work/upper").glob("changed")))
print(close_scope(recording.ctx))
"""


def test_a_killed_run_leaves_no_process_and_no_mount(tmp_path: Path, machine: Machine) -> None:
    """The machine fixture makes the base system, so that this is about the chroot only."""
    script = PREAMBLE.format(paths=PATHS, tmp=str(tmp_path / "killed"), cache=str(CACHE)) + KILLED
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    group = _waited_for(lambda: [p for p in _children_in(pid) if _name(p) == "sleep"])
    process.kill()
    process.wait()
    process.stdout.close()
    _waited_for(lambda: not any(Path(f"/proc/{p}").exists() for p in (pid, *group)))
    assert not _mounts_of(run_info(tmp_path / "killed").id)
    for left in (CACHE / "rootfs" / "work").glob(f"{run_info(tmp_path / 'killed').id}-*"):
        shutil.rmtree(left)  # a run with a journal leaves this to the next one


def _mounts_of(run: str) -> list[str]:
    """What this host has mounted for a run. Others may mount what they like meanwhile."""
    return [line for line in Path("/proc/mounts").read_text().splitlines() if run in line]


def _children_in(pid: int) -> list[int]:
    """All processes in the namespace of a process."""
    mine = _link(Path(f"/proc/{pid}/ns/pid"))
    return [int(p.name) for p in Path("/proc").glob("[0-9]*") if _link(p / "ns" / "pid") == mine and int(p.name) != pid]


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _waited_for(ready: Callable[[], T]) -> T:
    """Until the test takes too long."""
    while not (found := ready()):
        time.sleep(0.05)
    return found


# -- the sandbox itself -----------------------------------------------------------


def test_a_sandbox_that_cannot_be_set_up(ctx: Context, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"cannot be made: .*no-such-directory") as raised, own_scope(ctx) as own:
        sandbox(own, tmp_path, SetUp(bind="cd /no-such-directory", finish=":"))
    assert "--privileged" in raised.value.hint


def test_where_layers_cannot_be_laid_the_base_is_copied(tmp_path: Path, machine: Machine) -> None:
    """A cache that is on an overlay, as in a container: the kernel refuses another one, and the build goes on.

    The machine fixture makes the base system, which the overlay shows.
    """
    for name in ("upper", "layers", "cache"):
        (tmp_path / name).mkdir()
    layers = f"lowerdir={CACHE},upperdir={tmp_path}/upper,workdir={tmp_path}/layers"
    script = PREAMBLE.format(paths=PATHS, tmp=str(tmp_path), cache=str(tmp_path / "cache")) + COPIED
    process = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", f'mount -t overlay o -o {layers} {tmp_path}/cache; exec "$@"', "sh",
         sys.executable, "-c", script],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.stdout.splitlines() == ["0", "True", "[]"], process.stderr
