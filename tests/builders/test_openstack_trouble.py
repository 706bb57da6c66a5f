"""What is wrong is told in words that help, before anything is made where that can be; nothing is left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openstack_kit import Workshop

from servers.openstack import seed
from servers.openstack.fixture import Cloud
from servers.ports import HeldPort

pytestmark = pytest.mark.slow

NOWHERE = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def workshop(openstack_cloud: Cloud, tmp_path: Path) -> Workshop:
    return Workshop(openstack_cloud, tmp_path)


def fails(workshop: Workshop, *words: str, settings: str = "", **more: Any) -> str:
    """The build fails with these words in its message, and leaves nothing."""
    done = workshop.build(settings, **more)
    assert done.status == 1, done.output
    said = " ".join(done.output.split())
    for part in words:
        assert part in said, done.output
    assert "Internal error" not in said
    assert workshop.new() == set()
    return said


@pytest.mark.parametrize(
    ("replaced", "words"),
    [
        ({"flavor": '"m1.tini"'}, ['no flavor "m1.tini"', 'Did you mean "m1.tiny"?']),
        ({"networks": '["privat"]'}, ['no network "privat"', 'Did you mean "private"?']),
        ({"source_image_name": '"debian-13"'}, ['no image "debian-13"', 'Did you mean "debian-12"?']),
        ({"source_image_name": None, "source_image": f'"{NOWHERE}"'}, ["no image", "There are debian-12."]),
        ({"security_groups": '["defalt"]'}, ['no security group "defalt"', 'Did you mean "default"?']),
        ({"availability_zone": '"novaa"'}, ['no availability zone "novaa"', 'Did you mean "nova"?']),
        ({"floating_ip_network": '"publik"'}, ['no external network "publik"', 'Did you mean "public"?']),
        ({"floating_ip": '"127.0.6.99"'}, ['no floating IP "127.0.6.99"', "It has none"]),
        ({"reuse_ips": "true"}, ["no floating IP that is free", "Set floating_ip_network"]),
        ({"ssh_keypair_name": '"mine"', "ssh_agent_auth": "true"}, ['no key pair "mine"']),
        ({"use_blockstorage_volume": "true", "volume_type": '"fils"'}, ['no volume type', 'Did you mean "files"?']),
        ({"networks": None, "network_discovery_cidrs": '["10.0.0.0/8"]'},
         ["No network has a subnet in 10.0.0.0/8", "127.0.5.0/24 (private)"]),
    ],
)  # fmt: skip
def test_names_that_nothing_has(workshop: Workshop, replaced: dict[str, str | None], words: list[str]) -> None:
    """Nothing is made before all names are known."""
    said = fails(workshop, *words, **replaced)
    assert "Handing the public key" not in said


def test_who_asks(workshop: Workshop, held_port: HeldPort) -> None:
    fails(workshop, "refuses the login: 401", "Look at user, password", env=workshop.env(OS_PASSWORD="wrong"))
    nobody = {name: value for name, value in workshop.env().items() if not name.startswith("OS_")}
    fails(workshop, "do not lead to an OpenStack", "Set identity_endpoint", env=nobody)
    closed = f"http://127.0.0.1:{held_port()}/v3"
    said = f"cannot be reached for the login at {closed}: Connection refused"
    fails(workshop, said, env=workshop.env(OS_AUTH_URL=closed))
    other = workshop.cloud.deployment.layout.ports.url("image")
    fails(workshop, f"There is no Identity service at {other}", "ends in /v3", env=workshop.env(OS_AUTH_URL=other))
    fails(workshop, "Region Nowhere is not", settings='region = "Nowhere"')


def test_several_images_of_one_name(workshop: Workshop, tmp_path: Path) -> None:
    demo = workshop.cloud.demo
    content = demo.image.download_image(workshop.cloud.image).content
    more = demo.image.create_image(
        name=seed.IMAGE, disk_format="qcow2", container_format="bare", data=content, wait=True, validate_checksum=False
    )  # fmt: skip
    workshop.before.add(("image", more.id))
    said = fails(workshop, f'There are 2 images named "{seed.IMAGE}"', workshop.cloud.image, more.id)
    assert 'Write the id as "source_image"' in said
    wanted = f'source_image_filter {{\n  filters {{ name = "{seed.IMAGE}" }}\n}}'
    said = fails(workshop, "2 images fit", more.id, "most_recent = true", settings=wanted, source_image_name=None)
    demo.image.delete_image(more)


def test_several_networks_of_one_name(workshop: Workshop) -> None:
    network = workshop.cloud.demo.network
    first, more = network.find_network(seed.NETWORK), network.create_network(name=seed.NETWORK)
    workshop.before.add(("network", more.id))
    said = fails(workshop, f'There are 2 networks named "{seed.NETWORK}"', first.id, more.id)
    assert 'Write the id as "networks"' in said
    network.delete_network(more)


def test_no_image_fits(workshop: Workshop) -> None:
    wanted = 'source_image_filter {\n  filters {\n    properties = { os_distro = "plan9" }\n  }\n}'
    fails(workshop, "No image fits source_image_filter", settings=wanted, source_image_name=None)


def test_the_cloud_fails(workshop: Workshop) -> None:
    """nova cannot start the server; the snapshot breaks; what is the administrators' is asked for."""
    fails(workshop, "cannot run: Build of instance", settings='instance_metadata = { fail = "spawn" }')
    fails(workshop, "The cloud gave up making the image", settings='instance_metadata = { fail = "snapshot" }')
    said = fails(workshop, "403: You are not authorized", "(request req-", settings='image_visibility = "public"')
    assert "The user needs another role" in said


def test_an_address_that_is_not_there(workshop: Workshop) -> None:
    fails(workshop, 'no address on "privte"', 'Did you mean "private"?', settings='ssh_interface = "privte"')
    fails(workshop, "The machine has no IPv6 address", settings='ssh_ip_version = "6"')


def test_a_failing_step(workshop: Workshop) -> None:
    steps = '  provisioner "shell" {\n    inline = ["exit 7"]\n  }\n'
    settings = "use_blockstorage_volume = true"
    done = workshop.run("apply", workshop.template(settings, steps=steps))
    assert done.status == 1
    assert workshop.new() == set()


@contextmanager
def quota(proxy: Any, project: str, name: str) -> Iterator[None]:
    """None of something, for a while."""
    before = proxy.get_quota_set(project)[name] if hasattr(proxy, "get_quota_set") else proxy.get_quota(project)[name]
    change = proxy.update_quota_set if hasattr(proxy, "update_quota_set") else proxy.update_quota
    change(project, **{name: 0})
    try:
        yield
    finally:
        change(project, **{name: before})


def test_quotas(workshop: Workshop) -> None:
    admin, project = workshop.cloud.admin, workshop.cloud.demo.current_project_id
    hint = "A quota of the project is used up"
    with quota(admin.compute, project, "instances"):
        fails(workshop, "Quota exceeded for instances", hint)
    with quota(admin.block_storage, project, "volumes"):
        fails(workshop, "VolumeLimitExceeded", hint, settings="use_blockstorage_volume = true")
    with quota(admin.network, project, "floating_ips"):
        fails(workshop, "Quota exceeded for resources: ['floatingip']", hint, floating_ip_network=f'"{seed.OUTSIDE}"')


def lasting(seconds: int) -> str:
    return f'  provisioner "shell" {{\n    inline = ["echo reached; sleep {seconds}"]\n  }}\n'


def test_a_token_that_ends_during_the_build_is_renewed(workshop: Workshop) -> None:
    with workshop.cloud.deployment.impatient_keystone(10) as url:
        done = workshop.run("apply", workshop.template(steps=lasting(11)), env=workshop.env(OS_AUTH_URL=url))
    assert done.status == 0, done.output
    workshop.take_image()


def test_a_bare_token_that_ends_during_the_build(workshop: Workshop) -> None:
    """Nothing can be removed with it; the clean-up has a password. A busy host may need more time for the start."""
    plain = {name: value for name, value in workshop.env().items() if not name.startswith("OS_")}
    for life in (8, 40, 200):
        with workshop.cloud.deployment.impatient_keystone(life) as url:
            with seed.connection(url) as demo:
                token, project = demo.session.get_token(), demo.current_project_id
            settings = f'identity_endpoint = "{url}"\ntoken = "{token}"\ntenant_id = "{project}"'
            failed = workshop.run("apply", workshop.template(settings, steps=lasting(life)), env=plain)
            assert failed.status == 1, failed.output
            if "reached" not in failed.output:
                workshop.run("cleanup", "-settle=0s", env=workshop.env())
                continue
            said = " ".join(failed.output.split())
            assert "A token that has ended cannot be renewed" in said
            assert '"hclimg cleanup" removes it' in said
            assert {kind for kind, _ in workshop.new()} >= {"server", "key pair"}
            cleaned = workshop.run("cleanup", "-settle=0s", env=workshop.env())
            assert cleaned.status == 0, cleaned.output
            assert workshop.new() == set()
            return
    pytest.fail("no token lasted until the provisioner")


def test_clouds_yaml_names_what_is_wrong(workshop: Workshop) -> None:
    login = workshop.cloud.login
    auth = {"auth_url": login["OS_AUTH_URL"], "username": "demo", "password": "wrong", "project_name": "demo",
            "user_domain_name": "Default", "project_domain_name": "Default"}  # fmt: skip
    (workshop.folder / "clouds.yaml").write_text(json.dumps({"clouds": {"loop": {"auth": auth}}}))
    plain = {name: value for name, value in workshop.env().items() if not name.startswith("OS_")}
    fails(workshop, 'cloud "loop" refuses the login: 401', settings='cloud = "loop"', env=plain)
    said = fails(workshop, 'has no entry "lop". Did you mean "loop"?', settings='cloud = "lop"', env=plain)
    assert "Unknown cloud" in said
    fails(workshop, 'has no entry "other". It has loop.', settings='cloud = "other"', env=plain)
    fails(workshop, 'clouds.yaml has no entry "lop"', env={**plain, "OS_CLOUD": "lop"})
