"""A service that has trouble, or does not answer, may have made what it was asked for: it is looked for and removed."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import frozen
from openstack_kit import Workshop

from hclimg.engine.journal import read_journal
from servers.openstack import seed
from servers.openstack.fixture import Cloud
from servers.openstack.trouble import HANG_UP, Fault, troubled

pytestmark = pytest.mark.slow


@pytest.fixture
def workshop(openstack_cloud: Cloud, tmp_path: Path) -> Workshop:
    return Workshop(openstack_cloud, tmp_path)


COMPUTE, VOLUMES, NETWORK = (f"OS_{name}_ENDPOINT_OVERRIDE" for name in ("COMPUTE", "BLOCK_STORAGE", "NETWORK"))
SERVICES = {COMPUTE: "compute", VOLUMES: "volumev3", NETWORK: "network"}
SKIPPED = "skip_create_image = true\n"
MAKING = {
    "key pair": (COMPUTE, "POST .*/os-keypairs ", SKIPPED),
    "server": (COMPUTE, "POST .*/servers ", SKIPPED),
    "image": (COMPUTE, "POST .*createImage", ""),
    "volume": (VOLUMES, "POST .*/volumes ", SKIPPED + "use_blockstorage_volume = true"),
    "floating IP": (NETWORK, "POST .*/floatingips ", SKIPPED + f'floating_ip_network = "{seed.OUTSIDE}"'),
}
"""The variable that leads to the service, the request that makes the thing, and the settings that have it made."""


@frozen
class Built:
    """``left`` are the kinds of what stands in the journal as left."""

    status: int
    output: str
    left: tuple[str, ...]


def built_with(workshop: Workshop, kind: str, *statuses: int, done: bool) -> Built:
    """A build in which the request that makes a thing of this kind is answered like this, then as it should be."""
    variable, request, settings = MAKING[kind]
    url = workshop.cloud.deployment.layout.ports.url(SERVICES[variable])
    with troubled(url.replace("$(project_id)s", workshop.cloud.demo.current_project_id)) as front:
        front.faults.extend(Fault(asked=request, status=status, done=done) for status in statuses)
        run = workshop.build(settings, env=workshop.env(**{variable: front.url}))
        assert front.faults == [], run.output
    journals = [read_journal(path) for path in (workshop.folder / "home").rglob("resources.jsonl")]
    left = tuple(item.kind for journal in journals for item in journal.left)
    return Built(run.status, " ".join(run.output.split()), left)


@pytest.mark.parametrize("kind", MAKING)
def test_what_was_made_all_the_same_is_removed(workshop: Workshop, kind: str) -> None:
    built = built_with(workshop, kind, 500, done=True)
    assert built.status == 1
    assert "500 trouble: Ordered by the test" in built.output
    assert built.left == ()
    assert workshop.new() == set()


def test_without_an_answer(workshop: Workshop) -> None:
    """A server that was made is removed. One that was not may yet come, so that it stays in the journal."""
    built = built_with(workshop, "server", HANG_UP, done=True)
    assert built.status == 1
    assert "cannot be reached for the server" in built.output
    assert built.left == ()
    assert workshop.new() == set()
    built = built_with(workshop, "server", 504, done=False)
    assert built.status == 1
    assert '"hclimg cleanup" removes it' in built.output
    assert built.left == ("openstack/server",)
    cleaned = workshop.run("cleanup", "-settle=0s")
    assert cleaned.status == 0, cleaned.output
    assert workshop.new() == set()


def test_an_overloaded_service_is_asked_again(workshop: Workshop) -> None:
    """It did nothing, so that nothing is made twice; the user is told."""
    built = built_with(workshop, "server", 503, 429, done=False)
    assert built.status == 0, built.output
    assert "OpenStack refuses the server: 503 trouble: Ordered by the test. Trying again" in built.output
    assert "429 trouble: Ordered by the test. Trying again" in built.output
    assert workshop.new() == set()


def test_an_overloaded_keystone_is_asked_again(workshop: Workshop) -> None:
    with troubled(workshop.cloud.deployment.auth_url) as front:
        front.faults.extend(Fault(asked="POST .*/auth/tokens ", status=503, done=False) for _ in range(2))
        run = workshop.build(env=workshop.env(OS_AUTH_URL=front.url), flavor='"m1.tini"')
        assert front.faults == []
    said = " ".join(run.output.split())
    assert f"{front.url} refuses the login: 503" in said
    assert "Trying again" in said
    assert 'There is no flavor "m1.tini"' in said
