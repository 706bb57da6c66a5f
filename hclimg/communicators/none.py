"""The ``none`` communicator: for machines that nobody talks to. Every use is an error that says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Never

from attrs import frozen

from hclimg.errors import BuildError
from hclimg.sdk.machine import ByteSink, OutputSink


@frozen
class NoCommunicator:
    """A :class:`hclimg.sdk.machine.Communicator` that refuses."""

    @property
    def kind(self) -> str:
        return "none"

    @property
    def streams_stdin(self) -> bool:
        return False

    def run(
        self,
        command: str,  # noqa: ARG002
        *,
        stdin: bytes | BinaryIO | None = None,  # noqa: ARG002
        on_output: OutputSink | None = None,  # noqa: ARG002
        timeout: timedelta | None = None,  # noqa: ARG002
    ) -> int:
        self._refuse("run a command on")

    def pipe(self, command: str, *, stdin: BinaryIO, received: ByteSink) -> int:  # noqa: ARG002
        with stdin:
            self._refuse("run a command on")

    def upload(self, source: bytes | BinaryIO | Path, remote: str, *, mode: int | None = None) -> None:  # noqa: ARG002
        self._refuse("copy files to")

    def upload_dir(self, local: Path, remote: str, *, exclude: Sequence[str] = ()) -> None:  # noqa: ARG002
        self._refuse("copy files to")

    def download(self, remote: str, local: BinaryIO | Path) -> None:  # noqa: ARG002
        self._refuse("copy files from")

    def download_dir(self, remote: str, local: Path, *, exclude: Sequence[str] = ()) -> None:  # noqa: ARG002
        self._refuse("copy files from")

    def reconnect(self, timeout: timedelta) -> None:  # noqa: ARG002
        self._refuse("connect to")

    def close(self) -> None:
        """There is nothing to close."""

    def _refuse(self, what: str) -> Never:
        raise BuildError(
            f'Cannot {what} this machine: its communicator is "none".',
            hint="Set communicator in the source block, or use only provisioners that run on this host, "
            "such as shell-local.",
        )
