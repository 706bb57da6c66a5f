"""What each way to copy files over SSH can do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from hclimg.communicators.source import Source


class NoShellError(Exception):
    """The server does not run commands, or not what we need; nothing was copied."""


class Files(Protocol):
    """All raise BuildError, ConnectionLost, Cancelled, and NoShellError."""

    def put(self, source: Source, remote: str) -> None: ...
    def get(self, remote: str, target: BinaryIO) -> None: ...
    def put_dir(self, local: Path, remote: str, exclude: Sequence[str]) -> None: ...
    def get_dir(self, remote: str, local: Path, exclude: Sequence[str]) -> None: ...
