"""Runs of alicloud-ecs that are ended at any moment leave nothing that ``hclimg cleanup`` does not remove."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from alicloud_kit import BUILD, Lab, new_lab

from kill_kit import Outcome, Project, every_record, interrupt, kill, moments, random_moments
from servers.alicloud_ecs.simulator import Simulator
from servers.sshd import Sshd

COPIED = """
  image_copy_regions  = ["cn-hangzhou"]
  image_share_account = ["6543210987654321"]
  tags                = { team = "images" }
"""


@pytest.fixture
def lab(tmp_path: Path, alicloud: Simulator, sshd_factory: Callable[..., Sshd]) -> Lab:
    """Every run makes an image of another name, and a copy in another region."""
    found = new_lab(tmp_path / "project", alicloud, sshd_factory)
    found.write(found.source(COPIED).replace('"web"\n', '"web-${uuidv4()}"\n') + BUILD)
    return found


def project(lab: Lab) -> Project:
    return Project(folder=lab.folder, template="web.pkr.hcl", env=lab.environment, quiet=lab.cloud.quiet)


def finished(outcome: Outcome, lab: Lab) -> set[str]:
    """The images that the run had finished. Their marks are off before the journal says that they are kept."""
    unmarked = {image.id for image in lab.images() if not any(key.startswith("hclimg:") for key in image.tags)}
    kept = {item.identity["id"] for item in outcome.kept if item.kind == "alicloud/image"}
    return kept | {item.identity["id"] for item in outcome.left if item.identity.get("id") in unmarked}


def check(lab: Lab, outcomes: Iterable[Outcome]) -> list[Outcome]:
    """After each of them, the images that were ever finished are there, with their snapshots, and nothing else."""
    seen, kept = [], set[str]()
    for outcome in outcomes:
        kept |= finished(outcome, lab)
        assert not outcome.failed, outcome
        assert lab.wrong(kept) == [], outcome
        seen.append(outcome)
    return seen


def test_killed_before_the_id_of_an_instance_came_back(lab: Lab) -> None:
    """The instance is there, and the journal does not know its id: it is found by the mark of the run."""
    (outcome,) = check(lab, [kill(project(lab), "before:10")])
    assert outcome.killed
    assert [(item.kind, item.made) for item in outcome.left][-1] == ("alicloud/instance", False)


@pytest.mark.slow
@pytest.mark.parametrize("number", [2, 16, 18])
def test_killed_while_what_was_made_is_not_listed_yet(lab: Lab, number: int) -> None:
    """A key pair whose id never came, an image, its copy: that they are not listed at once means nothing."""
    lab.cloud.world.unseen = {"": 1}
    (outcome,) = check(lab, [kill(project(lab), f"{'before' if number == 2 else 'after'}:{number}")])
    assert outcome.left[-1].kind == ("alicloud/key-pair" if number == 2 else "alicloud/image")
    assert outcome.left[-1].made == (number != 2)


@pytest.mark.slow
def test_killed_around_every_record(lab: Lab) -> None:
    seen = check(lab, every_record(project(lab)))
    assert seen[-1].status == 0, seen[-1]
    assert all(outcome.killed for outcome in seen[:-1])
    assert len(seen) == 2 * seen[-1].entries + 1
    kinds = ("key-pair", "vpc", "vswitch", "security-group", "instance", "address", "image")
    assert {item.kind for outcome in seen for item in outcome.left if not item.made} >= {
        f"alicloud/{kind}" for kind in kinds
    }


@pytest.mark.slow
def test_killed_at_random_moments(lab: Lab) -> None:
    lab.cloud.world.looks, lab.cloud.world.unseen, lab.cloud.world.linger = {"": 1}, {"": 1}, 2
    check(lab, random_moments(project(lab), moments(4), seed=1))


@pytest.mark.slow
def test_interrupted_after_every_fourth_record(lab: Lab) -> None:
    """Nothing is left, and nobody cleans up."""
    check(lab, every_record(project(lab), interrupt, step=4))
