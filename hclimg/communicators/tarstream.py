"""A directory as a tar stream, made in one pass while it is read.

Written by hand because ``tarfile`` spends several times as long on the header of a small file as reading the file
takes. Owners are left out: on the machine the files belong to whoever unpacks them. Links are followed, as Packer's
scp does; only files and directories are copied.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from attrs import define, field, frozen

from hclimg.errors import BuildError

_RECORD = 512
_ZEROS = bytes(_RECORD)
_LARGEST = 8 << 30  # what an octal size of eleven digits cannot say
_MTIME_END = 8 << 30


@frozen
class Entry:
    """A file or directory below the one that is copied; ``name`` is relative, with slashes."""

    name: str
    path: str
    mode: int
    size: int
    mtime: int
    is_dir: bool


def walk(top: Path, exclude: Sequence[str] = ()) -> Iterator[Entry]:
    """What is below ``top``, sorted, each directory before what is in it. Raises BuildError."""
    yield from _walk(os.fspath(top), "", exclude, frozenset())


def _walk(directory: str, prefix: str, exclude: Sequence[str], above: frozenset[tuple[int, int]]) -> Iterator[Entry]:
    try:
        here = Path(directory).stat()
        with os.scandir(directory) as scan:
            found = sorted(scan, key=lambda item: item.name)
    except OSError as error:
        raise BuildError(f'Cannot read the directory "{directory}": {error.strerror}.') from error
    identity = (here.st_dev, here.st_ino)
    if identity in above:
        raise BuildError(f'The directory "{directory}" contains itself through a link.', hint="Remove the link.")
    for item in found:
        name = prefix + item.name
        if exclude and excluded(name, exclude):
            continue
        try:
            stat = item.stat()
        except OSError as error:
            raise BuildError(f'Cannot read "{item.path}": {error.strerror}.') from error
        entry = Entry(name, item.path, stat.st_mode & 0o7777, stat.st_size, int(stat.st_mtime), S_ISDIR(stat.st_mode))
        if entry.is_dir:
            yield entry
            yield from _walk(item.path, name + "/", exclude, above | {identity})
        elif S_ISREG(stat.st_mode):
            yield entry


def excluded(name: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern fits the relative name, or the last part of it."""
    last = name.rpartition("/")[2]
    return any(fnmatchcase(name, p) or fnmatchcase(last, p) for p in patterns)


def pack(entries: Iterable[Entry], block: int) -> Iterator[bytes]:
    """The tar stream in blocks of that many bytes. Raises BuildError when a file cannot be read."""
    out = _Blocks(block)
    for entry in entries:
        out.add(_header(entry))
        yield from out.full()
        if not entry.is_dir:
            yield from _content(entry, out)
    out.add(_ZEROS * 2)
    yield from out.full()
    yield bytes(out.buffer)


@define
class _Blocks:
    """Gathers what is written into blocks of one size."""

    size: int
    buffer: bytearray = field(factory=bytearray)

    def add(self, data: bytes) -> None:
        self.buffer += data

    def full(self) -> Iterator[bytes]:
        while len(self.buffer) >= self.size:
            yield bytes(self.buffer[: self.size])
            del self.buffer[: self.size]


def _content(entry: Entry, out: _Blocks) -> Iterator[bytes]:
    left = entry.size
    try:
        fd = os.open(entry.path, os.O_RDONLY)
        try:
            while left:
                data = os.read(fd, min(left, 1 << 18))
                if not data:
                    break
                left -= len(data)
                out.add(data)
                yield from out.full()
        finally:
            os.close(fd)
    except OSError as error:
        raise BuildError(f'Cannot read "{entry.path}": {error.strerror}.') from error
    if left:
        raise BuildError(f'"{entry.path}" became shorter while it was copied.')
    out.add(_ZEROS[: -entry.size % _RECORD])
    yield from out.full()


def _header(entry: Entry) -> bytes:
    name = entry.name.encode("utf-8", "surrogateescape") + (b"/" if entry.is_dir else b"")
    size = 0 if entry.is_dir else entry.size
    kind = b"5" if entry.is_dir else b"0"
    if len(name) <= 100 and size < _LARGEST and name.isascii():
        return _ustar(name, entry.mode, size, entry.mtime, kind)
    records = _pax(b"path", name) + (_pax(b"size", b"%d" % size) if size >= _LARGEST else b"")
    extended = _ustar(b"./PaxHeaders/x", 0o644, len(records), 0, b"x") + records + _ZEROS[: -len(records) % _RECORD]
    return extended + _ustar(name[:100], entry.mode, min(size, _LARGEST - 1), entry.mtime, kind)


def _pax(key: bytes, value: bytes) -> bytes:
    """A record that says its own length."""
    rest = b" %s=%s\n" % (key, value)
    length = len(rest)
    while length != len(rest) + len(b"%d" % length):
        length = len(rest) + len(b"%d" % length)
    return b"%d" % length + rest


def _ustar(name: bytes, mode: int, size: int, mtime: int, kind: bytes) -> bytes:
    when = max(0, min(mtime, _MTIME_END - 1))
    head = b"%s%07o\0%07o\0%07o\0%011o\0%011o\0" % (name.ljust(100, b"\0"), mode, 0, 0, size, when)
    tail = b"%s%s" % (kind.ljust(101, b"\0"), b"ustar\x0000")
    # The checksum field counts as eight spaces.
    total = sum(head) + sum(tail) + 8 * 32
    return (head + b"%06o\0 " % total + tail).ljust(_RECORD, b"\0")
