"""A build that was killed leaves nothing in the cloud once `hclimg cleanup` ran, whenever it was killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from openstack_kit import Workshop

from hclimg.clouds.openstack import things
from kill_kit import Outcome, Project, every_record, interrupt, kill, moments, random_moments
from servers.openstack import seed
from servers.openstack.fixture import Cloud

pytestmark = pytest.mark.slow

EVERYTHING = f"""
  use_blockstorage_volume = true
  floating_ip_network     = "{seed.OUTSIDE}"
  image_tags              = ["a"]
"""
SETTLE = "2s"  # of this host; a call to the cloud takes much less


@pytest.fixture
def workshop(openstack_cloud: Cloud, tmp_path: Path) -> Workshop:
    return Workshop(openstack_cloud, tmp_path)


def project(workshop: Workshop, settings: str = "") -> Project:
    template = workshop.template(settings)
    return Project(folder=workshop.folder, template=str(template), env=workshop.cloud.login, settle=SETTLE)


def check(workshop: Workshop, outcome: Outcome) -> None:
    """There is what the run had finished, and nothing else; a kill may have come before that was written down."""
    assert not outcome.failed, outcome
    kept = {("image", item.identity["id"]) for item in outcome.kept}
    perhaps = {("image", item.identity["id"]) for item in outcome.left if things.FINISHING in item.identity}
    there = workshop.new()
    assert kept <= there <= kept | perhaps, outcome
    for _, image in there:
        workshop.cloud.admin.image.delete_image(image)


def test_killed_around_records_of_the_journal(workshop: Workshop) -> None:
    """Every fourth here; ``kill_kit`` with ``step=1`` tries all."""
    outcomes = []
    for outcome in every_record(project(workshop, EVERYTHING), step=4, first=2):
        check(workshop, outcome)
        outcomes.append(outcome)
    assert sum(outcome.killed for outcome in outcomes) == len(outcomes) - 1
    kinds = {item.kind for outcome in outcomes for item in outcome.left}
    assert kinds >= {"openstack/key-pair", "openstack/volume", "openstack/server"}


def test_a_finished_image_stays(workshop: Workshop) -> None:
    """Killed when the mark was off, and before the journal says that the image is kept."""
    whole = kill(project(workshop), "never")
    check(workshop, whole)
    for number in range(whole.entries, 0, -1):
        outcome = kill(project(workshop), f"before:{number}")
        finished = {("image", item.identity["id"]) for item in outcome.left if things.FINISHING in item.identity}
        there = workshop.new()
        check(workshop, outcome)
        if finished:
            assert there == finished
            return
    pytest.fail("no run was killed while it finished its image")


def test_interrupted_at_random_moments(workshop: Workshop) -> None:
    """Ctrl-C: the run itself leaves nothing, in the cloud nor in its journal."""
    for outcome in random_moments(project(workshop, EVERYTHING), 3, seed=8, end=interrupt):
        assert outcome.status in (0, 130), outcome
        check(workshop, outcome)


def test_killed_at_random_moments(workshop: Workshop) -> None:
    for outcome in random_moments(project(workshop), moments(4), seed=6):
        check(workshop, outcome)
