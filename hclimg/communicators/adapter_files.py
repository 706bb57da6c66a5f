"""SFTP for a machine that need not have a server of it: whole files go through its communicator.

What sftp and scp ask for when they copy one file is here; reading directories is not. A file that is written is kept
in a temporary file of this host until it is whole, so that half a file never stands on the machine.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from stat import S_IFDIR, S_IFREG
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import IO, TYPE_CHECKING

from paramiko import Channel, SFTPAttributes, SFTPHandle, SFTPServer, SFTPServerInterface
from paramiko.sftp import SFTP_FAILURE, SFTP_NO_SUCH_FILE, SFTP_OK, SFTP_OP_UNSUPPORTED

from hclimg.errors import BuildError, HclimgError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from paramiko.server import ServerInterface

    from hclimg.sdk.machine import Communicator

_LOOK = "p=%s; if [ -d \"$p\" ]; then echo d; elif [ -e \"$p\" ]; then wc -c <\"$p\"; else exit 1; fi"


class Files(SFTPServerInterface):
    """Paths of the machine; ``tell`` gets what failed, because a client is only told that something did."""

    def __init__(
        self,
        server: ServerInterface,
        communicator: Communicator,
        home: Callable[[], str],
        tell: Callable[[HclimgError], None],
    ) -> None:
        super().__init__(server)
        self.communicator, self._home, self.tell = communicator, home, tell
        self.ended = False

    @classmethod
    def server(
        cls,
        door: ServerInterface,
        communicator: Communicator,
        home: Callable[[], str],
        tell: Callable[[HclimgError], None],
    ) -> Callable[[Channel], None]:
        """Serves a channel until its client has enough."""

        def serve(channel: Channel) -> None:
            transport = channel.get_transport()
            server = SFTPServer(channel, "sftp", door, cls, communicator, home, tell)
            try:
                server.start_subsystem("sftp", transport, channel)
                channel.send_exit_status(0)
            finally:
                server.finish_subsystem()

        return serve

    def session_ended(self) -> None:
        """What is open now was never finished."""
        self.ended = True

    def canonicalize(self, path: str) -> str:
        return posixpath.normpath(path if path.startswith("/") else posixpath.join(self._home(), path))

    def open(self, path: str, flags: int, attr: SFTPAttributes) -> SFTPHandle | int:
        if not flags & (os.O_WRONLY | os.O_RDWR):
            return self._read(path)
        if flags & os.O_APPEND:
            return SFTP_OP_UNSUPPORTED
        return _Written(self, path, attr)

    def _read(self, path: str) -> SFTPHandle | int:
        file = TemporaryFile()  # noqa: SIM115 - the handle closes it
        try:
            self.communicator.download(path, file)
        except BuildError as error:
            file.close()
            self.tell(error)
            return SFTP_NO_SUCH_FILE
        return _Handle(file)

    def stat(self, path: str) -> SFTPAttributes | int:
        lines: list[str] = []
        if self.communicator.run(_LOOK % quote(path), on_output=lambda line, _: lines.append(line)):
            return SFTP_NO_SUCH_FILE
        return _attributes(lines[-1].strip() if lines else "")

    lstat = stat

    def chattr(self, path: str, attr: SFTPAttributes) -> int:
        if attr.st_mode is None:
            return SFTP_OK
        return self._do(f"chmod {attr.st_mode & 0o7777:o} {quote(path)}")

    def mkdir(self, path: str, attr: SFTPAttributes) -> int:
        mode = "" if attr.st_mode is None else f"-m {attr.st_mode & 0o7777:o} "
        return self._do(f"mkdir {mode}{quote(path)}")

    def rmdir(self, path: str) -> int:
        return self._do(f"rmdir {quote(path)}")

    def remove(self, path: str) -> int:
        return self._do(f"rm {quote(path)}")

    def rename(self, oldpath: str, newpath: str) -> int:
        return self._do(f"mv {quote(oldpath)} {quote(newpath)}")

    posix_rename = rename

    def _do(self, command: str) -> int:
        return SFTP_FAILURE if self.communicator.run(command) else SFTP_OK


class _Handle(SFTPHandle):
    """A file of the machine as it was when it was opened."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file

    def read(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(length)

    def stat(self) -> SFTPAttributes:
        return _attributes(str(os.fstat(self._file.fileno()).st_size))

    def close(self) -> None:
        self._file.close()


class _Written(_Handle):
    """A file that comes from its beginning to its end; it goes to the machine when it is closed. ``scp`` does not ask
    for an empty file at first, but says at the end how long it is."""

    def __init__(self, files: Files, path: str, attr: SFTPAttributes) -> None:
        super().__init__(NamedTemporaryFile(prefix="hclimg-"))  # noqa: SIM115 - closed with the handle
        self._files, self._path = files, path
        self._mode = attr.st_mode

    def write(self, offset: int, data: ReadableBuffer) -> int:
        if offset > self._file.seek(0, os.SEEK_END):
            return SFTP_OP_UNSUPPORTED  # it goes on with a file that is there already
        self._file.seek(offset)
        self._file.write(data)
        return SFTP_OK

    def chattr(self, attr: SFTPAttributes) -> int:
        self._mode = self._mode if attr.st_mode is None else attr.st_mode
        if attr.st_size is not None:
            self._file.truncate(attr.st_size)
        return SFTP_OK

    def close(self) -> None:
        """Raises HclimgError, which paramiko answers with a failure."""
        if self._file.closed:
            return  # by a failure, after which the session's end closes it again
        with self._file as file:
            if self._files.ended:
                return
            file.flush()
            mode = 0o644 if self._mode is None else self._mode & 0o7777
            try:
                self._files.communicator.upload(Path(file.name), self._path, mode=mode)
            except HclimgError as error:
                self._files.tell(error)
                raise


def _attributes(found: str) -> SFTPAttributes:
    """``d`` is a directory, a number the size of a file."""
    attributes = SFTPAttributes()
    attributes.st_mode = S_IFDIR | 0o755 if found == "d" else S_IFREG | 0o644
    attributes.st_size = int(found) if found.isdigit() else 0
    return attributes
