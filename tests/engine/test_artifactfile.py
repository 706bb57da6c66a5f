"""The file of artifacts: what stays in it, what takes the place of what, versions, many writers."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from attrs import evolve

from hclimg.engine import artifactfile
from hclimg.engine.artifactfile import ArtifactFile, StoredArtifact
from hclimg.engine.destroy import named, superseded
from hclimg.errors import BuildError
from hclimg.sdk.machine import Artifact


def stored(run: str, *contents: str, build: str = "b", files: tuple[str, ...] = (), own: str = "") -> StoredArtifact:
    artifact = Artifact(
        builder="test", component="builder/test", id=own or contents[0], description="d", files=files,
        state={"n": [1, None]},
    )  # fmt: skip
    return StoredArtifact(run=run, build=build, made=1000.5, artifact=artifact, contents=contents, template="t")


@pytest.fixture
def file(tmp_path: Path) -> ArtifactFile:
    return ArtifactFile(tmp_path / "artifacts.db")


def names(file: ArtifactFile) -> list[str]:
    return [item.artifact.id for item in file.all()]


def test_who_only_asks_makes_no_file(file: ArtifactFile) -> None:
    assert file.all() == []
    assert not file.path.exists()


def test_what_is_kept_comes_back_as_it_was(file: ArtifactFile) -> None:
    item = stored("r1", "eu: ami-1", "eu: snap-1")
    assert file.keep([item]) == [1]
    (found,) = file.all()
    assert (found.number, found.run, found.template, found.build, found.made) == (1, "r1", "t", "b", 1000.5)
    assert (found.artifact, found.contents, found.trouble) == (item.artifact, item.contents, "")
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_numbers_are_never_used_again(file: ArtifactFile) -> None:
    file.keep([stored("r1", "x"), stored("r1", "y")])
    file.forget([2])
    assert file.keep([stored("r2", "z")]) == [3]


def test_why_one_stays_is_remembered(file: ArtifactFile) -> None:
    file.keep([stored("r1", "x")])
    file.note(1, "in use")
    assert file.all()[0].trouble == "in use"


def test_what_takes_the_same_place_replaces_it(file: ArtifactFile) -> None:
    file.keep([stored("r1", "eu: ami-1", "eu: snap-1"), stored("r1", "us: ami-2", "us: snap-2")])
    file.keep([stored("r2", "eu: ami-3")])
    file.replaced(["eu: ami-1", "eu: snap-1", "us: ami-2", "eu: ami-3"], run="r2")
    assert [item.contents for item in file.all()] == [("us: snap-2",), ("eu: ami-3",)], "the latter is of this very run"
    ArtifactFile(file.path.with_name("none.db")).replaced(["eu: ami-1"], run="r2")
    assert not file.path.with_name("none.db").exists()


def test_files_that_are_gone_keep_no_place(file: ArtifactFile, tmp_path: Path) -> None:
    disk, log, other = (str(tmp_path / name) for name in ("disk", "log", "other"))
    file.keep([stored("r1", disk, log, files=(disk, log), own="old"), stored("r1", other, files=(other,), own="other")])
    file.keep([stored("r2", disk, files=(disk,), own="new")])
    assert names(file) == ["other", "new"]


def test_a_file_that_is_still_there_keeps_its_artifact(file: ArtifactFile, tmp_path: Path) -> None:
    disk, log = (str(tmp_path / name) for name in ("disk", "log"))
    Path(log).touch()
    file.keep([stored("r1", disk, log, files=(disk, log), own="old")])
    file.keep([stored("r2", disk, files=(disk,), own="new")])
    assert names(file) == ["old", "new"]


def test_a_run_replaces_nothing_of_its_own(file: ArtifactFile) -> None:
    file.keep([stored("r1", "x", own="first")])
    file.keep([stored("r1", "x", own="second")])
    assert names(file) == ["first", "second"]


def test_many_write_at_once(file: ArtifactFile) -> None:
    def work(number: int) -> None:
        for i in range(5):
            file.keep([stored(f"r{number}", f"{number}/{i}")])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names(file)) == sorted(f"{n}/{i}" for n in range(6) for i in range(5))


def test_an_older_file_gets_what_it_lacks(file: ArtifactFile, monkeypatch: pytest.MonkeyPatch) -> None:
    file.keep([stored("r1", "x")])
    more = (*artifactfile.MIGRATIONS, "ALTER TABLE artifacts ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'")
    monkeypatch.setattr(artifactfile, "MIGRATIONS", more)
    assert names(file) == ["x"]
    with sqlite3.connect(file.path) as db:
        assert db.execute("SELECT colour FROM artifacts").fetchall() == [("red",)]
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
    db.close()
    monkeypatch.undo()
    with pytest.raises(BuildError, match="was written by a newer hclimg"):
        file.all()


def test_what_is_no_such_file_is_told(file: ArtifactFile, tmp_path: Path) -> None:
    file.path.write_text("no database, but long enough to be looked at" * 100)
    with pytest.raises(BuildError, match="is not a file of artifacts") as caught:
        file.all()
    assert "Move it away" in caught.value.hint
    with pytest.raises(BuildError, match="cannot be written: No such file or directory"):
        ArtifactFile(tmp_path / "no/such/a.db").keep([stored("r1", "x")])


def test_the_last_runs_of_each_build_are_kept() -> None:
    found = [
        numbered(number, stored(run, f"{run}-{build}-{number}", build=build))
        for number, (run, build) in enumerate(
            [("r1", "a"), ("r1", "b"), ("r2", "a"), ("r2", "a"), ("r3", "a"), ("r4", "b"), ("r5", "a")]
        )
    ]
    assert [item.number for item in superseded(found, 2)] == [0, 2, 3]
    assert [item.number for item in superseded(found, 1)] == [0, 1, 2, 3, 4]
    assert [item.number for item in superseded(found, 0)] == list(range(7))
    assert superseded(found, 9) == []


def numbered(number: int, item: StoredArtifact) -> StoredArtifact:
    return evolve(item, number=number)


@pytest.mark.parametrize(
    ("name", "hit"),
    [
        ("7", True), ("b", True), ("eu:ami-1,us:ami-2", True), ("us:ami-2", True), ("ami-2", True),
        ("us: snap-2", True), ("snap-2", True), ("eu", False), ("", False), ("ami", False),
    ],
)  # fmt: skip
def test_what_an_artifact_is_called(name: str, hit: bool) -> None:
    item = numbered(7, stored("r", "eu: ami-1", "us: ami-2", "us: snap-2", own="eu:ami-1,us:ami-2"))
    assert named([item], name) == ([item] if hit else [])
