"""Files of a machine that is a directory of this host: written and read directly, without a command."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from attrs import frozen

from hclimg.communicators.rooted import Found, RootedTree
from hclimg.communicators.source import opened
from hclimg.communicators.tarstream import excluded, walk
from hclimg.errors import BuildError

_BLOCK = 1 << 20
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


@frozen
class HostFiles:
    """``home`` is what ``~`` means."""

    tree: RootedTree
    home: str = "/root"

    def put(self, source: bytes | BinaryIO | Path, remote: str, mode: int | None) -> None:
        with opened(source, mode) as opening, _told(f'Cannot write "{remote}"'):
            self._write(opening.blocks(_BLOCK), self._path(remote), opening.mode)

    def put_dir(self, local: Path, remote: str, exclude: Sequence[str]) -> None:
        top = self._path(remote)
        with _told(f'Cannot write the directory "{remote}"'):
            self.tree.make_dirs(top)
            for entry in walk(local, exclude):
                there = f"{top}/{entry.name}"
                if entry.is_dir:
                    self.tree.make_dirs(there, entry.mode)
                    continue
                with opened(Path(entry.path), entry.mode) as opening:
                    self._write(opening.blocks(_BLOCK), there, entry.mode)

    def get(self, remote: str, local: BinaryIO | Path) -> None:
        with _told(f'Cannot read "{remote}"'):
            if isinstance(local, Path):
                with local.open("wb") as file:
                    self._read(self._path(remote), file)
            else:
                self._read(self._path(remote), local)

    def get_dir(self, remote: str, local: Path, exclude: Sequence[str]) -> None:
        top = self._path(remote)
        with _told(f'Cannot read the directory "{remote}"'):
            local.mkdir(parents=True, exist_ok=True)
            for found in _kept(self.tree.walk(top), exclude):
                target = local / found.name
                if found.is_dir:
                    target.mkdir(exist_ok=True)
                    continue
                with target.open("wb") as file:
                    self._read(f"{top}/{found.name}", file)
                target.chmod(found.mode)

    def _write(self, blocks: Iterator[bytes], path: str, mode: int | None) -> None:
        fd = self.tree.open(path, _WRITE, 0o666 if mode is None else 0o600)
        with os.fdopen(fd, "wb") as file:
            for block in blocks:
                file.write(block)
            if mode is not None:
                os.fchmod(fd, mode)

    def _read(self, path: str, target: BinaryIO) -> None:
        with os.fdopen(self.tree.open(path, os.O_RDONLY), "rb") as file:
            while data := file.read(_BLOCK):
                target.write(data)

    def _path(self, remote: str) -> str:
        return f"{self.home}/{remote[1:]}" if remote == "~" or remote.startswith("~/") else remote


def _kept(found: Iterator[Found], exclude: Sequence[str]) -> Iterator[Found]:
    """Without what is excluded, and without what is in excluded directories."""
    dropped: list[str] = []
    for item in found:
        if exclude and (excluded(item.name, exclude) or any(item.name.startswith(d) for d in dropped)):
            dropped.append(item.name + "/")
            continue
        yield item


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BuildError(f"{what}: {error.strerror or error}.") from error
