"""Asks the person at the terminal: one question at a time, with the live display out of the way."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TextIO

from attrs import define, field

from hclimg.errors import Cancelled
from hclimg.sdk.cancel import CancelToken

POLL = 0.1


@define
class TerminalPrompter:
    """Implements ``hclimg.sdk.context.Prompter``.

    ``quiet`` gives a context in which nothing else writes to the terminal. Several lanes may ask at once: they take
    turns.
    """

    source: TextIO
    out: TextIO
    quiet: Callable[[], AbstractContextManager[object]] = nullcontext
    _turn: threading.Lock = field(factory=threading.Lock, init=False)

    @property
    def interactive(self) -> bool:
        return self.source.isatty() and self.out.isatty()

    def ask(self, question: str, cancel: CancelToken) -> str:
        """The line that was typed, without its end. Raises Cancelled, or EOFError when nobody is there to answer."""
        if not self.interactive:
            raise EOFError(question)
        while not self._turn.acquire(timeout=POLL):
            cancel.check()
        try:
            with self.quiet():
                self.out.write(f"==> {question} ")
                self.out.flush()
                return self._read_line(cancel)
        finally:
            self._turn.release()

    def _read_line(self, cancel: CancelToken) -> str:
        """Read from the descriptor itself: a buffered read could not be woken by a cancel."""
        read = bytearray()
        while not read.endswith(b"\n"):
            if cancel.cancelled:
                self.out.write("\n")
                raise Cancelled("cancelled")
            ready, _, _ = select.select([self.source.fileno()], [], [], POLL)
            if not ready:
                continue
            chunk = os.read(self.source.fileno(), 4096)
            if not chunk:
                raise EOFError("the input ended")
            read += chunk
        return read.split(b"\n")[0].decode("utf-8", "replace").rstrip("\r")
