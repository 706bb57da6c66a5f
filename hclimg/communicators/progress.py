"""How far a long transfer is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from attrs import define, field

Report = Callable[[str, int, int], None]
"""Called with (what, bytes done, bytes in all or 0) a few times a second, for transfers that take a while."""

_FIRST, _EVERY = 0.5, 0.25


@define(eq=False)
class Meter:
    """Counts bytes, and reports now and then."""

    report: Report
    what: str
    total: int
    done: int = 0
    _next: float = field(factory=lambda: time.monotonic() + _FIRST)

    def add(self, count: int) -> None:
        self.done += count
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            self.report(self.what, self.done, self.total)

    def count(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The same blocks, each counted when the next one is asked for."""
        for block in blocks:
            yield block
            self.add(len(block))
