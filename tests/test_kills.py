"""Runs that are killed at any moment leave nothing that ``hclimg cleanup`` does not remove. Also proves the kill kit.

With a cloud that is a directory; the clouds' own kill tests are beside their builders.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from kill_kit import HERE, Outcome, Project, every_record, interrupt, kill, moments, random_moments, table
from plugins.fakecloud import contents

TEMPLATE = """
source "fakecloud" "a" {
  directory = "cloud"
  regions   = ["there"]
}
source "file" "b" {
  target  = "out/b.txt"
  content = "x"
}
build { sources = ["source.fakecloud.a", "source.file.b"] }
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "t.pkr.hcl").write_text(TEMPLATE)
    return Project(folder=tmp_path, template="t.pkr.hcl", env={"PYTHONPATH": str(HERE / "plugins")})


def finished(outcome: Outcome) -> set[str]:
    """What the run had finished in the cloud, also when it died before it could write so: the clean-up tells."""
    kept = [dict(item.identity) for item in outcome.kept if item.kind.startswith("fakecloud/")]
    for run in json.loads(outcome.cleanup.stdout)["runs"] if outcome.cleanup else ():
        kept += [item["identity"] for item in run["resources"] if item["finished"]]
    return {f"{identity['region']} {identity['id']}" for identity in kept}


def wrong(outcome: Outcome, before: set[str]) -> list[str]:
    """What is in the cloud now and should not be, or should be and is not."""
    expected = {*before, *finished(outcome)}
    there = set(contents(outcome.folder / "cloud"))
    before |= there
    return sorted(expected ^ there)


def check(outcomes: Iterable[Outcome]) -> list[Outcome]:
    seen, before = [], set[str]()
    for outcome in outcomes:
        assert wrong(outcome, before) == [], outcome
        assert not outcome.failed, outcome
        seen.append(outcome)
    return seen


@pytest.mark.slow
def test_killed_around_every_record(project: Project) -> None:
    seen = check(every_record(project))
    assert seen[-1].status == 0, seen[-1]
    assert all(outcome.killed for outcome in seen[:-1])
    assert len(seen) == 2 * seen[-1].entries + 1
    assert {item.kind for outcome in seen for item in outcome.left if not item.made} >= {
        f"fakecloud/{kind}" for kind in ("key", "net", "instance", "image", "snapshot")
    }


@pytest.mark.slow
def test_interrupted_after_every_record(project: Project) -> None:
    """Nothing is left, and nobody cleans up."""
    check(every_record(project, interrupt, step=4))


@pytest.mark.slow
def test_killed_at_random_moments(project: Project) -> None:
    seen = check(random_moments(project, moments(10), seed=1))
    assert "| clean-ups that failed | 0 |" in table([(outcome, []) for outcome in seen])


def test_killed_before_an_id_came_back(project: Project) -> None:
    """The instance is there, and the journal does not know its id: it is found by the mark of the run."""
    (project.folder / "t.pkr.hcl").write_text(TEMPLATE.replace(', "source.file.b"', ""))
    (outcome,) = check([kill(project, "before:6")])
    assert outcome.killed
    assert [(item.kind, item.made) for item in outcome.left] == [
        ("fakecloud/key", True), ("fakecloud/net", True), ("fakecloud/instance", False),
    ]  # fmt: skip
    assert contents(project.folder / "cloud") == []
