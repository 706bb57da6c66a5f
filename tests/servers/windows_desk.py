"""A machine with Windows at the seam of the communicator: it takes files, and answers commands as a test says."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from attrs import define, field

from hclimg.errors import BuildError, TimedOut
from hclimg.sdk.machine import ByteSink, OutputSink

Answer = tuple[int, str] | Exception
"""The exit code and the output of a command, or what it raises."""


@define(eq=False)
class Desk:
    """``answer`` is asked about each command; ``commands`` and ``uploads`` are what came, ``files`` what is there."""

    answer: Callable[[str], Answer] = lambda _command: (0, "")
    kind: str = "winrm"
    streams_stdin: bool = False
    commands: list[str] = field(factory=list)
    uploads: dict[str, bytes] = field(factory=dict)
    files: dict[str, bytes] = field(factory=dict)
    reconnects: int = 0
    gone: bool = False

    def run(
        self,
        command: str,
        *,
        stdin: bytes | BinaryIO | None = None,
        on_output: OutputSink | None = None,
        timeout: timedelta | None = None,
    ) -> int:
        self.commands.append(command)
        answer = self.answer(command)
        if isinstance(answer, Exception):
            raise answer
        for line in answer[1].splitlines():
            if on_output:
                on_output(line, "stdout")
        if command.startswith("del "):
            for path in re.findall(r'"(.+?)"', command):
                self.files.pop(path.replace("\\", "/"), None)
        return answer[0]

    def pipe(self, command: str, *, stdin: BinaryIO, received: ByteSink) -> int:
        raise BuildError("Windows has no pipes here.")

    def upload(self, source: bytes | BinaryIO | Path, remote: str, *, mode: int | None = None) -> None:
        assert isinstance(source, bytes)
        self.uploads[remote] = self.files[remote] = source

    def upload_dir(self, local: Path, remote: str, *, exclude: Sequence[str] = ()) -> None:
        for path in local.rglob("*"):
            if path.is_file():
                self.upload(path.read_bytes(), f"{remote}/{path.relative_to(local)}")

    def download(self, remote: str, local: BinaryIO | Path) -> None:
        raise BuildError(f'There is no "{remote}".')

    def download_dir(self, remote: str, local: Path, *, exclude: Sequence[str] = ()) -> None:
        raise BuildError(f'There is no "{remote}".')

    def reconnect(self, timeout: timedelta) -> None:
        self.reconnects += 1
        if self.gone:
            raise TimedOut(f"WinRM did not answer within {timeout.total_seconds():.0f} s.")

    def close(self) -> None: ...


def decoded(command: str) -> str:
    """The PowerShell of ``… -EncodedCommand BASE64``; another command as it is."""
    _, found, code = command.partition(" -EncodedCommand ")
    return b64decode(code).decode("utf-16-le") if found else command
