"""A private view of this machine: mounts and processes that nobody else sees and that cannot outlive this process.

A first process lives in new mount, process, host name and IPC namespaces. It reads from a pipe that only this process
holds: when hclimg ends, however it ends, the pipe closes, the first process ends, and the kernel kills everything else
in there and takes the mounts away. On the host itself nothing is ever mounted.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import evolve, frozen

from hclimg.errors import BuildError, CleanupError
from hclimg.sdk.context import Context
from hclimg.sdk.process import running_program
from hclimg.sdk.retry import wait_until
from hclimg.sdk.scope import Scope
from hclimg.sdk.steps import close_scope, step

HOME = "/mnt"
"""Where a sandbox has its own mounts. Every user may enter it, also when the build's directories are private."""

START_TIMEOUT = 60.0
END_TIMEOUT = 10.0

# $1 the pipe, $2 the file for the pid, $3 a directory to prepare mounts in; the set-up script gets the rest.
# /proc is still the host's here, so the pid is the one by which the host knows this process. What is orphaned becomes
# its child; a parent that ignores SIGCHLD leaves no zombies.
_START = """
set -e
umask 022
pipe=$1 pidfile=$2 scratch=$3
shift 3
read -r pid rest </proc/self/stat
mount -t tmpfs -o mode=755,nosuid,nodev hclimg "$scratch"
%s
mount --move "$scratch" /mnt
%s
echo "$pid" >"$pidfile.new"
mv "$pidfile.new" "$pidfile"
exec env --ignore-signal=CHLD cat "/dev/fd/$pipe" >/dev/null
"""


@frozen(kw_only=True)
class SetUp:
    """Shell scripts with ``set -e``: ``bind`` still sees the host and prepares ``$scratch``, which then is ``/mnt``
    for ``finish``. Both get ``args``."""

    bind: str
    finish: str
    args: tuple[str, ...] = ()


@frozen(kw_only=True)
class Sandbox:
    pid: int

    @property
    def enter(self) -> tuple[str, ...]:
        """What comes before a command to run it inside."""
        into = ("nsenter", f"--target={self.pid}", "--mount", "--uts", "--ipc", "--pid", "--")
        return (*into, "sh", "-c", 'umask 022; exec "$@"', "sh")  # a system's files must not have the user's umask

    def path(self, inside: str) -> Path:
        """Where this process finds a directory of the sandbox. What is in it may have links: never follow them."""
        return Path(f"/proc/{self.pid}/root{inside}")


@step("Opening sandbox", undo="Closing sandbox")
def sandbox(ctx: Context, work: Path, set_up: SetUp) -> Iterator[Sandbox]:
    """``work`` is the build's own directory."""
    scratch, pidfile, log = work / "scratch", work / "sandbox.pid", work / "sandbox.log"
    scratch.mkdir()
    reading, writing = os.pipe()
    try:
        argv = _command(set_up, reading, pidfile, scratch)
        process = running_program(ctx, argv, name="hclimg sandbox", log=log, pass_fds=(reading,))
        pid = wait_until(
            lambda: _pid(process, pidfile, log),
            what="the sandbox", timeout=START_TIMEOUT, interval=0.005, cancel=ctx.cancel,
        )  # fmt: skip
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    yield Sandbox(pid=pid)
    os.close(writing)
    with suppress(subprocess.TimeoutExpired):
        process.wait(END_TIMEOUT)


def _command(set_up: SetUp, pipe: int, pidfile: Path, scratch: Path) -> Sequence[str]:
    namespaces = ("--mount", "--propagation=private", "--uts", "--ipc", "--pid", "--fork", "--kill-child")
    script = _START % (set_up.bind, set_up.finish)
    return ("unshare", *namespaces, "sh", "-c", script, "sh", str(pipe), str(pidfile), str(scratch), *set_up.args)


def _pid(process: subprocess.Popen[bytes], pidfile: Path, log: Path) -> int | None:
    if pidfile.exists():
        return int(pidfile.read_text())
    if process.poll() is None:
        return None
    said = " ".join(log.read_text(errors="replace").split())
    raise BuildError(
        f"The build's private namespaces cannot be made: {said or 'unshare ended'}.",
        hint="This needs root with CAP_SYS_ADMIN. In a container: run it with --privileged.",
    )


@contextmanager
def own_scope(ctx: Context) -> Iterator[Context]:
    """A context whose scope closes here: for what is not needed until the build's own scope closes."""
    inner = evolve(ctx, scope=Scope())
    try:
        yield inner
    finally:
        failures = close_scope(inner)
    if failures:
        raise CleanupError(str(failures[0])) from failures[0]
