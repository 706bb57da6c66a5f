"""A communicator that says why its machine went away, when somebody knows.

Who that is, and what it says, is the builder's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from hclimg.errors import Cancelled, ConnectionLost, HclimgError
from hclimg.sdk.machine import ByteSink, Communicator, OutputSink

Explain = Callable[[ConnectionLost | Cancelled], HclimgError | None]
"""The error to raise instead; None when there is nothing more to say."""


class WatchedCommunicator:
    """Passes everything on to the communicator that it is made with."""

    def __init__(self, inner: Communicator, explain: Explain) -> None:
        self._inner = inner
        self._explain = explain

    @property
    def kind(self) -> str:
        return self._inner.kind

    @property
    def streams_stdin(self) -> bool:
        return self._inner.streams_stdin

    def run(
        self,
        command: str,
        *,
        stdin: bytes | BinaryIO | None = None,
        on_output: OutputSink | None = None,
        timeout: timedelta | None = None,
    ) -> int:
        with self._watching():
            return self._inner.run(command, stdin=stdin, on_output=on_output, timeout=timeout)

    def pipe(self, command: str, *, stdin: BinaryIO, received: ByteSink) -> int:
        with self._watching():
            return self._inner.pipe(command, stdin=stdin, received=received)

    def upload(self, source: bytes | BinaryIO | Path, remote: str, *, mode: int | None = None) -> None:
        with self._watching():
            self._inner.upload(source, remote, mode=mode)

    def upload_dir(self, local: Path, remote: str, *, exclude: Sequence[str] = ()) -> None:
        with self._watching():
            self._inner.upload_dir(local, remote, exclude=exclude)

    def download(self, remote: str, local: BinaryIO | Path) -> None:
        with self._watching():
            self._inner.download(remote, local)

    def download_dir(self, remote: str, local: Path, *, exclude: Sequence[str] = ()) -> None:
        with self._watching():
            self._inner.download_dir(remote, local, exclude=exclude)

    def reconnect(self, timeout: timedelta) -> None:
        with self._watching():
            self._inner.reconnect(timeout)

    def close(self) -> None:
        self._inner.close()

    @contextmanager
    def _watching(self) -> Iterator[None]:
        try:
            yield
        except (ConnectionLost, Cancelled) as error:
            known = self._explain(error)
            if known is None:
                raise
            raise known from None
