"""TCP to an SSH server that may not be up yet.

A machine that boots, and the user-mode network in front of it, may accept a connection long before anyone answers
on it. So no connection is given up early: new ones are started beside the old ones, and the first on which the server
says something wins.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from attrs import define, field

from hclimg.errors import TimedOut
from hclimg.sdk.cancel import CancelToken

OPEN_AT_ONCE = 8
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0  # seconds after an attempt that failed, doubling
UNANSWERED = 60_000  # milliseconds after which TCP gives up a connection whose data nobody acknowledges


def dial(host: str, port: int, deadline: float, cancel: CancelToken) -> socket.socket:
    """A connection on which the server has begun to speak. Raises TimedOut with the last reason, or Cancelled."""
    race = _Race(host, port)
    try:
        with cancel.closing(race.wake):
            while (winner := race.turn(deadline)) is None:
                cancel.check()
                if time.monotonic() >= deadline:
                    raise TimedOut(race.reason)
    finally:
        race.close()
    return tune(winner)


def tune(sock: socket.socket, silence: float = 0.0) -> socket.socket:
    """Set up a connection for many small messages, and so that a dead peer is noticed."""
    sock.setblocking(True)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(OSError, AttributeError):  # not on every system
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(silence * 1000) or UNANSWERED)
    return sock


@define
class _Race:
    host: str
    port: int
    reason: str = "no answer"
    _selector: selectors.BaseSelector = field(factory=selectors.DefaultSelector)
    _open: list[socket.socket] = field(factory=list)
    _started: float = float("-inf")
    _pause: float = FIRST_PAUSE / 2
    _bell: tuple[socket.socket, socket.socket] = field(factory=socket.socketpair)

    def __attrs_post_init__(self) -> None:
        self._selector.register(self._bell[0], selectors.EVENT_READ)

    def wake(self) -> None:
        with suppress(OSError):
            self._bell[1].send(b"!")

    def close(self) -> None:
        for sock in (*self._open, *self._bell):
            sock.close()
        self._selector.close()

    def turn(self, deadline: float) -> socket.socket | None:
        """Start what is due, wait until something happens, and give the winner when there is one."""
        now = time.monotonic()
        if now >= self._due:
            self._start()
            self._started, self._pause = now, min(2 * self._pause, LONGEST_PAUSE)
        for key, _ in self._selector.select(max(0.0, min(self._due, deadline) - now)):
            if key.fileobj is self._bell[0]:
                return None
            assert isinstance(key.fileobj, socket.socket)
            if self._progress(key.fileobj, connecting=bool(key.events & selectors.EVENT_WRITE)):
                self._drop(key.fileobj, close=False)
                return key.fileobj
        return None

    @property
    def _due(self) -> float:
        """When to start the next attempt: beside open ones a second later each time. A user-mode network keeps even
        those that were given up, and a server that finally listens has to serve them all.
        """
        return self._started + (LONGEST_PAUSE * len(self._open) if self._open else self._pause)

    def _start(self) -> None:
        try:
            addresses = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except OSError as error:
            self.reason = f"the name {self.host} cannot be resolved ({error.strerror or error})"
            return
        for family, kind, protocol, _, address in addresses:
            self._connect(socket.socket(family, kind, protocol), address)
        while len(self._open) > OPEN_AT_ONCE:
            self._drop(self._open[0])

    def _connect(self, sock: socket.socket, address: tuple[Any, ...]) -> None:
        sock.setblocking(False)
        try:
            sock.connect(address)
        except BlockingIOError:
            pass
        except OSError as error:
            self._fail(error)
            sock.close()
            return
        self._open.append(sock)
        self._selector.register(sock, selectors.EVENT_WRITE)

    def _progress(self, sock: socket.socket, *, connecting: bool) -> bool:
        """Whether the server spoke."""
        try:
            if connecting:
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code:
                    raise OSError(code, _reason_of(code))
                self._selector.modify(sock, selectors.EVENT_READ)
                self.reason = "the port accepts connections, but no SSH server speaks on it"
                return False
            if sock.recv(1, socket.MSG_PEEK):
                return True
            self.reason = "the connection was closed before an SSH server spoke on it"
        except BlockingIOError:
            return False
        except OSError as error:
            self._fail(error)
        self._drop(sock)
        return False

    def _fail(self, error: OSError) -> None:
        self.reason = (error.strerror or str(error)).lower()

    def _drop(self, sock: socket.socket, *, close: bool = True) -> None:
        self._selector.unregister(sock)
        self._open.remove(sock)
        if close:
            sock.close()


def _reason_of(code: int) -> str:
    from os import strerror

    return strerror(code)


def dial_by_proxy(
    connect: Callable[[float], socket.socket], deadline: float, cancel: CancelToken
) -> socket.socket:
    """Call ``connect(seconds)`` until it gives a connection. Raises TimedOut with the last reason, or Cancelled."""
    pause, reason = FIRST_PAUSE, ""
    while True:
        cancel.check()
        try:
            return tune(connect(max(0.1, deadline - time.monotonic())))
        except OSError as error:
            if not (reason and isinstance(error, TimeoutError)):  # the last one may just have had too little time
                reason = (error.strerror or str(error)).lower()
            if time.monotonic() + pause >= deadline:
                raise TimedOut(reason) from error
        cancel.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
