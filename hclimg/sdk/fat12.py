"""A FAT12 file system on a 1.44 MB floppy disk, with long file names. Knows nothing of templates.

Layout in sectors of 512 bytes: boot sector, two tables of 9, root directory of 14 (224 entries), 2847 clusters of one
sector each.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from attrs import define, field

SECTOR = 512
SECTORS = 2880
TABLE_SECTORS = 9
ROOT_ENTRIES = 224
FIRST_DATA = 1 + 2 * TABLE_SECTORS + ROOT_ENTRIES * 32 // SECTOR
CLUSTERS = SECTORS - FIRST_DATA
END = 0xFFF

VOLUME, DIRECTORY, FILE, LONG = 0x08, 0x10, 0x20, 0x0F
STAMP = struct.pack("<HH", 0, (2020 - 1980) << 9 | 1 << 5 | 1)  # one fixed date: equal input gives equal images
ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'()-@^_`{}~")


class FloppyFullError(ValueError):
    """The files do not fit."""


def fat12_image(files: Mapping[str, bytes], label: str) -> bytes:
    """The image of a floppy disk. ``files`` maps paths with ``/`` to contents; a path that ends in ``/`` is an empty
    directory. Raises FloppyFullError.
    """
    disk = _Disk()
    root = _Directory()
    for path, content in files.items():
        root.place(path, content)
    entries = _entry(_label(label), VOLUME, 0, 0) + root.write(disk, 0)
    if len(entries) > ROOT_ENTRIES * 32:
        raise FloppyFullError("The root directory of a floppy disk has no room for that many files.")
    return disk.image(label, entries)


@define
class _Disk:
    """The clusters and the table that chains them. Cluster numbers start at 2."""

    table: list[int] = field(factory=lambda: [0xFF0, END])
    data: bytearray = field(factory=bytearray)

    def store(self, content: bytes) -> int:
        """Write a chain of clusters; its first, or 0 for an empty file."""
        count = -(-len(content) // SECTOR)
        first = len(self.table)
        if first - 2 + count > CLUSTERS:
            raise FloppyFullError("The files are larger than a floppy disk (1.44 MB).")
        if count == 0:
            return 0
        self.table.extend(range(first + 1, first + count))
        self.table.append(END)
        self.data += content.ljust(count * SECTOR, b"\0")
        return first

    def image(self, label: str, root: bytes) -> bytes:
        table = _pack12(self.table).ljust(TABLE_SECTORS * SECTOR, b"\0")
        head = _boot_sector(label) + table + table + root.ljust(ROOT_ENTRIES * 32, b"\0")
        return (head + bytes(self.data)).ljust(SECTORS * SECTOR, b"\0")


@define
class _Directory:
    files: dict[str, bytes] = field(factory=dict)
    folders: dict[str, _Directory] = field(factory=dict)

    def place(self, path: str, content: bytes) -> None:
        folder, _, rest = path.strip("/").partition("/")
        if rest or path.endswith("/"):
            inner = self.folders.setdefault(folder, _Directory())
            if rest:
                inner.place(rest + ("/" if path.endswith("/") else ""), content)
        else:
            self.files[folder] = content

    def write(self, disk: _Disk, parent: int) -> bytes:
        """Store everything below; the entries of this directory without ``.`` and ``..``."""
        taken: set[bytes] = set()
        entries = b""
        for name, content in self.files.items():
            entries += _named(name, taken, FILE, disk.store(content), len(content))
        for name, folder in self.folders.items():
            entries += _named(name, taken, DIRECTORY, folder.store(disk, parent), 0)
        return entries

    def store(self, disk: _Disk, parent: int) -> int:
        """A directory below the root is a chain of clusters. Its number is needed by what is inside, so the room for
        it is taken first and filled afterwards.
        """
        size = 64 + sum(32 * (1 + _long_count(name)) for name in (*self.files, *self.folders))
        first = disk.store(bytes(max(size, SECTOR)))
        own = _entry(b".".ljust(11), DIRECTORY, first, 0) + _entry(b"..".ljust(11), DIRECTORY, parent, 0)
        content = own + self.write(disk, first)
        at = (first - 2) * SECTOR
        disk.data[at : at + len(content)] = content
        return first


def _named(name: str, taken: set[bytes], kind: int, first: int, size: int) -> bytes:
    short = _short_name(name, taken)
    taken.add(short)
    return _long_entries(name, short) + _entry(short, kind, first, size)


def _entry(name: bytes, kind: int, first: int, size: int) -> bytes:
    return struct.pack("<11sBBB4s4s4sHI", name, kind, 0, 0, STAMP, bytes(4), STAMP, first, size)


def _label(label: str) -> bytes:
    return label.upper().encode("ascii", "replace")[:11].ljust(11)


def _fits(name: str) -> bool:
    """Whether a name is a short one as it stands."""
    stem, dot, ending = name.partition(".")
    return 1 <= len(stem) <= 8 and len(ending) <= 3 and (bool(ending) or not dot) and ALLOWED.issuperset(stem + ending)


def _short_name(name: str, taken: set[bytes]) -> bytes:
    if _fits(name):
        stem, _, ending = name.partition(".")
        return (stem.ljust(8) + ending.ljust(3)).encode()
    stem, dot, ending = name.upper().lstrip(".").rpartition(".")
    if not dot:
        stem, ending = ending, ""
    stem, ending = _plain(stem) or "FILE", _plain(ending)[:3]
    for number in range(1, 100_000):
        tail = f"~{number}"
        short = (stem[: 8 - len(tail)] + tail).ljust(8).encode() + ending.ljust(3).encode()
        if short not in taken:
            return short
    raise FloppyFullError("Too many files have similar names.")


def _plain(text: str) -> str:
    return "".join(c if c in ALLOWED else "_" for c in text if c not in " .")


def _long_count(name: str) -> int:
    return 0 if _fits(name) else -(-len(name.encode("utf-16-le")) // 26)


def _long_entries(name: str, short: bytes) -> bytes:
    """The entries with the long name, last part first, as the format wants."""
    count = _long_count(name)
    if count == 0:
        return b""
    raw = name.encode("utf-16-le")
    if len(raw) % 26:
        raw = (raw + b"\0\0").ljust(count * 26, b"\xff")
    check = _checksum(short)
    out = b""
    for index in range(count, 0, -1):
        part = raw[(index - 1) * 26 : index * 26]
        number = index | (0x40 if index == count else 0)
        out += struct.pack("<B10sBBB12sH4s", number, part[:10], LONG, 0, check, part[10:22], 0, part[22:])
    return out


def _checksum(short: bytes) -> int:
    total = 0
    for byte in short:
        total = ((total >> 1) | (total << 7) & 0xFF) + byte & 0xFF
    return total


def _pack12(table: list[int]) -> bytes:
    out = bytearray()
    for low, high in zip(table[::2], [*table[1::2], 0], strict=False):
        out += bytes((low & 0xFF, low >> 8 | (high & 0xF) << 4, high >> 4))
    return bytes(out)


def _boot_sector(label: str) -> bytes:
    head = struct.pack(
        "<3s8sHBHBHHBHHHIIBBBI11s8s",
        b"\xeb\x3c\x90", b"HCLIMG  ", SECTOR, 1, 1, 2, ROOT_ENTRIES, SECTORS, 0xF0, TABLE_SECTORS, 18, 2, 0, 0,
        0, 0, 0x29, 0x48434C49, _label(label), b"FAT12   ",
    )  # fmt: skip
    return head.ljust(510, b"\0") + b"\x55\xaa"
