"""The QEMU Machine Protocol: commands to a running QEMU and the events that it tells.

Spoken over one end of a socket pair that QEMU inherits, so there is no socket in the file system that somebody else
could use, and the end of QEMU is seen at once.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from hclimg.errors import BuildError, ConnectionLost, TimedOut

REPLY_TIMEOUT = 30.0

OnEvent = Callable[[str, Mapping[str, Any]], None]


class QmpError(BuildError):
    """QEMU refused a command."""


class Qmp:
    """One connection. A thread reads; replies go to the caller, events to ``on_event``, the end of QEMU to ``on_end``.

    Both are called from that thread. :meth:`connect` must be called before the first command.
    """

    def __init__(self, end: socket.socket, *, on_event: OnEvent, on_end: Callable[[], None]) -> None:
        self._socket = end
        self._on_event = on_event
        self._on_end = on_end
        self._replies: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, name="qmp", daemon=True)

    def connect(self, timeout: float = REPLY_TIMEOUT) -> None:
        """Wait for QEMU's greeting and start to speak. Raises ConnectionLost when QEMU ended instead."""
        self._thread.start()
        greeting = self._next(timeout, "QEMU to start")
        if "QMP" not in greeting:
            raise QmpError(f"QEMU greets in an unknown way: {greeting}.")
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: Any) -> Any:
        """Run a command and give what it returns. Raises QmpError, ConnectionLost, TimedOut."""
        message: dict[str, Any] = {"execute": command}
        if arguments:
            message["arguments"] = {name.replace("_", "-"): value for name, value in arguments.items()}
        with self._lock:
            try:
                self._socket.sendall(json.dumps(message).encode() + b"\n")
            except OSError as error:
                raise ConnectionLost("QEMU has ended.") from error
            reply = self._next(REPLY_TIMEOUT, f"QEMU's answer to {command}")
        if "error" in reply:
            raise QmpError(f"QEMU refused {command}: {reply['error'].get('desc', 'no reason given')}")
        return reply.get("return")

    def close(self) -> None:
        """Stop listening. QEMU keeps running."""
        with suppress(OSError):  # QEMU ended before
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()

    def _next(self, timeout: float, what: str) -> Mapping[str, Any]:
        try:
            reply = self._replies.get(timeout=timeout)
        except queue.Empty:
            raise TimedOut(f"Timed out after {timeout:g} s waiting for {what}.") from None
        if reply is None:
            self._replies.put(None)
            raise ConnectionLost("QEMU has ended.")
        return reply

    def _read(self) -> None:
        # An error means that QEMU ended in the middle of a line.
        with suppress(OSError, ValueError), self._socket.makefile("rb") as lines:
            for line in lines:
                self._take(json.loads(line))
        self._replies.put(None)
        self._on_end()

    def _take(self, message: Mapping[str, Any]) -> None:
        if "event" in message:
            self._on_event(message["event"], message.get("data", {}))
        else:
            self._replies.put(message)
