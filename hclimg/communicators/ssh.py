"""The ``ssh`` communicator: commands and files of a machine over one connection that lasts as long as its build."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from attrs import define, field

from hclimg.communicators.exec import BLOCK, BROKEN, RemoteCommand
from hclimg.communicators.files import Files, NoShellError
from hclimg.communicators.progress import Report
from hclimg.communicators.session import SshSession
from hclimg.errors import BuildError, ConnectionLost
from hclimg.sdk.lines import LineSplitter
from hclimg.sdk.machine import ByteSink, OutputSink

if TYPE_CHECKING:
    from hclimg.communicators.tunnels import Tunnels


@define(eq=False)
class SshCommunicator:
    """A :class:`hclimg.sdk.machine.Communicator`. A connection that broke is made again by the next call."""

    session: SshSession
    report: Report
    pty: bool = False
    sftp: bool = False
    tunnels: Tunnels | None = None
    _files: Files | None = field(default=None, init=False)

    @property
    def kind(self) -> str:
        return "ssh"

    @property
    def streams_stdin(self) -> bool:
        return not self.pty and not self.session.on_windows

    @property
    def login(self) -> str:
        """Who logged in where, for people."""
        target = self.session.way.target
        return f"{target.account.user} (host key {target.pin.fingerprint})"

    def opened(self) -> None:
        """Called when it is connected for the first time."""
        if self.tunnels:
            self.tunnels.listen()

    def run(
        self,
        command: str,
        *,
        stdin: bytes | BinaryIO | None = None,
        on_output: OutputSink | None = None,
        timeout: timedelta | None = None,
    ) -> int:
        with self._awake():
            return self._run(command, stdin, on_output or _ignore, timeout)

    def _run(
        self, command: str, stdin: bytes | BinaryIO | None, on_output: OutputSink, timeout: timedelta | None
    ) -> int:
        splitters = {stream: LineSplitter(on_output, stream) for stream in ("stdout", "stderr")}
        with self._start(command, may_run=stdin is None, pty=self.pty) as remote:
            self._feed(remote, stdin)
            try:
                return remote.wait(lambda stream, data: splitters[stream].feed(data), timeout)
            finally:
                for splitter in splitters.values():
                    splitter.close()

    def pipe(self, command: str, *, stdin: BinaryIO, received: ByteSink) -> int:
        with self._awake():
            try:
                remote = self._start(command, may_run=True, pty=False)
            except BaseException:
                stdin.close()
                raise
            with remote:
                remote.write_aside(_pieces(stdin))
                return remote.wait(received)

    def _start(self, command: str, *, may_run: bool, pty: bool) -> RemoteCommand:
        channel = self.session.channel()
        try:
            return RemoteCommand.start(channel, command, pty=pty)
        except BROKEN as error:
            self.session.check_alive(error, started=may_run)
            raise BuildError(
                f"The SSH server of {self.session.where} does not run commands: {error}",
                hint="Its user may be limited to file transfer (ForceCommand internal-sftp).",
            ) from error

    def _feed(self, remote: RemoteCommand, stdin: bytes | BinaryIO | None) -> None:
        if stdin is None:
            remote.write(())
        elif isinstance(stdin, bytes):
            blocks = [stdin[at : at + BLOCK] for at in range(0, len(stdin), BLOCK)]
            # What fits into the window cannot block, whatever the command does.
            send = remote.write if len(stdin) <= remote.channel.out_window_size else remote.write_aside
            send(blocks)
        else:
            remote.write_aside(iter(lambda: stdin.read(BLOCK), b""))

    def upload(self, source: bytes | BinaryIO | Path, remote: str, *, mode: int | None = None) -> None:
        from hclimg.communicators.source import opened

        with self._awake(), opened(source, mode) as opening:
            self._by(lambda files: files.put(opening, remote))

    def upload_dir(self, local: Path, remote: str, *, exclude: Sequence[str] = ()) -> None:
        with self._awake():
            self._by(lambda files: files.put_dir(local, remote, exclude))

    def download(self, remote: str, local: BinaryIO | Path) -> None:
        with self._awake():
            if isinstance(local, Path):
                self._download_to(remote, local)
            else:
                self._by(lambda files: files.get(remote, local))

    def _download_to(self, remote: str, local: Path) -> None:
        """Half a file never stands under the name of the whole one."""
        part = local.with_name(local.name + ".part")
        try:
            with part.open("w+b") as file:
                self._by(lambda files: files.get(remote, file))
            part.replace(local)
        except OSError as error:
            raise BuildError(f'Cannot write "{local}": {error.strerror}.') from error
        finally:
            part.unlink(missing_ok=True)

    def download_dir(self, remote: str, local: Path, *, exclude: Sequence[str] = ()) -> None:
        with self._awake():
            self._by(lambda files: files.get_dir(remote, local, exclude))

    def reconnect(self, timeout: timedelta) -> None:
        with self._awake():
            self.session.connect(timeout)

    def close(self) -> None:
        """Close the connection. A call that waits on it in another thread ends with ConnectionLost."""
        if self.tunnels:
            self.tunnels.close()
        self.session.drop()

    def _by(self, copy: Callable[[Files], None]) -> None:
        """Copy by the method of the template, and by SFTP for the rest of the build on a machine without a shell."""
        if self._files is None:
            # To cmd.exe, a command for /bin/sh is one that fails, but not before it made the file of each ">".
            by_sftp = self.sftp or self.session.on_windows
            self._files = self._by_sftp() if by_sftp else self._by_shell()
        try:
            copy(self._files)
        except NoShellError as error:
            try:
                self.session.sftp()
            except BuildError as also:
                raise BuildError(f"Cannot copy files by commands ({error}), nor by SFTP: {also.message}") from also
            self._files = self._by_sftp()
            copy(self._files)

    def _by_shell(self) -> Files:
        from hclimg.communicators.shell_files import ShellFiles

        return ShellFiles(self.session, self.report)

    def _by_sftp(self) -> Files:
        from hclimg.communicators.sftp_files import SftpFiles

        return SftpFiles(self.session, self.report)

    @contextmanager
    def _awake(self) -> Iterator[None]:
        """A cancel breaks the connection, so that whatever waits on it wakes, and shows as Cancelled."""
        cancel = self.session.cancel
        cancel.check()
        try:
            with cancel.closing(self.session.hang_up):
                yield
        except ConnectionLost:
            cancel.check()
            raise


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    with stream:
        while piece := stream.read(BLOCK):
            yield piece


def _ignore(_line: str, _stream: str) -> None:
    return
