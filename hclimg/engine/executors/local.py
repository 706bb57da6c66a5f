"""Runs work on threads of this process: as many as are needed at once, kept for the next piece of work.

The threads are daemons, so that the process can end while one of them is stuck in a call that nothing can wake.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from attrs import define, field


@define
class LocalExecutor:
    """Used by one thread; how much runs at once is the business of the caller."""

    _work: SimpleQueue[Callable[[], None] | None] = field(factory=SimpleQueue, init=False)
    _idle: threading.Semaphore = field(factory=lambda: threading.Semaphore(0), init=False)
    _threads: int = field(default=0, init=False)

    def start(self, work: Callable[[], None]) -> None:
        """Run it soon, on another thread. It must not raise."""
        self._work.put(work)
        if not self._idle.acquire(blocking=False):
            self._threads += 1
            threading.Thread(target=self._serve, name=f"node-{self._threads}", daemon=True).start()

    def close(self) -> None:
        """Let the threads end when they have nothing more to do."""
        for _ in range(self._threads):
            self._work.put(None)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            self._idle.release()
