"""Removes what dead runs left behind. Only what stands in a journal is touched, last made first.

What is on this host it removes itself; what is in a cloud (``aws/instance``), with the remover of that cloud. Each
thing is struck from the journal as soon as it is gone, so a clean-up that is interrupted can go on later.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from attrs import define, evolve, field, frozen

from hclimg.engine.host import LOCAL
from hclimg.engine.journal import Ledger, Resource, read_journal, strike
from hclimg.engine.rundir import KEEP, began, claimed, run_directories
from hclimg.errors import BuildError, Cancelled, CleanupError, HclimgError
from hclimg.registry import Registry
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.remover import Cleaning, Left, Remover

ALWAYS = datetime.max.replace(tzinfo=UTC)
SETTLE = 30.0
"""Seconds that a call to a cloud, under way when the run was killed, is given to come through and be seen."""
PROCESS_SETTLE = 2.0
AT_ONCE = 64
"""How many lanes are cleared at once."""
INTERRUPTED = "interrupted"
UNKNOWN = 'nothing here knows how to remove a "{}"'


@frozen(kw_only=True)
class Reclaimed:
    """What became of one resource; ``reason`` is empty when it is gone. ``finished``: it is a result, and stays."""

    run: str
    resource: Resource
    reason: str = ""
    finished: bool = False


@frozen(kw_only=True)
class LeftOver:
    """A run that is over and left something."""

    directory: Path
    ledger: Ledger

    @property
    def run(self) -> str:
        return self.directory.name

    @property
    def began(self) -> datetime:
        return began(self.directory)


def left_over(home: Path) -> list[LeftOver]:
    """The runs that are over and left something, oldest first. Runs that go on are not looked at."""
    found = []
    for directory in run_directories(home):
        with claimed(directory) as ours:
            if ours and (ledger := read_journal(directory / "resources.jsonl")).left:
                found.append(LeftOver(directory=directory, ledger=ledger))
    return found


def reminder(home: Path) -> str:
    """A sentence about what dead runs left; empty when there is nothing. No run fails because of it."""
    try:
        found = left_over(home)
    except OSError:  # somebody else's directory among them
        return ""
    if not found:
        return ""
    left = [resource for item in found for resource in item.ledger.left]
    runs = f"Run {found[0].run}" if len(found) == 1 else f"{len(found)} earlier runs"
    things = "something" if len(left) == 1 else f"{len(left)} things"
    kinds = ", ".join(sorted({resource.kind for resource in left}))
    return f'{runs} left {things} behind ({kinds}). "hclimg cleanup" removes that.'


def prune(home: Path, keep: int = KEEP, *, before: datetime = ALWAYS) -> list[Path]:
    """Delete the directories of all but the last runs that are over and left nothing; which ones.

    Only of those that began ``before`` a time.
    """
    deleted = []
    for directory in run_directories(home)[: -keep or None]:
        if began(directory) > before:
            continue
        with claimed(directory) as ours:
            if ours and not read_journal(directory / "resources.jsonl").left:
                shutil.rmtree(directory, ignore_errors=True)
                deleted.append(directory)
    return deleted


@frozen(kw_only=True)
class Manner:
    """How to clean up. ``say`` gets what happens meanwhile, ``done`` each result as it comes. ``settle`` in seconds."""

    registry: Registry = field(factory=Registry)
    cancel: CancelToken = field(factory=CancelToken)
    say: Callable[[str], None] = lambda _text: None
    done: Callable[[Reclaimed], None] = lambda _result: None
    settle: float = SETTLE


def reclaim(directory: Path, manner: Manner | None = None) -> list[Reclaimed] | None:
    """Remove what the run of a directory left, last first; what became of it. None: the run goes on, or somebody else
    cleans up after it. After a cancel of ``manner.cancel`` the rest stays, and says so."""
    with claimed(directory) as ours:
        if not ours:
            return None
        journal = directory / "resources.jsonl"
        return _Reclaiming(directory.name, journal, read_journal(journal), manner or Manner()).run_all()


@define(eq=False)
class _Reclaiming:
    """Lanes are cleared at the same time, and what they share after that.

    A thing without an id is looked for by the mark of the run, which other lanes have too: so it may be refused because
    something of another lane uses what was found. What was refused is tried again as long as its cloud gives way.
    """

    run: str
    journal: Path
    ledger: Ledger
    manner: Manner
    _lanes: dict[str, _Removers] = field(factory=dict, init=False)
    _turn: threading.Lock = field(factory=threading.Lock, init=False)

    def run_all(self) -> list[Reclaimed]:
        try:
            return self._run_all()
        finally:
            for removers in self._lanes.values():
                removers.close()

    def _run_all(self) -> list[Reclaimed]:
        todo, done = list(self.ledger.left[::-1]), list[Reclaimed]()
        try:
            self._let_settle(todo)
        except Cancelled:
            return [self._told(self._became(resource, INTERRUPTED)) for resource in todo]
        while todo:
            tried = self._all_lanes(todo)
            giving_way = {_cloud(item.resource) for item in tried if not item.reason}
            refused = [item.resource for item in tried if item.reason not in ("", INTERRUPTED)]
            todo = [resource for resource in refused if _cloud(resource) in giving_way]
            over = [item for item in tried if item.resource not in todo]
            done += [self._told(item) if item.reason else item for item in over]
        return done

    def _all_lanes(self, todo: list[Resource]) -> list[Reclaimed]:
        lanes: dict[str, list[Resource]] = {}
        for resource in todo:
            lanes.setdefault(resource.lane, []).append(resource)
        shared = lanes.pop("", [])
        return [*self._at_once(list(lanes.values())), *self._clear(shared)]

    def _at_once(self, lanes: list[list[Resource]]) -> list[Reclaimed]:
        if len(lanes) < 2:
            return [done for lane in lanes for done in self._clear(lane)]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return [done for lane in pool.map(self._clear, lanes) for done in lane]

    def _clear(self, left: list[Resource]) -> list[Reclaimed]:
        """Remove what is left of one lane. What goes is told at once, what stays when it is not tried again."""
        found = []
        for resource in left:
            reason = self._removers(resource.lane).remove(resource)
            found.append(self._became(resource, reason))
            if not reason:
                self._told(found[-1])
        return found

    def _removers(self, lane: str) -> _Removers:
        with self._turn:
            if lane not in self._lanes:
                left = [item for item in self.ledger.left[::-1] if item.lane == lane]
                manner = evolve(self.manner, say=self._say)
                bugs = self.journal.parent / "logs/bugs.log"
                self._lanes[lane] = _Removers(self.run, left, self.ledger, manner, bugs)
            return self._lanes[lane]

    def _say(self, text: str) -> None:
        with self._turn:
            self.manner.say(text)

    def _became(self, resource: Resource, reason: str) -> Reclaimed:
        removers = self._lanes.get(resource.lane)
        stays = not reason and removers is not None and resource.number in removers.finished
        return Reclaimed(run=self.run, resource=resource, reason=reason, finished=stays)

    def _told(self, item: Reclaimed) -> Reclaimed:
        with self._turn:
            if not item.reason:
                strike(self.journal, [item.resource.number], "kept" if item.finished else "gone")
            self.manner.done(item)
        return item

    def _let_settle(self, left: Iterable[Resource]) -> None:
        """What was being made when the run was killed may come into being, or become visible, a moment later.

        A process that had just been forked has the mark only once it has become its program.
        """
        waits = [self._open_for(item, time.time()) for item in left if not item.made]
        wait = max(waits, default=0.0)
        if wait > PROCESS_SETTLE:
            self.manner.say(f"Waiting {wait:.0f} s for calls that were under way when the run ended.")
        if wait > 0:
            self.manner.cancel.sleep(wait)

    def _open_for(self, resource: Resource, now: float) -> float:
        """How much longer something may appear that nobody said was made."""
        settle = PROCESS_SETTLE if resource.kind == "process" else self.manner.settle if "/" in resource.kind else 0.0
        return min(settle, resource.since + settle - now)


@define(eq=False)
class _Removers:
    """Removes what is left of one lane, with removers of its own: each is used by one thread only."""

    run: str
    left: list[Resource]
    ledger: Ledger
    manner: Manner
    bugs: Path
    finished: set[int] = field(factory=set, init=False)
    _removers: dict[str, Remover | str] = field(factory=dict, init=False)

    def remove(self, resource: Resource) -> str:
        """Why it is still there."""
        if self.manner.cancel.cancelled:
            return INTERRUPTED
        try:
            if resource.kind in LOCAL:
                LOCAL[resource.kind](resource, self.ledger)
            else:
                self._remover(resource.kind).remove(_left(self.run, resource))
        except Cancelled:
            return INTERRUPTED
        except HclimgError as error:
            return _sentence(error)
        except Exception as error:  # noqa: BLE001 - a bug in the remover of one cloud; the others go on
            return f"internal error: {type(error).__name__}: {error}. This is a bug; {self._trace(error)} says where."
        return ""

    def close(self) -> None:
        """What was removed stays removed, whatever goes wrong here."""
        for remover in self._removers.values():
            if isinstance(remover, Remover):
                try:
                    remover.close()
                except Exception as error:  # noqa: BLE001 - a bug in the remover of one cloud
                    self._trace(error)

    def _trace(self, error: Exception) -> Path:
        """Keep the traceback; in which file."""
        import traceback

        self.bugs.parent.mkdir(exist_ok=True)
        with self.bugs.open("a", encoding="utf-8") as file:
            file.write("".join(traceback.format_exception(error)) + "\n")
        return self.bugs

    def _remover(self, kind: str) -> Remover:
        """Made once. One that cannot be made is not tried again: the reason is the same for all that it should do."""
        cloud, slash, _ = kind.partition("/")
        if not slash:
            raise CleanupError(UNKNOWN.format(kind))
        if cloud not in self._removers:
            try:
                self._removers[cloud] = self._make(cloud)
            except Cancelled:
                raise
            except HclimgError as error:
                self._removers[cloud] = _sentence(error)
        found = self._removers[cloud]
        if isinstance(found, str):
            raise CleanupError(found)
        return found

    def _make(self, cloud: str) -> Remover:
        cls = self.manner.registry.load_remover(cloud)
        if cls is None:
            raise CleanupError(UNKNOWN.format(f"{cloud}/…"))
        left = tuple(_left(self.run, item) for item in self.left if item.kind.startswith(f"{cloud}/"))
        return cls(
            Cleaning(
                run=self.run, cancel=self.manner.cancel, say=self.manner.say, left=left,
                finished=lambda found: self.finished.add(found.number),
            )
        )  # fmt: skip


def _cloud(resource: Resource) -> str:
    return resource.kind.partition("/")[0] if "/" in resource.kind else ""


def _sentence(error: HclimgError) -> str:
    return f"{error} {error.hint}" if isinstance(error, BuildError) and error.hint else str(error)


def _left(run: str, resource: Resource) -> Left:
    return Left(
        run=run, kind=resource.kind, identity=resource.identity, made=resource.made, since=resource.since,
        number=resource.number,
    )  # fmt: skip
