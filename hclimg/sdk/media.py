"""Which files of the host go where on a disk that is made for a guest: the rules of floppy_* and cd_*."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

from hclimg.config.fields import Checker
from hclimg.errors import BuildError


def check_paths(problems: Checker, name: str, paths: tuple[str, ...]) -> None:
    """Report each path that names nothing; a pattern may match nothing."""
    for path in paths:
        if not is_pattern(path):
            problems.file_exists(name, path)


def is_pattern(path: str) -> bool:
    return any(c in path for c in "*?[")


def expanded(paths: tuple[str, ...]) -> Iterator[str]:
    """The paths with their patterns expanded, in order."""
    for path in paths:
        if is_pattern(path):
            yield from sorted(glob.glob(str(Path(path).expanduser())))  # noqa: PTH207 - a trailing slash must survive
        else:
            yield path


def flat(path: str) -> Iterator[tuple[str, Path]]:
    """A file, or all the files below a directory, by their bare names."""
    root = _existing(path)
    for file in _files(root) if root.is_dir() else (root,):
        yield file.name, file


def nested(path: str) -> Iterator[tuple[str, Path]]:
    """A file by its name; a directory with its own name and what is below it. With a trailing slash, only what is
    below it. Directories have names that end in ``/``.
    """
    root = _existing(path)
    if not root.is_dir():
        yield root.name, root
        return
    prefix = "" if path.endswith("/") else f"{root.name}/"
    if prefix:
        yield prefix, root
    for item in sorted(root.rglob("*")):
        name = f"{prefix}{item.relative_to(root).as_posix()}"
        yield (f"{name}/" if item.is_dir() else name), item


def _files(root: Path) -> Iterator[Path]:
    return (item for item in sorted(root.rglob("*")) if not item.is_dir())


def _existing(path: str) -> Path:
    found = Path(path).expanduser()
    if not found.exists():
        raise BuildError(f"{path} does not exist, so it cannot be put on the disk for the guest.")
    return found.resolve() if found.name in ("", "..") else found
