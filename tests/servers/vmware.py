"""A stand-in for VMware's programs, written from their documentation: no VMware can be had here.

It records what it is told, refuses what vmrun would refuse, and has machines that listen on the VNC port of their VMX
file and write down the keys. A machine ends with ``vmrun stop``, or when the file ``off`` in its state folder appears
(which is what a template's shutdown_command makes). What runs inside it is an sshd of the tests.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

MACHINE = Path(__file__).with_name("vmware_machine.py")


@frozen
class FakeVmware:
    """``path`` is the folder of the programs; ``state`` has what they write down."""

    path: Path
    state: Path

    @property
    def env(self) -> dict[str, str]:
        return {"PATH": f"{self.path}:{os.environ['PATH']}", "VMWARE_STATE": str(self.state)}

    def calls(self) -> list[list[str]]:
        """The argument lists, each with the name of the program first."""
        log = self.state / "calls.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def started_with(self, number: int = 0) -> str:
        """The VMX file with which a machine was started."""
        return (self.state / f"started-{number}.vmx").read_text()

    def typed(self) -> list[str]:
        """The key symbols that went down, in hexadecimal."""
        log = self.state / "keys"
        return log.read_text().split() if log.exists() else []

    def running(self) -> list[str]:
        return [path.read_text().splitlines()[1] for path in sorted(self.state.glob("machine-*"))]

    def tell(self, name: str, text: str = "") -> None:
        """``address``: what the tools tell; ``no-tools``: there are none; ``refuses``: what ``start`` says."""
        (self.state / name).write_text(text)

    def add(self, name: str) -> None:
        """Install another program: ``vmware-vdiskmanager``, ``ovftool``."""
        program = self.path / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {MACHINE} {name} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def stop(self) -> None:
        for path in self.state.glob("machine-*"):
            os.kill(int(path.read_text().split()[0]), signal.SIGKILL)


@pytest.fixture
def vmware(tmp_path: Path) -> Iterator[FakeVmware]:
    fake = FakeVmware(tmp_path / "vmware-programs", tmp_path / "vmware-state")
    fake.path.mkdir()
    fake.state.mkdir()
    fake.add("vmrun")
    yield fake
    fake.stop()
