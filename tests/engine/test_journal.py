"""The journal on disk: what is written when, what is left, what a crash can do to it."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from hclimg.engine.journal import Ledger, Resource, ResourceJournal, boot_id, read_journal, strike
from hclimg.errors import BuildError


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def left(path: Path) -> list[str]:
    return [str(resource) for resource in read_journal(path).left]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "resources.jsonl"


def test_the_intent_is_on_disk_before_the_thing_is_made(path: Path) -> None:
    journal = ResourceJournal(path, "run-1")
    assert not path.exists(), "a run that makes nothing has no journal"
    record = journal.intend("directory", path="/tmp/x")
    assert [line["op"] for line in lines(path)] == ["run", "intend"]
    assert left(path) == ["directory /tmp/x"]
    record.made()
    assert read_journal(path).left[0].made
    record.gone()
    assert left(path) == []
    assert journal.left() == ()


def test_the_identity_grows(path: Path) -> None:
    record = ResourceJournal(path, "run-1").intend("process", name="qemu")
    record.made(pid="12", started="99")
    (resource,) = read_journal(path).left
    assert dict(resource.identity) == {"name": "qemu", "pid": "12", "started": "99"}
    assert str(resource) == "process qemu (pid 12)"


def test_what_is_kept_is_not_left(path: Path) -> None:
    journal = ResourceJournal(path, "run-1")
    first, second = journal.intend("file", path="/a/b"), journal.intend("file", path="/a/c")
    first.kept()
    first.gone()  # what was said once stays said
    assert left(path) == ["file /a/c"]
    assert [str(resource) for resource in journal.left()] == ["file /a/c"]
    second.gone()
    second.made()
    assert left(path) == []


def test_a_torn_last_line_is_ignored_and_not_continued(path: Path) -> None:
    journal = ResourceJournal(path, "run-1")
    journal.intend("file", path="/a/b")
    journal.intend("file", path="/a/c")
    journal.close()
    path.write_bytes(path.read_bytes() + b'{"op":"gone","n":')
    assert left(path) == ["file /a/b", "file /a/c"]
    strike(path, [1])
    assert left(path) == ["file /a/c"]


def test_a_torn_line_is_no_end_of_anything_also_when_it_was_continued(path: Path) -> None:
    journal = ResourceJournal(path, "run-1")
    for name in "bc":
        journal.intend("file", path=f"/a/{name}")
    journal.close()
    path.write_bytes(path.read_bytes() + b'{"op":"gone","n":2\n')
    strike(path, [1])
    assert left(path) == ["file /a/c"]
    strike(path, [2])
    assert read_journal(path) == Ledger("run-1", boot_id(), ())


def test_a_journal_that_does_not_exist_has_nothing(path: Path) -> None:
    assert read_journal(path).left == ()


def test_it_is_for_the_user_only(path: Path) -> None:
    ResourceJournal(path, "run-1").intend("file", path="/a/b")
    assert path.stat().st_mode & 0o777 == 0o600


def test_many_threads_write_whole_lines(path: Path) -> None:
    journal = ResourceJournal(path, "run-1")

    def work(number: int) -> None:
        for i in range(20):
            record = journal.intend("file", path=f"/{number}/{i}")
            record.made()
            if i % 2:
                record.gone()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(path)) == 1 + 8 * (20 + 20 + 10)
    assert sorted(left(path)) == sorted(f"file /{n}/{i}" for n in range(8) for i in range(0, 20, 2))
    assert len({resource.number for resource in read_journal(path).left}) == 80


def test_a_journal_that_cannot_be_written_stops_what_would_be_made(tmp_path: Path) -> None:
    journal = ResourceJournal(tmp_path / "missing" / "resources.jsonl", "run-1")
    with pytest.raises(BuildError, match="cannot be written") as caught:
        journal.intend("file", path="/a/b")
    assert "HCLIMG_HOME" in caught.value.hint
    assert journal.left() == ()


def test_a_full_disk_is_told() -> None:
    with pytest.raises(BuildError, match="No space left on device"):
        ResourceJournal(Path("/dev/full"), "run-1").intend("file", path="/a/b")


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        ({"name": "packer_key", "region": "eu-1"}, "key_pair packer_key (region eu-1)"),
        ({"id": "i-1", "region": "eu-1"}, "key_pair i-1 (region eu-1)"),
        ({}, "key_pair"),
    ],
)
def test_for_people(identity: dict[str, str], text: str) -> None:
    assert str(Resource(number=1, kind="key_pair", identity=identity)) == text
