"""A context to call post-processors with, and what they said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from hclimg.sdk.context import Context, RunInfo
from hclimg.sdk.machine import Artifact
from hclimg.sdk.testing import MemoryJournal, Recording


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
def listener(recorded: Callable[..., Recording], journal: MemoryJournal, tmp_path: Path) -> Recording:
    run = RunInfo(id="run-1", directory=tmp_path / ".run", cache=tmp_path / ".cache")
    return recorded(
        run=run, lane="b.null.web", node="b.null.web/post-process[0]", build_name="web", journal=journal
    )  # fmt: skip


@pytest.fixture
def ctx(listener: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A context whose current directory is the test's own."""
    monkeypatch.chdir(tmp_path)
    return listener.ctx


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
