"""Starts runs in processes of their own, and looks at the processes of the host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from attrs import define, field

from hclimg.engine.reclaim import left_over, reclaim

HERE = Path(__file__).resolve().parent


@define(eq=False)
class Child:
    process: subprocess.Popen[str]
    folder: Path
    lines: list[str] = field(factory=list)

    def wait_for(self, line: str) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            self.lines.append(raw.rstrip("\n"))
            if self.lines[-1] == line:
                return
        raise AssertionError((line, self.lines))

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """As the kernel does when memory is short: no chance to do anything."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        """Wait for its end; the exit code."""
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            self.lines += stdout.read().splitlines()
        return self.process.wait()

    def clear(self) -> None:
        """Leave nothing of it, whatever a test did not come to."""
        if self.process.poll() is None:
            self.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()
        for left in left_over(self.folder / "home"):
            reclaim(left.directory)

    def left(self) -> list[str]:
        return [line.removeprefix("left ") for line in self.lines if line.startswith("left ")]


def start(folder: Path, text: str, *options: str) -> Child:
    (folder / "child.hcl").write_text(text)
    env = {**os.environ, "PYTHONPATH": f"{HERE.parents[1]}:{HERE}:{HERE.parent}"}
    process = subprocess.Popen(
        [sys.executable, str(HERE / "engine_child.py"), str(folder), *options],
        stdout=subprocess.PIPE, text=True, env=env,
    )  # fmt: skip
    return Child(process, folder)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def spawn(env: dict[str, str], **options: Callable[[], None]) -> subprocess.Popen[bytes]:
    """A process of a session of its own that sleeps."""
    return subprocess.Popen(["sleep", "300"], env={**os.environ, **env}, start_new_session=True, **options)
