"""Ctrl-C, once and twice.

The first interrupt cancels: the work stops and cleans up after itself. The second stops the run: nothing is waited for
any more, what is left is told, and stays in the journal for ``hclimg cleanup``. Processes that the run started go on;
to end them from here could take as long as the clean-up that the user does not want to wait for.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable
from queue import SimpleQueue
from types import FrameType
from typing import Any, Self

from attrs import define, field

from hclimg.sdk.cancel import CancelToken

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@define(eq=False)
class Interrupts:
    """While entered, ``signals`` interrupt instead of ending the process. Enter it on the main thread."""

    signals: Iterable[int] = SIGNALS
    cancel: CancelToken = field(factory=CancelToken, init=False)
    stop: CancelToken = field(factory=CancelToken, init=False)
    _inbox: SimpleQueue[bool] = field(factory=SimpleQueue, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    _before: dict[int, Any] = field(factory=dict, init=False)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._serve, name="interrupts", daemon=True)
        self._thread.start()
        self._before = {number: signal.signal(number, self._on_signal) for number in self.signals}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._inbox.put(False)

    def interrupt(self) -> None:
        """What a signal does."""
        self._inbox.put(True)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        # A handler runs in the middle of whatever the main thread does, which may hold any lock: so it takes none.
        self._inbox.put(True)

    def _serve(self) -> None:
        for token in (self.cancel, self.stop):
            if not self._inbox.get():
                return
            token.cancel()
