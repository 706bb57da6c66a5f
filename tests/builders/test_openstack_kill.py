"""A build that was killed leaves nothing in the cloud once `hclimg cleanup` ran, whenever it was killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from openstack_kit import Workshop

from kill_kit import Outcome, Project, every_record, interrupt, random_moments
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
    """There is what the run had finished, and nothing else."""
    assert not outcome.failed, outcome
    kept = {("image", item.identity["id"]) for item in outcome.kept}
    assert workshop.new() == kept, outcome
    for _, image in kept:
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


def test_interrupted_at_random_moments(workshop: Workshop) -> None:
    """Ctrl-C: the run itself leaves nothing, in the cloud nor in its journal."""
    for outcome in random_moments(project(workshop, EVERYTHING), 3, seed=8, end=interrupt):
        assert outcome.status in (0, 130), outcome
        check(workshop, outcome)


def test_killed_at_random_moments(workshop: Workshop) -> None:
    for outcome in random_moments(project(workshop), 4, seed=6):
        check(workshop, outcome)
