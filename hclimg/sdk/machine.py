"""A running thing that is being turned into an image, and the finished image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from attrs import field, frozen

OutputSink = Callable[[str, str], None]
"""Called with (line without its end, "stdout" or "stderr") for each line that a command prints."""

ByteSink = Callable[[str, bytes], None]
"""Called with ("stdout" or "stderr", a piece of what a command printed)."""


class Communicator(Protocol):
    """How commands and files reach a machine.

    Calls block. A cancel of the token that the communicator was made with closes it and raises Cancelled in them.
    All raise ConnectionLost when the machine goes away and TimedOut when ``timeout`` passes.
    """

    @property
    def kind(self) -> str:
        """``ssh``, ``winrm``, ``docker``, ``chroot``, ``local`` or ``none``."""

    @property
    def streams_stdin(self) -> bool:
        """Whether the machine has a POSIX shell and ``stdin`` reaches a command byte by byte (not on a terminal)."""

    def run(
        self,
        command: str,
        *,
        stdin: bytes | BinaryIO | None = None,
        on_output: OutputSink | None = None,
        timeout: timedelta | None = None,
    ) -> int:
        """Run a command line in the machine's shell; its exit code."""

    def pipe(self, command: str, *, stdin: BinaryIO, received: ByteSink) -> int:
        """Run a command line whose input and output are bytes and pass as they come; its exit code.

        For programs that talk to a program of the machine. ``stdin`` is an unbuffered file of the system, such as an
        end of a pipe; it is closed here. May be called by several threads at once. Raises BuildError where a machine
        cannot do that.
        """

    def upload(self, source: bytes | BinaryIO | Path, remote: str, *, mode: int | None = None) -> None:
        """Write one file. Its directory must exist; ``mode`` None keeps the mode of a source that is a file."""

    def upload_dir(self, local: Path, remote: str, *, exclude: Sequence[str] = ()) -> None:
        """Copy a directory's content into directory ``remote``, which is made when missing; modes are kept."""

    def download(self, remote: str, local: BinaryIO | Path) -> None:
        """Read one file. Raises BuildError when the remote file does not exist."""

    def download_dir(self, remote: str, local: Path, *, exclude: Sequence[str] = ()) -> None:
        """Copy the content of directory ``remote`` into ``local``, which is made when missing."""

    def reconnect(self, timeout: timedelta) -> None:
        """Wait until the machine answers again after a restart."""

    def close(self) -> None: ...


@frozen(kw_only=True)
class Machine:
    """A running thing that we can talk to.

    ``facts`` are what templates see as ``build.*`` (ID, Host, Port, User, Password, ConnType, SSHPublicKey,
    SSHPrivateKey, PackerHTTPAddr, … and the builder's own); ``handle`` is the builder's own typed state.
    """

    id: str
    communicator: Communicator
    facts: Mapping[str, Any] = field(factory=dict)
    handle: Any = None


@frozen(kw_only=True)
class Artifact:
    """An immutable result.

    ``builder`` is Packer's builder id ("transcend.qemu"), ``component`` the kind and name that made it
    ("builder/qemu"), so that it can be destroyed later; ``state`` holds JSON values only, and no secrets. ``facts`` are
    names of ``build.*`` that its builder, which declares them, knows only now: for post-processors.
    """

    builder: str
    component: str
    id: str
    description: str
    files: tuple[str, ...] = ()
    state: Mapping[str, Any] = field(factory=dict)
    facts: Mapping[str, Any] = field(factory=dict)
