"""A network namespace with nothing but loopback, and names that lead there, for programs that know only real addresses.

Nothing of the host changes: the hosts file is another one only for what runs inside.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

CLONE_NEWNET = 0x40000000


@frozen
class Namespace:
    """``pid``: a process that lives in it and keeps it alive."""

    pid: int

    def command(self, *argv: str) -> list[str]:
        """That program, run inside."""
        return ["nsenter", f"--target={self.pid}", "--mount", "--net", "--", *argv]

    def bound(self, port: int) -> socket.socket:
        """A socket of this process that is bound inside. Only a thread enters the namespace, and ends there."""
        found: list[socket.socket] = []

        def bind() -> None:
            descriptor = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            finally:
                os.close(descriptor)
            inside = socket.socket()
            inside.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            inside.bind(("127.0.0.1", port))
            found.append(inside)

        thread = threading.Thread(target=bind)
        thread.start()
        thread.join()
        return found[0]


@contextmanager
def namespace(folder: Path, names: Sequence[str]) -> Iterator[Namespace]:
    """Where ``names`` are names of 127.0.0.1. Needs root."""
    hosts = folder / "hosts"
    hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in ("localhost", *names)))
    script = 'mount --bind "$0" /etc/hosts && ip link set lo up && echo ready && exec cat'
    holder = subprocess.Popen(
        ["unshare", "--mount", "--net", "sh", "-c", script, str(hosts)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin
    assert holder.stdout
    try:
        assert holder.stdout.readline() == b"ready\n"
        yield Namespace(holder.pid)
    finally:
        holder.stdin.close()
        holder.stdout.close()
        holder.wait()
