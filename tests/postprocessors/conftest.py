"""A context to call post-processors with, and what they said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import define, evolve, field

from hclimg.events import Event, EventBus, Said
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context, RunInfo
from hclimg.sdk.machine import Artifact
from hclimg.sdk.scope import Scope


@define
class Listener:
    """A sink that keeps everything; ``said`` are the sentences so far."""

    bus: EventBus | None = None
    events: list[Event] = field(factory=list)

    def handle(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None: ...

    @property
    def said(self) -> list[str]:
        assert self.bus
        self.bus.flush()
        return [event.text for event in self.events if isinstance(event, Said)]


@define
class MemoryJournal:
    """What is journalled and neither gone nor kept yet."""

    open: dict[int, dict[str, str]] = field(factory=dict)
    seen: list[dict[str, str]] = field(factory=list)

    def intend(self, kind: str, **identity: str) -> MemoryRecord:
        record = MemoryRecord(self, len(self.seen))
        self.seen.append({"kind": kind, **identity})
        self.open[record.number] = self.seen[-1]
        return record


@define
class MemoryRecord:
    journal: MemoryJournal
    number: int

    def made(self, **identity: str) -> None:
        self.journal.open[self.number].update(identity)

    def gone(self) -> None:
        del self.journal.open[self.number]

    def kept(self) -> None:
        del self.journal.open[self.number]


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    with EventBus([found]) as bus:
        found.bus = bus
        yield found


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
def ctx(tmp_path: Path, listener: Listener, journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A context whose current directory is the test's own."""
    monkeypatch.chdir(tmp_path)
    assert listener.bus
    return Context(
        run=RunInfo(id="run-1", directory=tmp_path / ".run", cache=tmp_path / ".cache"),
        lane="b.null.web",
        node="b.null.web/post-process[0]",
        bus=listener.bus,
        cancel=CancelToken(),
        scope=Scope(),
        build_name="web",
        build_type="null",
        journal=journal,
    )


@pytest.fixture
def other_run(ctx: Context) -> Callable[..., Context]:
    """The same context in another run."""
    return lambda **changes: evolve(ctx, run=evolve(ctx.run, id="run-2", **changes))


@pytest.fixture
def artifact(ctx: Context, tmp_path: Path) -> Artifact:
    """An artifact of two files."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "disk.raw").write_bytes(b"disk " * 1000)
    (tmp_path / "out" / "kernel").write_bytes(b"kernel")
    return Artifact(
        builder="hclimg.test", component="builder/null", id="disk", description="A disk",
        files=("out/disk.raw", "out/kernel"), state={"generated_data": {"ID": "i-1"}},
    )  # fmt: skip


@pytest.fixture
def single(artifact: Artifact) -> Artifact:
    """An artifact of one file."""
    return evolve(artifact, files=artifact.files[:1])
