"""Servers that end with the tests: each is the leader of a process group of its own, and dies with who started it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from attrs import define, field

PATIENCE = 300.0  # seconds; a busy host starts Python programs slowly
POLL = 0.05


@define
class Servers:
    """``logs`` is where each server's output goes."""

    logs: Path
    _running: dict[str, subprocess.Popen[bytes]] = field(factory=dict)

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Call it from the thread that lives as long as the tests: the kernel ends the server with that thread."""
        with self.log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment(env), start_new_session=True, cwd=self.logs,
            )  # fmt: skip

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.out"

    def wait(self, what: str, ready: Callable[[], bool]) -> None:
        """Until it is ready. Raises RuntimeError with the log when a server ended instead."""
        deadline = time.monotonic() + PATIENCE
        while not ready():
            for name, process in self._running.items():
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended with {process.returncode}:\n{_tail(self.log(name))}")
            if time.monotonic() > deadline:
                tails = "\n".join(f"== {name}\n{_tail(self.log(name), 5)}" for name in self._running)
                raise RuntimeError(f"{what} did not come:\n{tails}")
            time.sleep(POLL)

    def wait_for_port(self, name: str, port: int) -> None:
        self.wait(f"{name} on port {port}", lambda: listens(port))

    def stop(self) -> None:
        """All at once: what they keep is thrown away with them."""
        for process in self._running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self._running.values():
            process.wait()
        self._running.clear()

    @property
    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._running.items()}


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run_all(commands: Sequence[Sequence[str]], log: Path) -> None:
    """One after the other. Raises RuntimeError with what they printed when one fails."""
    with log.open("ab") as output:
        for command in commands:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment(), check=False
            )
            if done.returncode:
                raise RuntimeError(f"{' '.join(command)} failed:\n{_tail(log)}")


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Nothing of the virtual environment of the tests: the servers are the distribution's programs."""
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "PYTHONWARNINGS": "ignore", "HOME": "/root",
            **(more or {})}  # fmt: skip


def _tail(log: Path, lines: int = 30) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
