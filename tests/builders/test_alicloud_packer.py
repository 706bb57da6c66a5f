"""The simulator of ECS is right when a client that nobody here wrote completes on it: real Packer 1.6.6."""

from __future__ import annotations

from pathlib import Path

import pytest

from servers.alicloud_ecs.guest import cloud

# The template of the seed as it stands there.
SEED = """\
{
  "variables": {
    "access_key": "{{env `ALICLOUD_ACCESS_KEY`}}",
    "secret_key": "{{env `ALICLOUD_SECRET_KEY`}}"
  },
  "builders": [{
    "type": "alicloud-ecs",
    "access_key": "{{user `access_key`}}",
    "secret_key": "{{user `secret_key`}}",
    "region": "cn-beijing",
    "image_name": "packer_test2",
    "source_image": "centos_7_04_64_20G_alibase_201701015.vhd",
    "ssh_username": "root",
    "instance_type": "ecs.n1.tiny",
    "internet_charge_type": "PayByTraffic",
    "io_optimized": "true"
  }],
  "provisioners": [{
    "type": "shell",
    "inline": ["sleep 30", "yum install redis.x86_64 -y"]
  }]
}
"""


@pytest.mark.slow
def test_packer_builds_the_seed(tmp_path: Path) -> None:
    (tmp_path / "seed.json").write_text(SEED)
    with cloud(tmp_path / "cloud") as real:
        built = real.run("packer", "build", "-color=false", "seed.json", folder=tmp_path)
    assert built.returncode == 0, built.stdout
    snapshot, image = real.simulator.things()
    assert f"cn-beijing: {image.id}" in built.stdout
    assert real.installed == "yum install redis.x86_64 -y\n"
    assert (image.status, image.facts["ImageName"]) == ("Available", "packer_test2")
    assert real.simulator.left() == [str(snapshot), str(image)], "an image with its snapshot, and nothing else"
    assert {call.strays for call in real.simulator.calls} == {()}, "Packer says nothing that the API does not know"
