"""Ctrl-C, once and twice.

The first interrupt cancels: the work stops and cleans up after itself. The second stops the run: nothing is waited for
any more, what is left is told, and stays in the journal for ``hclimg cleanup``. Processes that the run started go on;
to end them from here could take as long as the clean-up that the user does not want to wait for.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable
from typing import Any, Self

from attrs import define, field

from hclimg.sdk.cancel import CancelToken

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_END = b"\0"


@define(eq=False)
class Interrupts:
    """While entered, ``signals`` interrupt instead of ending the process. Enter it on the main thread.

    Handlers in Python run on the main thread alone, which may be waiting for something while the system gives the
    signal to another thread: they could be late for ever. So the interpreter writes the number of each signal into a
    pipe, and a thread of our own reads it.
    """

    signals: Iterable[int] = SIGNALS
    cancel: CancelToken = field(factory=CancelToken, init=False)
    stop: CancelToken = field(factory=CancelToken, init=False)
    _pipe: tuple[int, int] = field(default=(-1, -1), init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    _before: dict[int, Any] = field(factory=dict, init=False)
    _wakeup_before: int = field(default=-1, init=False)

    def __enter__(self) -> Self:
        self._pipe = os.pipe()
        os.set_blocking(self._pipe[1], False)
        self._thread = threading.Thread(target=self._serve, name="interrupts", daemon=True)
        self._thread.start()
        self._wakeup_before = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, _noticed) for number in self.signals}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.write(self._pipe[1], _END)
        assert self._thread is not None
        self._thread.join()
        for end in self._pipe:
            os.close(end)

    def interrupt(self) -> None:
        """What a signal does."""
        os.write(self._pipe[1], bytes([signal.SIGINT]))

    def _serve(self) -> None:
        known = {signal.SIGINT, *self.signals}
        tokens = [self.stop, self.cancel]
        while (told := os.read(self._pipe[0], 1)) != _END:
            if told[0] in known and tokens:
                tokens.pop().cancel()


def _noticed(_number: int, _frame: object) -> None:
    """A signal with a handler in Python is one whose number is written to the pipe."""
