"""A small SOCKS5 proxy (RFC 1928) on loopback, with or without a login (RFC 1929)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from attrs import define, field


@define(eq=False)
class Socks5:
    """``login`` is (user, password) when the proxy wants one; ``asked`` are the targets that clients named."""

    login: tuple[str, str] | None = None
    asked: list[tuple[str, int]] = field(factory=list)
    _listener: socket.socket = field(factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _open: list[socket.socket] = field(factory=list)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        for sock in (self._listener, *self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client.makefile("rb") as read:
            methods = read.read(read.read(2)[1])
            if not self._let_in(client, read, methods):
                client.close()
                return
            name = read.read(read.read(5)[4]).decode()
            port = int.from_bytes(read.read(2), "big")
            self.asked.append((name, port))
            try:
                far = socket.create_connection((name, port))
            except OSError:
                client.sendall(b"\5\5\0\1\0\0\0\0\0\0")
                client.close()
                return
            self._open.append(far)
            client.sendall(b"\5\0\0\1\0\0\0\0\0\0")
            threading.Thread(target=_carry, args=(far, client), daemon=True).start()
            _carry(client, far)

    def _let_in(self, client: socket.socket, read: object, methods: bytes) -> bool:
        if self.login is None:
            client.sendall(b"\5\0")
            return True
        if 2 not in methods:
            client.sendall(b"\5\xff")
            return False
        client.sendall(b"\5\2")
        given = tuple(read.read(read.read(1)[0]).decode() for _ in _skip(read))
        right = given == self.login
        client.sendall(b"\1\0" if right else b"\1\1")
        return right


def _skip(read: object) -> Iterator[None]:
    """Twice: the user and the password, after the version of the login."""
    read.read(1)
    yield
    yield


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(16384):
            sink.sendall(data)
    for sock in (source, sink):
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def socks5() -> Iterator[Callable[..., Socks5]]:
    started: list[Socks5] = []

    def make(login: tuple[str, str] | None = None) -> Socks5:
        proxy = Socks5(login)
        proxy.start()
        started.append(proxy)
        return proxy

    yield make
    for proxy in started:
        proxy.stop()
