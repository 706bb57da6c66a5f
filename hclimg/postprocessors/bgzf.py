"""BGZF: gzip in blocks that say their own size, so that a reader can jump into the middle."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO, Self

BLOCK = 0xFF00  # bytes of data in a block; compressed it must fit into 64 KiB
END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


class BgzfWriter:
    """Writes to ``file``, which it does not close."""

    def __init__(self, file: BinaryIO, level: int | None = None) -> None:
        self._file, self._level, self._waiting = file, -1 if level is None else level, bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._flush(0)
            self._file.write(END)

    def write(self, data: bytes) -> int:
        self._waiting += data
        self._flush(BLOCK)
        return len(data)

    def _flush(self, least: int) -> None:
        """Write blocks while more than ``least`` bytes wait."""
        start = 0
        while len(self._waiting) - start > least:
            self._block(bytes(self._waiting[start : start + BLOCK]))
            start += BLOCK
        del self._waiting[:start]

    def _block(self, data: bytes) -> None:
        packer = zlib.compressobj(self._level, zlib.DEFLATED, -15)
        body = packer.compress(data) + packer.flush()
        if len(body) > 0xFFFF - 26:  # incompressible: store it
            packer = zlib.compressobj(0, zlib.DEFLATED, -15)
            body = packer.compress(data) + packer.flush()
        size = len(body) + 25
        head = struct.pack("<4BI2BH2BHH", 31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, size)
        self._file.write(head + body + struct.pack("<II", zlib.crc32(data), len(data)))
