"""The ``winrm`` communicator: commands and files of a Windows machine over its WinRM service.

Commands are lines for cmd.exe, as with Packer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from attrs import define

from hclimg.communicators.progress import Report
from hclimg.communicators.winrm_files import WinrmFiles
from hclimg.communicators.winrm_http import BLOCK
from hclimg.communicators.winrm_session import WinrmSession
from hclimg.communicators.winrm_shell import LateError
from hclimg.communicators.winrm_trouble import Kind, TroubleError
from hclimg.errors import BuildError, TimedOut
from hclimg.sdk.lines import LineSplitter
from hclimg.sdk.machine import ByteSink, OutputSink
from hclimg.units import show_duration

PATIENCE = timedelta(minutes=5)
"""How long a command waits for a machine that does not answer when it is to start."""


@define(eq=False)
class WinrmCommunicator:
    """A :class:`hclimg.sdk.machine.Communicator`. Modes of files mean nothing on Windows and are dropped."""

    session: WinrmSession
    report: Report

    @property
    def kind(self) -> str:
        return "winrm"

    @property
    def streams_stdin(self) -> bool:
        return False

    @property
    def login(self) -> str:
        """Who logs in how, for people."""
        end = self.session.end
        if end.certificate:
            return "the owner of the certificate"
        return f"{end.user} ({'NTLM' if end.ntlm else 'Basic'}{' over TLS' if end.tls else ''})"

    def opened(self) -> None:
        """Called when it is connected for the first time."""

    def run(
        self,
        command: str,
        *,
        stdin: bytes | BinaryIO | None = None,
        on_output: OutputSink | None = None,
        timeout: timedelta | None = None,
    ) -> int:
        splitters = {stream: LineSplitter(on_output or _ignore, stream) for stream in ("stdout", "stderr")}
        try:
            return self._run(command, lambda stream, data: splitters[stream].feed(data), _blocks(stdin), timeout)
        finally:
            for splitter in splitters.values():
                splitter.close()

    def pipe(self, command: str, *, stdin: BinaryIO, received: ByteSink) -> int:
        return self._run(command, received, _pieces(stdin), None, joins=False)

    def upload(self, source: bytes | BinaryIO | Path, remote: str, *, mode: int | None = None) -> None:
        from hclimg.communicators.source import opened

        with opened(source, mode) as opening:
            self._files.put(opening, remote)

    def upload_dir(self, local: Path, remote: str, *, exclude: Sequence[str] = ()) -> None:
        self._files.put_dir(local, remote, exclude)

    def download(self, remote: str, local: BinaryIO | Path) -> None:
        if not isinstance(local, Path):
            self._files.get(remote, local)
            return
        part = local.with_name(local.name + ".part")  # half a file never stands under the name of the whole one
        try:
            with part.open("w+b") as file:
                self._files.get(remote, file)
            part.replace(local)
        except OSError as error:
            raise BuildError(f'Cannot write "{local}": {error.strerror}.') from error
        finally:
            part.unlink(missing_ok=True)

    def download_dir(self, remote: str, local: Path, *, exclude: Sequence[str] = ()) -> None:
        try:
            self._files.get_dir(remote, local, exclude)
        except OSError as error:
            raise BuildError(f'Cannot write to "{local}": {error.strerror}.') from error

    def reconnect(self, timeout: timedelta) -> None:
        self.session.connect(timeout)

    def close(self) -> None:
        """A call that waits in another thread ends with ConnectionLost."""
        self.session.hang_up()

    @property
    def _files(self) -> WinrmFiles:
        return WinrmFiles(lambda command, received, stdin: self._run(command, received, stdin, None), self.report)

    def _run(
        self,
        command: str,
        received: ByteSink,
        stdin: Iterable[bytes] | None,
        timeout: timedelta | None,
        *,
        joins: bool = True,
    ) -> int:
        deadline = time.monotonic() + timeout.total_seconds() if timeout else None
        try:
            return self._when_it_answers(lambda: self.session.run(command, received, deadline, stdin, joins=joins))
        except LateError:
            assert timeout is not None
            raise TimedOut(f"The command did not end within {show_duration(timeout)}.") from None

    def _when_it_answers(self, run: Callable[[], int]) -> int:
        """A machine that does not answer is waited for: the command did not start then."""
        try:
            return run()
        except TroubleError as error:
            if error.trouble.kind is not Kind.AWAY:
                raise self.session.lost(error.trouble, started=False) from error
        self.session.connect(PATIENCE)
        try:
            return run()
        except TroubleError as error:
            raise self.session.lost(error.trouble, started=False) from error


def _blocks(stdin: bytes | BinaryIO | None) -> Iterable[bytes] | None:
    if stdin is None:
        return None
    if isinstance(stdin, bytes):
        return [stdin[at : at + BLOCK] for at in range(0, len(stdin), BLOCK)]
    return iter(lambda: stdin.read(BLOCK), b"")


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    with stream:
        yield from iter(lambda: stream.read(BLOCK), b"")


def _ignore(_line: str, _stream: str) -> None:
    return
