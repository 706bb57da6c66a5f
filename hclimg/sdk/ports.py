"""A TCP port of the host for another program to listen on, such as the one that QEMU forwards to its guest.

Two kinds of rivals can take a port that is free now. Other lanes and runs of hclimg are kept away by a lock file in
the cache, held for as long as the port is reserved. Any other program is noticed when the one that the port is for
cannot listen: its caller then reserves another.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.steps import step


@step("Reserving a port", undo="Releasing the port")
def reserved_port(ctx: Context, low: int, high: int, *, address: str = "127.0.0.1", what: str) -> Iterator[int]:
    """A free port from ``low`` to ``high``; ``what`` says for what, and ``address`` on which it will listen."""
    folder = ctx.run.cache / "ports"
    folder.mkdir(parents=True, exist_ok=True)
    for port in shuffled(low, high):
        lock = _lock(folder / str(port))
        if lock is None:
            continue
        if is_free(port, address):
            yield port
            os.close(lock)
            return
        os.close(lock)
    raise no_port(low, high, what)


def shuffled(low: int, high: int) -> list[int]:
    """The ports of a range in random order, so that runs that start together do not fight for the first ones."""
    import random

    ports = list(range(low, high + 1))
    random.shuffle(ports)
    return ports


def is_free(port: int, address: str) -> bool:
    """Whether a program could listen on this port now."""
    import socket

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def no_port(low: int, high: int, what: str) -> BuildError:
    return BuildError(
        f"No port from {low} to {high} is free for {what}.",
        hint="Widen the range in the template, or end the programs that listen on these ports.",
    )


def _lock(path: Path) -> int | None:
    """An open file with an exclusive lock, or None when somebody else holds it."""
    import fcntl

    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle
