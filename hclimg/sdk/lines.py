"""Output in pieces → whole lines, as a terminal would leave them."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Callable

_LONG = 1 << 16
_decoder = getincrementaldecoder("utf-8")


class LineSplitter:
    """Feeds each whole line of a stream, without its end, to ``emit``. What a carriage return overwrote is dropped."""

    def __init__(self, emit: Callable[[str, str], None], stream: str) -> None:
        self._emit, self._stream = emit, stream
        self._decode = _decoder("replace").decode
        self._rest = ""

    def feed(self, data: bytes) -> None:
        first, *lines = self._decode(data).split("\n")
        self._rest += first
        for line in lines:
            self._flush()
            self._rest = line
        if len(self._rest) > _LONG:
            self._shorten()

    def _shorten(self) -> None:
        """Forget what was overwritten; emit what no terminal could show as one line."""
        self._rest = self._rest[self._rest.rfind("\r", 0, -1) + 1 :]
        if len(self._rest) > _LONG:
            self._flush()

    def _flush(self) -> None:
        self._emit(self._rest.rstrip().rpartition("\r")[2], self._stream)
        self._rest = ""

    def close(self) -> None:
        """Emit what came after the last line end, if anything."""
        self._rest += self._decode(b"", True)
        if self._rest:
            self._flush()
