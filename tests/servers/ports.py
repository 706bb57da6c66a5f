"""TCP ports of loopback that belong to one test, on whatever host and beside whatever other tests.

A port that is asked for and given back at once, to be listened on later, may have gone to somebody else by then. Here
it stays bound without being listened on: the kernel gives it to nobody else, whoever connects is refused, and a program
that sets SO_REUSEADDR, as servers do, can still listen on it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

HeldPort = Callable[[], int]


@contextmanager
def held_ports() -> Iterator[HeldPort]:
    """Each call gives another port, until the end of the block."""
    holders: list[socket.socket] = []

    def hold() -> int:
        holder = socket.socket()
        holders.append(holder)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])

    try:
        yield hold
    finally:
        for holder in holders:
            holder.close()


@pytest.fixture
def held_port() -> Iterator[HeldPort]:
    """``held_port()`` is a port on which nobody listens but who is told its number, until the end of the test."""
    with held_ports() as hold:
        yield hold
