"""Directories that a build owns, and ports that it holds."""

from __future__ import annotations

import shutil
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import define, evolve, field

from hclimg.errors import BuildError
from hclimg.sdk import ports
from hclimg.sdk.context import Context
from hclimg.sdk.disk import disk_space, output_directory, private_directory
from hclimg.sdk.ports import is_free, reserved_port
from hclimg.sdk.steps import close_scope
from servers.ports import HeldPort
from servers.recording import Recording


@define
class Ledger:
    """A journal in memory: what happened to each record, in order."""

    lines: list[str] = field(factory=list)

    def intend(self, kind: str, **identity: str) -> Entry:
        self.lines.append(f"intend {kind}")
        return Entry(self, kind)


@define
class Entry:
    ledger: Ledger
    kind: str

    def made(self, **identity: str) -> None:
        self.ledger.lines.append(f"made {self.kind}")

    def gone(self) -> None:
        self.ledger.lines.append(f"gone {self.kind}")

    def kept(self) -> None:
        self.ledger.lines.append(f"kept {self.kind}")


@pytest.fixture
def ledger(ctx: Context) -> Ledger:
    found = Ledger()
    ctx.journal = found
    return found


def test_a_private_directory_is_private_and_goes_away(ctx: Context, ledger: Ledger) -> None:
    path = private_directory(ctx)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    (path / "secret").write_text("x")
    assert close_scope(ctx) == []
    assert not path.exists()
    assert ledger.lines == ["intend directory", "made directory", "gone directory"]


def test_an_unfinished_output_directory_goes_away_and_a_kept_one_stays(
    ctx: Context, ledger: Ledger, tmp_path: Path
) -> None:
    half = output_directory(ctx, tmp_path / "new/half")
    (half.path / "disk").write_text("x")
    whole = output_directory(ctx, tmp_path / "new/whole")
    (whole.path / "disk").write_text("x")
    whole.keep()
    assert close_scope(ctx) == []
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["whole"]
    assert ledger.lines[-2:] == ["kept directory", "gone directory"]


def test_what_cannot_be_removed_stays_in_the_journal(
    ctx: Context, ledger: Ledger, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = private_directory(ctx)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda _path, *, ignore_errors: None)
        assert close_scope(ctx) == []
    assert ledger.lines == ["intend directory", "made directory"]
    assert recording.said == [f"{path} cannot be removed now; `hclimg cleanup` will try again."]
    path.rmdir()


def test_what_stands_there_is_only_replaced_by_force(ctx: Context, tmp_path: Path) -> None:
    old = tmp_path / "out"
    old.mkdir()
    (old / "image").write_text("precious")
    with pytest.raises(BuildError, match="exists already") as caught:
        output_directory(ctx, old)
    assert "-force" in caught.value.hint
    assert (old / "image").read_text() == "precious"
    ctx.run = evolve(ctx.run, force=True)
    assert list(output_directory(ctx, old).path.iterdir()) == []


def test_an_empty_directory_may_be_there_and_a_file_may_not(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert output_directory(ctx, tmp_path / "empty").path.is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(BuildError, match="exists already"):
        output_directory(ctx, tmp_path / "file")


def test_two_builds_cannot_have_the_same_directory(ctx: Context, tmp_path: Path) -> None:
    (output_directory(ctx, tmp_path / "out").path / "disk").write_text("")
    with pytest.raises(BuildError, match="exists already"):
        output_directory(ctx, tmp_path / "out")


def test_a_full_disk_is_said_as_one(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"The disk is full: .*free") as caught, disk_space(tmp_path / "x"):
        Path("/dev/full").write_text("x")
    assert "output_directory" in caught.value.hint
    with pytest.raises(FileNotFoundError), disk_space(tmp_path):
        (tmp_path / "none").read_text()


# -- ports --------------------------------------------------------------------


def test_a_port_is_not_given_twice(recorded: Callable[..., Recording], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs with one cache: both find all the ports free, since nobody listens yet."""
    monkeypatch.setattr(ports, "is_free", lambda _port, _address: True)  # whatever runs on this host
    low = 20_000
    one, two = recorded().ctx, recorded().ctx
    got = [reserved_port(one, low, low + 3, what="a test"), reserved_port(one, low, low + 3, what="a test")]
    got += [reserved_port(two, low, low + 3, what="a test"), reserved_port(two, low, low + 3, what="a test")]
    assert sorted(got) == [low, low + 1, low + 2, low + 3]
    with pytest.raises(BuildError, match=f"No port from {low} to {low + 3} is free for a test"):
        reserved_port(two, low, low + 3, what="a test")
    assert close_scope(one) == []
    assert reserved_port(two, low, low + 3, what="a test") in got[:2]


def test_a_port_that_somebody_listens_on_is_not_given(held_port: HeldPort) -> None:
    port = held_port()
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port, "127.0.0.1")
    assert is_free(port, "127.0.0.1")
