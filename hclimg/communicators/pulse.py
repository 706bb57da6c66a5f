"""Whether the other end of an SSH connection is still there, which only shows when it is asked.

Waiting a while to see whether a connection dies would depend on how busy this host is; an answer does not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from paramiko import SSHException, Transport

PATIENCE = 60.0  # seconds in which a server that is there must have answered
_QUESTION = "keepalive@openssh.com"  # no server knows it, and each says so


def lives(transport: Transport, seconds: float = PATIENCE) -> bool:
    """Ask for a sign of life: False when the connection breaks, or nothing comes in that time."""
    asking = threading.Thread(target=_ask, args=(transport,), name="ssh-pulse", daemon=True)
    asking.start()
    asking.join(seconds)
    return not asking.is_alive() and transport.is_active()


def watch(
    transport: Transport, stop: threading.Event, interval: float, silence: float, lost: Callable[[], None]
) -> None:
    """Ask again and again, until ``stop`` or until no answer comes for so many seconds, which calls ``lost``."""
    while not stop.wait(interval) and transport.is_active():
        if not lives(transport, silence) and not stop.is_set():
            lost()
            return


def _ask(transport: Transport) -> None:
    with suppress(OSError, EOFError, SSHException):  # it is not active any more then
        transport.global_request(_QUESTION)
