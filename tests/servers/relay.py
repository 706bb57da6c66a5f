"""A TCP relay that can lose connections at a chosen moment, as a bad network does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from attrs import define, field


@define(eq=False)
class Relay:
    """Listens on ``port`` and passes everything on to ``target`` of loopback.

    ``cuts`` are the numbers of bytes after which a connection is lost, each for one connection.
    """

    target: int
    cuts: list[int] = field(factory=list)
    carried: int = 0
    connections: int = 0
    _listener: socket.socket = field(factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _pairs: list[tuple[socket.socket, socket.socket]] = field(factory=list)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        for pair in self._pairs:
            for sock in pair:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()
        self._pairs.clear()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            self.connections += 1
            pair = (near, far)
            self._pairs.append(pair)
            budget = [self.cuts.pop(0)] if self.cuts else []
            for source, sink in (pair, pair[::-1]):
                threading.Thread(target=self._carry, args=(source, sink, pair, budget), daemon=True).start()

    def _carry(
        self, source: socket.socket, sink: socket.socket, pair: tuple[socket.socket, ...], budget: list[int]
    ) -> None:
        with suppress(OSError):
            while data := source.recv(16384):
                self.carried += len(data)
                if budget:
                    budget[0] -= len(data)
                    if budget[0] < 0:
                        break
                sink.sendall(data)
        for sock in pair:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def relay() -> Iterator[Callable[..., Relay]]:
    """``relay(port, cuts=[…])`` starts one in front of that port."""
    started: list[Relay] = []

    def make(target: int, cuts: list[int] | None = None) -> Relay:
        made = Relay(target, cuts or [])
        made.start()
        started.append(made)
        return made

    yield make
    for made in started:
        made.stop()
