"""The directory of a run: its events, its logs, and what it made outside this process.

    HOME/runs/RUN-ID/
        lock              held (flock) while the run lives: how others tell that it does
        events.jsonl      every event, redacted
        resources.jsonl   the journal of what was made (see ``journal``)
        logs/LANE.log     what a lane said, and its programs printed
        logs/LANE/NODE.log  the same of one node, when there is anything
        logs/bugs.log     tracebacks of what should not have happened

HOME is ``$HCLIMG_HOME``, or ``.hclimg`` in the working directory. Only the user can read it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from attrs import define, field

from hclimg.errors import BuildError
from hclimg.events import (
    Event,
    LaneFinished,
    LeftBehind,
    NodeFinished,
    NodeRetrying,
    NodeStarted,
    Output,
    Said,
    StepFinished,
    StepStarted,
)

OPEN_LOGS = 64
"""How many log files are open at once; with hundreds of lanes the others are opened again when they are needed."""
RUN_TIME = "%Y%m%dt%H%M%S"
KEEP = 20
"""How many directories of finished runs stay. One whose run left something behind stays in any case."""


def home_directory(env: Mapping[str, str], cwd: Path) -> Path:
    """Where the directories of runs are."""
    return Path(env["HCLIMG_HOME"]).expanduser() if env.get("HCLIMG_HOME") else cwd / ".hclimg"


def cache_directory(env: Mapping[str, str], user_home: Path) -> Path:
    """Where downloads are kept for all runs of the user."""
    for name in ("HCLIMG_CACHE_DIR", "PACKER_CACHE_DIR"):
        if env.get(name):
            return Path(env[name]).expanduser()
    base = Path(env["XDG_CACHE_HOME"]) if env.get("XDG_CACHE_HOME") else user_home / ".cache"
    return base / "hclimg"


def new_run_id(now: datetime, random: str) -> str:
    """Sorts by time, is unique, and can be a tag, a label or part of a host name: ``20260728t101530-4f3a9c``."""
    return f"{now:{RUN_TIME}}-{random}"


@define(eq=False)
class RunDirectory:
    """An open run directory; the lock is held until :meth:`close`."""

    path: Path
    _lock: int

    @classmethod
    def create(cls, home: Path, run_id: str) -> RunDirectory:
        """Make it. Raises BuildError when it cannot be made."""
        path = home / "runs" / run_id
        try:
            (path / "logs").mkdir(parents=True, mode=0o700)
            path.chmod(0o700)
            lock = _take_lock(path)
        except OSError as error:
            hint = "Set HCLIMG_HOME to a directory that can be written."
            raise BuildError(f"The run directory {path} cannot be made: {error.strerror}.", hint=hint) from error
        if lock is None:
            raise BuildError(f"The run directory {path} belongs to a run that goes on.")
        return cls(path, lock)

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def bugs(self) -> Path:
        return self.logs / "bugs.log"

    @property
    def resources(self) -> Path:
        return self.path / "resources.jsonl"

    def close(self) -> None:
        """From now on the run counts as over."""
        os.close(self._lock)


def run_directories(home: Path) -> list[Path]:
    """All of them, oldest first."""
    runs = home / "runs"
    return sorted(path for path in runs.iterdir() if path.is_dir()) if runs.is_dir() else []


def began(directory: Path) -> datetime:
    """When the run of a directory began."""
    try:
        return datetime.strptime(directory.name[:15], RUN_TIME).replace(tzinfo=UTC)
    except ValueError:  # not a name that new_run_id has made
        return datetime.fromtimestamp(directory.stat().st_mtime, UTC)


def is_alive(directory: Path) -> bool:
    """Whether the run of a directory still goes on."""
    with claimed(directory) as ours:
        return not ours


@contextlib.contextmanager
def claimed(directory: Path) -> Iterator[bool]:
    """Hold the lock of a run that is over; False when it goes on, or somebody else cleans up after it."""
    lock = _take_lock(directory)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def _take_lock(directory: Path) -> int | None:
    """The lock of a directory, or None. A child that was just forked holds it too, for a moment."""
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


# -- sinks ------------------------------------------------------------------------


@define(eq=False)
class EventFile:
    """Writes every event as a line of JSON: the record from which a run can be drawn later."""

    path: Path
    _file: IO[str] | None = field(default=None, init=False)

    def handle(self, event: Event) -> None:
        if self._file is None:
            self._file = self.path.open("a", encoding="utf-8")
        line = json.dumps(event.to_json(), ensure_ascii=False, separators=(",", ":"), default=str)
        self._file.write(line + "\n")
        self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


@define(eq=False)
class LogFiles:
    """Writes what people may want to read again, a file for each lane and each node."""

    directory: Path
    _files: dict[Path, IO[str]] = field(factory=dict, init=False)

    def handle(self, event: Event) -> None:
        text = _log_line(event)
        if text is not None:
            stamp = time.strftime("%H:%M:%S", time.localtime(event.at))
            for path in self._paths(event):
                self._open(path).write(f"{stamp} {text}\n")
                self._files[path].flush()
        if isinstance(event, NodeFinished):
            self._close(_node_log(self.directory, event.lane, event.node))
        elif isinstance(event, LaneFinished):
            self._close(self.directory / f"{file_name(event.lane)}.log")

    def close(self) -> None:
        for path in list(self._files):
            self._close(path)

    def _paths(self, event: Event) -> Iterator[Path]:
        if event.lane:
            yield self.directory / f"{file_name(event.lane)}.log"
        if event.node and not isinstance(event, NodeStarted) and getattr(event, "status", "") != "succeeded":
            yield _node_log(self.directory, event.lane, event.node)

    def _open(self, path: Path) -> IO[str]:
        if path not in self._files:
            if len(self._files) >= OPEN_LOGS:
                self._close(next(iter(self._files)))
            path.parent.mkdir(parents=True, exist_ok=True)
            self._files[path] = path.open("a", encoding="utf-8")
        return self._files[path]

    def _close(self, path: Path) -> None:
        file = self._files.pop(path, None)
        if file is not None:
            file.close()


_KEY = re.compile(r'\["((?:[^"\\]|\\.)*)"\]')
_UNSAFE = re.compile(r"[^\w.\[\]:@+-]")
_LONGEST = 150
"""The longest name of a file in bytes, with room for endings below what file systems allow."""


def file_name(name: str) -> str:
    """A name of a lane or a node as the name of a file; those of two instances differ in any case."""
    safe = _UNSAFE.sub("_", _KEY.sub(r"[\1]", name)).lstrip(".")
    cut = safe.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore")
    if cut == safe and not any(map(_UNSAFE.search, _KEY.findall(name))):
        return safe or "_"
    return f"{cut}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _node_log(directory: Path, lane: str, node: str) -> Path:
    """A node's own log. Ids that begin with their lane lose it, because the directory has it."""
    local = node.rpartition("/")[2] if lane else node
    return directory / file_name(lane or "shared") / f"{file_name(local)}.log"


def _log_line(event: Event) -> str | None:
    match event:
        case Output():
            return f"  {event.text}" if event.stream == "stdout" else f"! {event.text}"
        case Said():
            return event.text if event.level == "info" else f"{event.level.upper()}: {event.text}"
        case NodeStarted():
            return f"== {event.title}" + (f" (attempt {event.attempt})" if event.attempt > 1 else "")
        case NodeFinished():
            return f"== {event.status} after {event.seconds:.1f} s" + (f": {event.error}" if event.error else "")
        case NodeRetrying():
            return f"== attempt {event.attempt} failed, next in {event.delay:.1f} s: {event.error}"
        case StepStarted():
            return f"-- {'undo: ' if event.undo else ''}{event.title}"
        case StepFinished(ok=False):
            return f"-- failed: {event.title}"
        case LeftBehind():
            return f"LEFT BEHIND: {event.what} ({event.reason})"
        case LaneFinished():
            return f"== lane {event.status} after {event.seconds:.1f} s" + (f": {event.error}" if event.error else "")
    return None
