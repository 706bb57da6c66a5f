"""A communicator that knows whether its machine still runs.

When QEMU ends, or cannot go on because the host's disk is full, what waits for the guest is woken, and the reason is
raised instead of "the connection broke".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from hclimg.builders.qemu.guest import Guest
from hclimg.errors import Cancelled, ConnectionLost
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.machine import Communicator, OutputSink


class WatchedCommunicator:
    """Passes everything on to the communicator that it is made with, which must wait with the guest's token.
    ``cancel`` is the build's own token.
    """

    def __init__(self, inner: Communicator, guest: Guest, cancel: CancelToken) -> None:
        self._inner = inner
        self._guest = guest
        self._cancel = cancel

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
        """A lost connection keeps its type, which provisioners that restart the machine look for."""
        try:
            yield
        except (ConnectionLost, Cancelled) as error:
            if self._cancel.cancelled or not self._guest.failed:
                raise
            failure = self._guest.failure()
            if self._guest.full:
                raise failure from None
            started = error.started if isinstance(error, ConnectionLost) else True
            raise ConnectionLost(failure.message, started=started, hint=failure.hint) from None
