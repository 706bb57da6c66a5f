"""Ctrl-C, twice Ctrl-C and kill -9 in the middle of a qemu build: what stays, and what is said about it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import tiny_guest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = """
source "qemu" "tiny" {
  disk_image              = true
  iso_url                 = "%s"
  iso_checksum            = "none"
  accelerator             = "tcg"
  memory                  = 256
  headless                = true
  ssh_username            = "root"
  temporary_key_pair_type = "ed25519"
  qemuargs                = [["-device", "virtio-rng-pci"]]
  output_directory        = "output-tiny"
}

build {
  sources = ["source.qemu.tiny"]
  provisioner "shell" {
    inline = ["echo the guest is at work", "sleep 1000"]
  }
}
"""

pytestmark = pytest.mark.slow


class Build:
    """A build whose guest is running a provisioner."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "tmp").mkdir()
        (place / "tiny.pkr.hcl").write_text(TEMPLATE % tiny_guest.disk())
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hclimg", "apply", "tiny.pkr.hcl"],
            cwd=place, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        self.lines = self.read_until("the guest is at work")
        self.run = next((place / ".hclimg" / "runs").iterdir()).name

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.place / "tmp")}

    def read_until(self, text: str) -> list[str]:
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if text in line:
                return lines
        raise AssertionError("".join(lines))

    def rest(self) -> str:
        assert self.process.stdout is not None
        said = self.process.stdout.read()
        self.process.wait()
        return said

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def processes(self) -> list[str]:
        """What the run started and is still there."""
        mark = f"HCLIMG_RUN={self.run}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "comm").read_text().strip())
            except OSError:
                continue  # it ended meanwhile
        return found

    def files(self) -> list[str]:
        """What is there besides the template and the directory of runs."""
        mine = (p.relative_to(self.place) for p in self.place.rglob("*"))
        return sorted(str(p) for p in mine if p.parts[0] != ".hclimg" and str(p) not in ("tmp", "tiny.pkr.hcl"))

    def cleanup(self) -> str:
        command = [sys.executable, "-m", "hclimg", "cleanup"]
        return subprocess.run(command, cwd=self.place, env=self.environment, capture_output=True, text=True).stdout


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    made = Build(tmp_path)
    try:
        assert made.processes() == ["qemu-system-x86"]
        assert made.files()
        yield made
    finally:
        if made.process.poll() is None:
            made.process.kill()
            made.process.wait()
        assert made.process.stdout is not None
        made.process.stdout.close()
        made.cleanup()


def test_once_cleans_up_and_says_so(build: Build) -> None:
    build.interrupt()
    said = build.rest()
    assert build.process.returncode == 130
    assert "Cleanly cancelled builds after being interrupted." in said
    assert build.processes() == []
    assert build.files() == []
    assert "Nothing is left behind" in build.cleanup()


def test_twice_leaves_at_once_and_says_what_is_left(build: Build) -> None:
    os.killpg(os.getpgid(build.process.pid), signal.SIGINT)
    build.read_until("nterrupt")
    build.interrupt()
    said = build.rest()
    assert build.process.returncode == 130
    if build.processes():  # the first Ctrl-C may have been faster than the second
        assert "left behind" in said
        assert "qemu" in said
    cleaned = build.cleanup()
    assert "removed" in cleaned or "Nothing is left behind" in cleaned
    assert build.processes() == []
    assert build.files() == []


def test_what_a_killed_run_left_is_removed(build: Build) -> None:
    build.process.kill()
    build.process.wait()
    assert build.processes() == ["qemu-system-x86"]
    cleaned = build.cleanup()
    assert "removed process" in cleaned
    assert build.processes() == []
    assert build.files() == []
    assert "Nothing is left behind" in build.cleanup()
