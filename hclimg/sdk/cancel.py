"""Cooperative cancellation. Threads cannot be killed, so every wait goes through a token."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hclimg.errors import Cancelled


class CancelToken:
    """Tells work to stop. Closers registered with :meth:`closing` wake what cannot look at the token.

    The token with which a machine is launched serves the whole lane: the engine makes it fresh for each attempt at a
    node, so that what one attempt cancelled (a timeout) works again for the next one. Derive from it with
    :class:`LinkedToken`, which notices that.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._closers: dict[int, Callable[[], None]] = {}
        self._next = 0

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def cancel(self) -> None:
        """Stop the work. Runs every registered closer; one that fails does not keep the others from running."""
        self._event.set()
        with self._lock:
            closers = list(self._closers.values())
        for close in closers:
            try:
                close()
            except Exception:  # noqa: BLE001 - a closer only wakes a waiter, which then sees the cancelled token
                continue

    def check(self) -> None:
        """Raise Cancelled when the work was cancelled."""
        if self.cancelled:
            raise Cancelled("cancelled")

    def sleep(self, seconds: float) -> None:
        """Like ``time.sleep``, but a cancel wakes it and raises Cancelled."""
        if self._event.wait(max(0.0, seconds)):
            raise Cancelled("cancelled")

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for a cancel; True when it came."""
        return self._event.wait(seconds)

    @contextmanager
    def closing(self, close: Callable[[], None]) -> Iterator[None]:
        """While inside, a cancel calls ``close`` from the cancelling thread: closing a socket, ending a process."""
        with self._lock:
            key, self._next = self._next, self._next + 1
            self._closers[key] = close
        try:
            if self.cancelled:
                close()
            yield
        finally:
            with self._lock:
                self._closers.pop(key, None)


class LinkedToken(CancelToken):
    """Cancelled for good by its own :meth:`cancel`, and for as long as its parent is cancelled."""

    def __init__(self, parent: CancelToken) -> None:
        super().__init__()
        self._parent = parent

    @property
    def cancelled(self) -> bool:
        return self._event.is_set() or self._parent.cancelled

    def sleep(self, seconds: float) -> None:
        if self.wait(max(0.0, seconds)):
            raise Cancelled("cancelled")

    def wait(self, seconds: float | None = None) -> bool:
        wake = threading.Event()
        with self.closing(wake.set):
            wake.wait(seconds)
        return self.cancelled

    @contextmanager
    def closing(self, close: Callable[[], None]) -> Iterator[None]:
        with self._parent.closing(close), super().closing(close):
            yield
