"""The journal of what a run made outside this process, on disk.

Each line of ``resources.jsonl`` is one entry, on the disk (fsync) before the call that wrote it returns:

    {"op":"run","id":RUN,"boot":BOOT-ID}
    {"op":"intend","n":1,"at":SECONDS,"lane":LANE,"kind":"directory","identity":{"path":"/tmp/x"}}
    {"op":"made","n":1,"identity":{}}
    {"op":"gone","n":1}                 or "kept"

What was intended and is neither gone nor kept is left behind; a process that was killed cannot have made anything that
is not in here. The last line may be torn. ``reclaim`` removes what dead runs left.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen

from hclimg.errors import BuildError
from hclimg.sdk.journal import Journal, Record

_INTENDED = b'"intend"'
_OVER = re.compile(rb'^\{"op":"(?:gone|kept)","n":\d+\}$', re.MULTILINE)
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@frozen(kw_only=True)
class Resource:
    """Something that was made, or was about to be made. ``made`` says whether its maker came so far as to say so;
    ``since`` is when it was written down, in seconds since the epoch; ``lane`` is empty for what lanes share."""

    number: int
    kind: str
    identity: Mapping[str, str]
    made: bool = False
    since: float = 0.0
    lane: str = ""

    def __str__(self) -> str:
        """For people: ``directory /tmp/x``, ``process qemu (pid 12)``."""
        known = {name: value for name, value in self.identity.items() if value and name != "started"}
        first = known.pop("path", "") or known.pop("name", "") or known.pop("id", "")
        rest = ", ".join(f"{name} {value}" for name, value in known.items())
        return " ".join(part for part in (self.kind, first, f"({rest})" if rest else "") if part)


@frozen
class Ledger:
    """What a journal says. ``boot`` is the boot of the host in which the run ran. ``kept`` are results, or parts of
    results; only a journal with something left is read so far that they are known."""

    run: str
    boot: str
    left: tuple[Resource, ...]
    kept: tuple[Resource, ...] = ()


def read_journal(path: Path) -> Ledger:
    """What is left, oldest first. A journal that does not exist has nothing."""
    left: dict[int, Resource] = {}
    kept: list[Resource] = []
    run = boot = ""
    for entry in _entries(path):
        match entry:
            case {"op": "run", "id": run, "boot": boot}:
                continue
            case {"op": "intend", "n": int(number), "kind": str(kind), "identity": dict(identity)}:
                since, lane = float(entry.get("at") or 0), str(entry.get("lane") or "")
                left[number] = Resource(number=number, kind=kind, identity=identity, since=since, lane=lane)
            case {"op": "made", "n": int(number), "identity": dict(identity)} if number in left:
                known = left[number]
                left[number] = evolve(known, made=True, identity={**known.identity, **identity})
            case {"op": "kept", "n": int(number)} if number in left:
                kept.append(left.pop(number))
            case {"op": "gone", "n": int(number)}:
                left.pop(number, None)
    return Ledger(run, boot, tuple(left.values()), tuple(kept) if left else ())


def _entries(path: Path) -> Iterator[Any]:
    """The lines that are whole; the first alone when everything is over, as in nearly all journals."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    over = data.count(_INTENDED) == len(_OVER.findall(data))
    lines = data.decode("utf-8", errors="replace").splitlines()
    for line in lines[:1] if over else lines:
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def boot_id() -> str:
    """Changes whenever the host starts: no process outlives it."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


@define(eq=False)
class ResourceJournal:
    """A :class:`hclimg.sdk.journal.Journal` in a file. Thread-safe. The file is made with the first entry.

    Entries that are written while the disk is busy with others wait for one more turn of the disk together.
    """

    path: Path
    run_id: str
    _file: int | None = field(default=None, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _disk: threading.Lock = field(factory=threading.Lock, init=False)
    _written: int = field(default=0, init=False)
    _durable: int = field(default=0, init=False)
    _left: dict[int, Resource] = field(factory=dict, init=False)
    _count: int = field(default=0, init=False)

    def intend(self, kind: str, **identity: str) -> Record:
        return self.intend_in("", kind, identity)

    def of(self, lane: str) -> Journal:
        """The same journal, for what belongs to a lane."""
        return _LaneJournal(self, lane) if lane else self

    def intend_in(self, lane: str, kind: str, identity: Mapping[str, str]) -> Record:
        with self._lock:
            self._count += 1
            number, now = self._count, round(time.time(), 3)
            whose = {"lane": lane} if lane else {}
            entry = self._write({"op": "intend", "n": number, "at": now, **whose, "kind": kind, "identity": identity})
            self._left[number] = Resource(number=number, kind=kind, identity=identity, since=now, lane=lane)
        self._sync(entry)
        return _Entry(self, number)

    def left(self) -> tuple[Resource, ...]:
        """What is neither gone nor kept, oldest first."""
        with self._lock:
            return tuple(self._left.values())

    def close(self) -> None:
        with self._disk, self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def made(self, number: int, identity: Mapping[str, str]) -> None:
        with self._lock:
            known = self._left.get(number)
            if known is None:
                return
            entry = self._write({"op": "made", "n": number, "identity": dict(identity)})
            self._left[number] = evolve(known, made=True, identity={**known.identity, **identity})
        self._sync(entry)

    def over(self, number: int, how: str) -> None:
        """``how`` is ``gone`` or ``kept``. To say it twice does nothing."""
        try:
            with self._lock:
                if number not in self._left:
                    return
                entry = self._write({"op": how, "n": number})
                del self._left[number]
            self._sync(entry)
        except BuildError:
            if how == "kept":
                raise  # or else it would be removed as left behind; what is gone cannot be

    def _write(self, entry: Mapping[str, object]) -> int:
        """Write an entry; its number, for :meth:`_sync`. Call it with the lock."""
        try:
            if self._file is None:
                self._file = _open(self.path)
                _append(self._file, {"op": "run", "id": self.run_id, "boot": boot_id()})
            _append(self._file, entry)
        except OSError as error:
            raise self._failure(error) from error
        self._written += 1
        return self._written

    def _sync(self, entry: int) -> None:
        """Wait until an entry is on the disk."""
        with self._disk:
            if self._durable >= entry or self._file is None:
                return
            written = self._written
            try:
                os.fsync(self._file)
            except OSError as error:
                raise self._failure(error) from error
            self._durable = written

    def _failure(self, error: OSError) -> BuildError:
        hint = "Without it nothing can be made that could be cleaned up later. Free some space, or set HCLIMG_HOME."
        return BuildError(f"The journal {self.path} cannot be written: {error.strerror}.", hint=hint)


@frozen
class _LaneJournal:
    _journal: ResourceJournal
    _lane: str

    def intend(self, kind: str, **identity: str) -> Record:
        return self._journal.intend_in(self._lane, kind, identity)


@frozen
class _Entry:
    _journal: ResourceJournal
    _number: int

    def made(self, **identity: str) -> None:
        self._journal.made(self._number, identity)

    def gone(self) -> None:
        self._journal.over(self._number, "gone")

    def kept(self) -> None:
        self._journal.over(self._number, "kept")


def strike(path: Path, numbers: Iterable[int], how: str = "gone") -> None:
    """Write down that these are gone (or ``kept``), in the journal of a run that is over."""
    file = _open(path)
    try:
        os.write(file, b"\n")  # the last line may be torn
        for number in numbers:
            _append(file, {"op": how, "n": number})
        os.fsync(file)
    finally:
        os.close(file)


def _open(path: Path) -> int:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return file


def _append(file: int, entry: Mapping[str, object]) -> None:
    line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
    while line:
        line = line[os.write(file, line) :]
