"""An image that runs in QEMU, as a test sees it: what it prints, and what root can do in it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from servers.ports import HeldPort

Boot = Callable[[Sequence[str]], "Guest"]

BOOT_TIMEOUT = 300.0


class Guest:
    """A machine that was started, and what it prints on its serial line."""

    def __init__(self, arguments: Sequence[str], folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
        network = f"user,id=n,hostfwd=tcp:127.0.0.1:{self._port}-:22"
        key = f"name=opt/org.hclimg/ssh_authorized_key,file={folder}/key.pub"
        self._process = subprocess.Popen(
            ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024", "-display",
             "none", "-serial", "stdio", "-netdev", network, "-device", "virtio-net-pci,netdev=n", "-fw_cfg", key,
             *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def wait_for(self, words: bytes) -> str:
        """Read the serial line until it says this."""
        assert self._process.stdout is not None
        text, deadline = b"", time.monotonic() + BOOT_TIMEOUT
        while words not in text:
            data = self._process.stdout.read1(4096)
            assert data, text.decode(errors="replace")
            assert time.monotonic() < deadline, text.decode(errors="replace")
            text += data
        return text.decode(errors="replace")

    def run(self, command: str) -> list[str]:
        """Log in as root with the key that QEMU handed over."""
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes")
        done = subprocess.run(
            ["ssh", "-i", self._folder / "key", "-p", str(self._port), *(f"-o{option}" for option in options),
             "root@127.0.0.1", command],
            capture_output=True, text=True, check=False, timeout=BOOT_TIMEOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


@pytest.fixture
def boot(tmp_path: Path, held_port: HeldPort) -> Iterator[Boot]:
    """``boot(arguments)`` starts QEMU with those, besides processors, memory, a network card and a key for root."""
    guests: list[Guest] = []

    def start(arguments: Sequence[str]) -> Guest:
        guests.append(Guest(arguments, tmp_path, held_port()))
        return guests[-1]

    yield start
    for guest in guests:
        guest.close()
