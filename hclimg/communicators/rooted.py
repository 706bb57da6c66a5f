"""Files beneath a directory, reached so that neither ``..`` nor a symbolic link leads out of it.

A link in an image means a place in the image: ``/etc/resolv.conf -> /run/x`` written through the host's own path
would change the host. Paths are walked one part at a time with directory descriptors, and links are resolved here.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG

from attrs import frozen

_MOST_LINKS = 40  # as Linux
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@frozen
class Found:
    """A file or directory of the tree; ``name`` is relative to the directory that was listed."""

    name: str
    mode: int
    is_dir: bool


@frozen
class RootedTree:
    """All methods raise OSError, as the functions of ``os`` do; ``path`` is a path in the tree, absolute or not."""

    root: Path

    def open(self, path: str, flags: int, mode: int = 0o666) -> int:
        """A descriptor of the file, as ``os.open``."""
        with self._parent(path) as (directory, name):
            return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=directory)

    def make_dirs(self, path: str, mode: int | None = None) -> None:
        """Make the directory and those above it, as far as they are missing; ``mode`` is that of the last one."""
        with self._parent(path, make=True) as (directory, name):
            _make_dir(directory, name)
            if mode is not None:
                os.chmod(name, mode, dir_fd=directory)

    def is_dir(self, path: str) -> bool:
        try:
            with self._parent(path) as (directory, name):
                return S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
        except OSError:
            return False

    def link(self, existing: str, path: str) -> None:
        """A second name for a file."""
        with self._parent(existing) as (from_fd, from_name), self._parent(path) as (to_fd, to_name):
            os.link(from_name, to_name, src_dir_fd=from_fd, dst_dir_fd=to_fd, follow_symlinks=False)

    def remove(self, path: str) -> None:
        with self._parent(path, follow=False) as (directory, name):
            os.unlink(name, dir_fd=directory)

    def walk(self, path: str, prefix: str = "") -> Iterator[Found]:
        """Files and directories below a directory, links followed, each directory before what is in it."""
        fd = self.open(path, _DIRECTORY)
        try:
            with os.scandir(fd) as scan:
                names = sorted(item.name for item in scan)
        finally:
            os.close(fd)
        for name in names:
            below = f"{path}/{name}"
            with self._parent(below) as (directory, last):
                mode = os.stat(last, dir_fd=directory, follow_symlinks=False).st_mode
            if S_ISDIR(mode):
                yield Found(prefix + name, mode & 0o7777, is_dir=True)
                yield from self.walk(below, f"{prefix}{name}/")
            elif S_ISREG(mode):
                yield Found(prefix + name, mode & 0o7777, is_dir=False)

    @contextmanager
    def _parent(self, path: str, *, make: bool = False, follow: bool = True) -> Iterator[tuple[int, str]]:
        """The directory of the last part, and its name there: no link, unless ``follow`` is off."""
        with ExitStack() as stack:
            walk = _Walk(os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), stack)
            yield walk.to(path, make=make, follow=follow)


class _Walk:
    """One walk from the root; ``stack`` closes what it opened."""

    def __init__(self, root: int, stack: ExitStack) -> None:
        self._stack = stack
        self._at = [self._keep(root)]
        self._links = 0

    def to(self, path: str, *, make: bool, follow: bool) -> tuple[int, str]:
        parts = _parts(path)
        while len(parts) > 1 or parts == [".."]:
            self._enter(parts, make=make)
        if not parts:
            return self._at[-1], "."
        if follow and self._follow(parts):
            return self.to("/".join(parts), make=make, follow=follow)
        return self._at[-1], parts[0]

    def _enter(self, parts: list[str], *, make: bool) -> None:
        part = parts[0]
        if part == "..":
            if len(self._at) > 1:
                self._at.pop()
            del parts[0]
            return
        if make and not self._exists(part):
            _make_dir(self._at[-1], part)
        if self._follow(parts):
            return
        self._at.append(self._keep(os.open(part, _DIRECTORY, dir_fd=self._at[-1])))
        del parts[0]

    def _exists(self, part: str) -> bool:
        try:
            os.stat(part, dir_fd=self._at[-1], follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _follow(self, parts: list[str]) -> bool:
        """Replace the first part with what it leads to, when it is a link."""
        try:
            target = os.readlink(parts[0], dir_fd=self._at[-1])
        except OSError:
            return False
        self._links += 1
        if self._links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), parts[0])
        if target.startswith("/"):
            del self._at[1:]
        parts[:1] = _parts(target)
        return True

    def _keep(self, fd: int) -> int:
        self._stack.callback(os.close, fd)
        return fd


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _make_dir(directory: int, name: str) -> None:
    try:
        os.mkdir(name, dir_fd=directory)
    except FileExistsError:
        mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
        if not S_ISDIR(mode) and not S_ISLNK(mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name) from None
