"""A tar stream from a machine as files of the host. It is not trusted: nothing is written outside the target."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from hclimg.communicators.rooted import RootedTree
from hclimg.communicators.tarstream import excluded
from hclimg.errors import BuildError

if TYPE_CHECKING:
    from tarfile import TarFile, TarInfo


def unpack(stream: IO[bytes], target: Path, exclude: Sequence[str] = ()) -> None:
    """Write what the stream holds below ``target``. Raises TarError when it is damaged, BuildError otherwise."""
    import tarfile

    target.mkdir(parents=True, exist_ok=True)
    tree = RootedTree(target)
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 18) as tar:
            for member in tar:
                name = member.name.removeprefix("./").strip("/")
                if name not in ("", ".") and not (exclude and _is_excluded(name, exclude)):
                    _write(tar, member, name, tree)
    except OSError as error:
        raise BuildError(f'Cannot write to "{target}": {error}.') from error


def _is_excluded(name: str, patterns: Sequence[str]) -> bool:
    """Whether the name, or a directory that it is in, is left out."""
    parts = name.split("/")
    return any(excluded("/".join(parts[: n + 1]), patterns) for n in range(len(parts)))


def _write(tar: TarFile, member: TarInfo, name: str, tree: RootedTree) -> None:
    if member.isdir():
        tree.make_dirs(name, member.mode & 0o7777 | 0o700)
    elif member.islnk():
        tree.link(member.linkname.removeprefix("./"), name)
    elif member.isreg():
        tree.make_dirs(name.rpartition("/")[0])
        fd = tree.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "wb") as file:
            content = cast("IO[bytes]", tar.extractfile(member))
            while data := content.read(1 << 18):
                file.write(data)
            os.fchmod(fd, member.mode & 0o7777)
