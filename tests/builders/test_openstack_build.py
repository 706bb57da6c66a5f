"""Whole builds on a real OpenStack, and beside Packer's own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from openstack_kit import Workshop

from servers.openstack import seed
from servers.openstack.fixture import Cloud

pytestmark = pytest.mark.slow

SAME = (
    "name", "status", "visibility", "disk_format", "container_format", "size", "checksum", "min_disk", "min_ram",
    "is_protected", "is_hidden", "tags", "os_distro", "os_version", "owner_id",
)  # fmt: skip


@pytest.fixture
def workshop(openstack_cloud: Cloud, tmp_path: Path) -> Workshop:
    return Workshop(openstack_cloud, tmp_path)


def shown(image: Any) -> dict[str, Any]:
    """What must be the same, whoever made it."""
    own = {name: value for name, value in image.properties.items() if name != "instance_uuid"}
    known = {name: getattr(image, name) for name in SAME}
    return {**own, **known, "tags": sorted(image.tags), "names": sorted(image.properties)}


def test_the_same_template_by_packer_and_by_hclimg(workshop: Workshop) -> None:
    """Packer 1.6.6 wants networks by id."""
    network = workshop.cloud.demo.network.find_network(seed.NETWORK).id
    template = workshop.template(
        'metadata = { os_version = "12" }\nimage_tags = ["web", "prod"]\nimage_min_disk = 2\n'
        'instance_metadata = { a = "b" }\nuser_data = "#!/bin/sh"',
        steps='  provisioner "shell" {\n    inline = ["echo built $PACKER_BUILDER_TYPE"]\n  }\n',
        networks=f'["{network}"]', temporary_key_pair_type=None,
    )  # fmt: skip
    env = {**workshop.env(), "CHECKPOINT_DISABLE": "1"}
    by_packer = subprocess.run(["packer", "build", template], env=env, capture_output=True, text=True, check=False)
    assert by_packer.returncode == 0, by_packer.stdout
    theirs = workshop.take_image()
    done = workshop.run("apply", template)
    assert done.status == 0, done.output
    assert "built openstack" in done.output
    ours = workshop.take_image()
    assert f"An image was created: {ours.id}" in done.output
    assert shown(ours) == shown(theirs)
    assert ours.properties["image_type"] == "image"


def test_from_a_volume_through_a_floating_ip(workshop: Workshop) -> None:
    """With every setting of the image, and what the machine was like told by nova."""
    demo = workshop.cloud.demo
    project = workshop.cloud.admin.current_project_id
    settings = f"""
  use_blockstorage_volume = true
  volume_type             = "files"
  image_disk_format       = "qcow2"
  floating_ip_network     = "{seed.OUTSIDE}"
  image_members           = ["{project}"]
  image_tags              = ["a"]
  image_min_disk          = 3
  instance_name           = "builder"
  config_drive            = true
"""
    steps = '  provisioner "shell" {\n    inline = ["echo at $SSH_CONNECTION"]\n  }\n'
    done = workshop.run("apply", workshop.template(settings, steps=steps))
    assert done.status == 0, done.output
    assert "The floating IP 127.0.6." in done.output
    ((kind, key),) = workshop.new()
    assert kind == "image"
    image = demo.image.get_image(key)
    assert (image.status, image.disk_format, image.min_disk, image.tags) == ("active", "qcow2", 3, ["a"])
    assert image.size == demo.image.get_image(workshop.cloud.image).size
    assert [member.member_id for member in demo.image.members(key)] == [project]
    assert "hclimg:run" not in image.properties
    listed = workshop.run("artifacts", "-json")
    assert key in listed.output
    destroyed = workshop.run("destroy", "-auto-approve", key)
    assert destroyed.status == 0, destroyed.output
    assert workshop.new() == set()


def test_nothing_is_made_when_the_image_is_skipped(workshop: Workshop) -> None:
    done = workshop.build("skip_create_image = true")
    assert done.status == 0, done.output
    assert "No image is made" in done.output
    assert workshop.new() == set()


def test_state_is_recorded_without_secrets(workshop: Workshop) -> None:
    done = workshop.build()
    assert done.status == 0, done.output
    workshop.take_image()
    records = [
        json.loads(line)
        for path in (workshop.folder / "home").rglob("resources.jsonl")
        for line in path.read_text().splitlines()
    ]
    kinds = [record["kind"] for record in records if record["op"] == "intend"]
    assert kinds == ["openstack/key-pair", "openstack/server", "openstack/image"]
    files = [path for path in (workshop.folder / "home").rglob("*") if path.is_file()]
    every = "".join(path.read_text(errors="replace") for path in files)
    assert "PRIVATE KEY" not in every
    assert workshop.cloud.login["OS_PASSWORD"] not in every.split('"')
