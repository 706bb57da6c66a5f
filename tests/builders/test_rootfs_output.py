"""How the result of builder rootfs takes its place, and what becomes of an older one."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from rootfs_kit import run_info

from hclimg.builders.rootfs import output as output_module
from hclimg.builders.rootfs.output import staging
from hclimg.engine.journal import ResourceJournal
from hclimg.events import Said
from servers.recording import Recording

Recorded = Callable[..., Recording]


@pytest.mark.parametrize("at_once", [True, False])
def test_two_directories_take_each_others_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: bool) -> None:
    def cannot(_one: Path, _other: Path) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    if not at_once:
        monkeypatch.setattr(output_module, "_exchange_at_once", cannot)
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    output_module.exchange(tmp_path / "new", tmp_path / "old")
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*")) == ["new/old", "old/new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


def test_killed_while_the_old_result_goes(recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result has its name, and what is left of the old one stands in the journal."""

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    journal = ResourceJournal(tmp_path / "resources.jsonl", "run")
    output = staging(recorded(run=run_info(tmp_path, force=True), journal=journal).ctx, tmp_path / "out")
    (output.path / "new").touch()
    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(Killed):
        output.publish(recorded(run=run_info(tmp_path, force=True)).ctx)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]
    hidden = [str(path) for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert hidden == [resource.identity["path"] for resource in journal.left()] == [str(output.path)]
    journal.close()


def test_an_old_result_that_cannot_be_deleted(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    recording = recorded(run=run_info(tmp_path, force=True))
    output = staging(recording.ctx, tmp_path / "out")
    monkeypatch.setattr("shutil.rmtree", refused)
    output.publish(recording.ctx)
    warned = [said.text for said in recording.of(Said) if said.level == "warning"]
    assert len(warned) == 1
    assert "cannot be deleted: Operation not permitted. `hclimg cleanup` will try again." in warned[0]
    assert list((tmp_path / "out").iterdir()) == []
