"""The communicators of a machine that is on this host: a directory that becomes an image, or the host itself.

What must be mounted in the directory for commands to work (/proc, /dev, …) is its builder's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

from attrs import define, field

from hclimg.communicators.host_files import HostFiles
from hclimg.communicators.rooted import RootedTree
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.machine import ByteSink, OutputSink
from hclimg.sdk.process import run_program

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CLEAN = {
    "PATH": SYSTEM_PATH, "HOME": "/root", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/sh", "LANG": "C.UTF-8",
}  # fmt: skip
"""What a command in the directory gets: nothing of this host's environment, as at a fresh login."""

# Every user of the host can read the arguments of a process, but only root and its owner the environment. A command
# line holds what a provisioner puts there, so it goes by the environment.
_VARIABLE = "HCLIMG_COMMAND"
_EVAL = f'_hclimg=${_VARIABLE}; unset {_VARIABLE}; eval "$_hclimg"'
_ANY_STATUS = range(-128, 256)


@define(eq=False)
class HostCommunicator:
    """A :class:`hclimg.sdk.machine.Communicator` for ``root``; ``argv`` is what runs a shell there."""

    kind: str
    ctx: Context
    root: Path
    argv: Sequence[str]
    clean: bool
    files: HostFiles = field(init=False)

    def __attrs_post_init__(self) -> None:
        home = CLEAN["HOME"] if self.clean else str(Path.home())
        self.files = HostFiles(RootedTree(self.root), home)

    @property
    def streams_stdin(self) -> bool:
        return True

    def run(
        self,
        command: str,
        *,
        stdin: bytes | BinaryIO | None = None,
        on_output: OutputSink | None = None,
        timeout: timedelta | None = None,
    ) -> int:
        with as_file(stdin) as given:
            return self._run(command, stdin=given, on_output=on_output, timeout=timeout)

    def pipe(self, command: str, *, stdin: BinaryIO, received: ByteSink) -> int:
        with stdin:
            return self._run(command, stdin=stdin, on_bytes=received)

    def _run(self, command: str, **how: Any) -> int:
        env = {_VARIABLE: command, **(CLEAN if self.clean else {})}
        try:
            done = run_program(
                self.ctx, [*self.argv, "/bin/sh", "-c", _EVAL],
                env=env, inherit=not self.clean, valid=_ANY_STATUS, **how,
            )  # fmt: skip
        except OSError as error:
            raise BuildError(f"Cannot start the command: {error.strerror}.") from error
        return done.status if done.status >= 0 else 128 - done.status

    def upload(self, source: bytes | BinaryIO | Path, remote: str, *, mode: int | None = None) -> None:
        self.ctx.cancel.check()
        self.files.put(source, remote, mode)

    def upload_dir(self, local: Path, remote: str, *, exclude: Sequence[str] = ()) -> None:
        self.ctx.cancel.check()
        self.files.put_dir(local, remote, exclude)

    def download(self, remote: str, local: BinaryIO | Path) -> None:
        self.ctx.cancel.check()
        self.files.get(remote, local)

    def download_dir(self, remote: str, local: Path, *, exclude: Sequence[str] = ()) -> None:
        self.ctx.cancel.check()
        self.files.get_dir(remote, local, exclude)

    def reconnect(self, timeout: timedelta) -> None:
        """There is no connection that could be lost."""

    def close(self) -> None:
        """There is nothing to close."""


def chroot_communicator(ctx: Context, root: Path) -> HostCommunicator:
    """Commands run in the directory by ``chroot``, as root; files never leave it, whatever links are in it."""
    return HostCommunicator("chroot", ctx, root, ("chroot", str(root)), clean=True)


def local_communicator(ctx: Context) -> HostCommunicator:
    """Commands and files of this host itself."""
    return HostCommunicator("local", ctx, Path("/"), (), clean=False)


@contextmanager
def as_file(stdin: bytes | BinaryIO | None) -> Iterator[bytes | Path | None]:
    """An open file by its path, because a program of the host is given bytes or a path."""
    if stdin is None or isinstance(stdin, bytes):
        yield stdin
        return
    from shutil import copyfileobj
    from tempfile import NamedTemporaryFile

    with NamedTemporaryFile(prefix="hclimg-") as file:
        copyfileobj(stdin, file)
        file.flush()
        yield Path(file.name)
