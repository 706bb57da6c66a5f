"""A build that was killed leaves nothing in the cloud once `hclimg cleanup` ran, whenever it was killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from openstack_kit import ROOT, Workshop

from hclimg.sdk.mark import RUN_TAG
from kill_kit import Outcome, Project, every_record, interrupt, kill, moments, random_moments
from servers.openstack import seed
from servers.openstack.fixture import Cloud
from servers.tls import tls_front

pytestmark = pytest.mark.slow

EVERYTHING = f"""
  use_blockstorage_volume = true
  floating_ip_network     = "{seed.OUTSIDE}"
  image_tags              = ["a"]
"""
SETTLE = "4s"  # of this host; a call to the cloud takes much less, but for a machine with far too much to do


@pytest.fixture
def workshop(openstack_cloud: Cloud, tmp_path: Path) -> Workshop:
    return Workshop(openstack_cloud, tmp_path)


def project(workshop: Workshop, settings: str = "") -> Project:
    template = workshop.template(settings)
    return Project(folder=workshop.folder, template=str(template), env=workshop.cloud.login, settle=SETTLE)


def finished(outcome: Outcome) -> set[tuple[str, str]]:
    """Images that the journal has as left, and that the clean-up found finished."""
    runs = json.loads(outcome.cleanup.stdout)["runs"] if outcome.cleanup else []
    return {("image", it["identity"]["id"]) for run in runs for it in run["resources"] if it["finished"]}


def check(workshop: Workshop, outcome: Outcome) -> None:
    """There is what the run had finished, and nothing else; a kill may have come before that was written down."""
    assert not outcome.failed, outcome
    kept = {("image", item.identity["id"]) for item in outcome.kept}
    there = workshop.new()
    assert there == kept | finished(outcome), outcome
    for _, key in there:
        image = workshop.cloud.admin.image.get_image(key)
        assert (image.status, image.properties.get(RUN_TAG)) == ("active", None)
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
        check(workshop, outcome)
        if finished(outcome):
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


def test_interrupted_around_records_of_the_journal(workshop: Workshop) -> None:
    for outcome in every_record(project(workshop, EVERYTHING), interrupt, step=4, first=5):
        assert outcome.status in (0, 130), outcome
        check(workshop, outcome)


def test_cleaned_up_from_elsewhere(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the run reached by relative paths is found from any directory: clouds.yaml, and the certificate in it."""
    login = workshop.cloud.login
    with tls_front(workshop.cloud.deployment.layout.ports.identity, workshop.folder) as (port, certificate):
        auth = {"auth_url": f"https://127.0.0.1:{port}/v3", "username": "demo", "password": login["OS_PASSWORD"],
                "project_name": "demo", "user_domain_name": "Default", "project_domain_name": "Default"}  # fmt: skip
        clouds = {"clouds": {"loop": {"auth": auth, "cacert": certificate.name}}}
        (workshop.folder / "clouds.yaml").write_text(json.dumps(clouds))
        plain = {name: value for name, value in workshop.env().items() if not name.startswith("OS_")}
        template = workshop.template('cloud = "loop"')
        killed = subprocess.run(
            [sys.executable, ROOT / "tests/kill_child.py", "KILL", "after:4", "apply", template], env=plain,
            cwd=workshop.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
        assert {kind for kind, _ in workshop.new()} >= {"key pair", "server"}
        done = workshop.run("cleanup", f"-settle={SETTLE}", env=plain, folder=tmp_path_factory.mktemp("elsewhere"))
        assert done.status == 0, done.output
    assert workshop.new() == set()
