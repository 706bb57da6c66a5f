"""One template for clouds and this host: builders in parallel, one list of provisioners, an artifact each, a manifest.

Against moto, the simulator of ECS, real OpenStack, vcsim, and QEMU with the smallest guest.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from os import environ
from pathlib import Path
from typing import Any

import alicloud_kit
import aws_kit
import pytest
import vsphere_kit
from openstack_kit import Workshop

from servers import tiny_guest
from servers.alicloud_ecs.simulator import Simulator
from servers.moto import REGION as AWS_REGION
from servers.moto import Aws
from servers.openstack.fixture import Cloud
from servers.sshd import Sshd
from servers.vcsim import Vcsim

KINDS = ("amazon-ebs", "alicloud-ecs", "openstack", "vsphere-clone", "qemu")
LABEL = re.compile(r'^(source "[a-z-]+") "\w+" \{', re.MULTILINE)

QEMU = """
source "qemu" "web" {{
  iso_url                 = "{image}"
  iso_checksum            = "none"
  disk_image              = true
  disk_size               = "256M"
  accelerator             = "tcg"
  memory                  = 256
  headless                = true
  qemuargs                = [["-device", "virtio-rng-pci"]]
  ssh_username            = "root"
  temporary_key_pair_type = "ed25519"
  shutdown_command        = "umount /disk; poweroff -f"
  output_directory        = "image"
  vm_name                 = "web.qcow2"
}}
"""
BUILD = """
build {{
  sources = [{sources}]

  provisioner "shell" {{
    inline = ["echo the script ran for $PACKER_BUILDER_TYPE"]
  }}
  post-processor "manifest" {{}}
}}
"""


def applied(folder: Path, sources: str, kinds: Sequence[str], env: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Build ``KIND.web`` of each kind from these sources; what the manifest says, by kind."""
    named = ", ".join(f'"{kind}.web"' for kind in kinds)
    (folder / "web.pkr.hcl").write_text(sources + BUILD.format(sources=named))
    ours = {"PYTHONPATH": str(alicloud_kit.ROOT), "HCLIMG_HOME": f"{folder}/home"}
    done = subprocess.run(
        [sys.executable, "-m", "hclimg", "apply", "."], cwd=folder, env={**environ, **ours, **env},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    for kind in kinds:
        assert f"{kind}.web: the script ran for {kind}" in done.stdout
    builds = json.loads((folder / "packer-manifest.json").read_text())["builds"]
    artifacts = {entry["builder_type"]: entry for entry in builds}
    assert len(builds) == len(artifacts) == len(kinds)
    assert len({entry["packer_run_uuid"] for entry in builds}) == 1
    return artifacts


@pytest.mark.slow
def test_two_clouds_and_this_host(
    tmp_path: Path, aws: Aws, alicloud: Simulator, sshd_factory: Callable[..., Sshd]
) -> None:
    folder = tmp_path / "project"
    amazon = aws_kit.new_lab(folder, aws, sshd_factory)
    alibaba = alicloud_kit.new_lab(folder, alicloud, sshd_factory)
    sources = amazon.source() + alibaba.source() + QEMU.format(image=tiny_guest.disk())
    env = {**aws.environment, **alicloud.environment, "ALICLOUD_ECS_ENDPOINT": alicloud.url}
    artifacts = applied(folder, sources, ("amazon-ebs", "alicloud-ecs", "qemu"), env)
    assert artifacts["amazon-ebs"]["artifact_id"] == f"{AWS_REGION}:{amazon.image()['ImageId']}"
    assert artifacts["alicloud-ecs"]["artifact_id"] == f"{alicloud_kit.REGION}:{alibaba.image().id}"
    assert [file["name"] for file in artifacts["qemu"]["files"]] == ["image/web.qcow2"]
    assert set(aws.left()) == {"image", "snapshot"}
    assert {thing.kind for thing in alicloud.things()} == {"image", "snapshot"}


@pytest.mark.slow
def test_all_clouds_and_this_host(
    tmp_path: Path, aws: Aws, alicloud: Simulator, openstack_cloud: Cloud, vcsim: Vcsim, sshd: Sshd,
    sshd_factory: Callable[..., Sshd],
) -> None:  # fmt: skip
    """One list of provisioners for AWS, Alibaba Cloud, OpenStack, vSphere and QEMU: five artifacts."""
    folder = tmp_path / "project"
    amazon = aws_kit.new_lab(folder, aws, sshd_factory)
    alibaba = alicloud_kit.new_lab(folder, alicloud, sshd_factory)
    workshop = Workshop(openstack_cloud, folder)
    cloned = vsphere_kit.template(vcsim, sshd, vsphere_kit.CLONE, "vsphere-clone", "")
    others = [workshop.template().read_text(), cloned]
    (folder / "made.pkr.hcl").unlink()
    sources = [amazon.source(), alibaba.source(), QEMU.format(image=tiny_guest.disk())]
    sources += [LABEL.sub(r'\1 "web" {', text[: text.index("build {")], count=1) for text in others]
    env = {
        **aws.environment, **alicloud.environment, "ALICLOUD_ECS_ENDPOINT": alicloud.url, **openstack_cloud.login,
    }  # fmt: skip
    artifacts = applied(folder, "\n".join(sources), KINDS, env)
    assert artifacts["openstack"]["artifact_id"] == workshop.take_image().id
    assert artifacts["vsphere-clone"]["artifact_id"] == "web"
    assert artifacts["amazon-ebs"]["artifact_id"] == f"{AWS_REGION}:{amazon.image()['ImageId']}"
    assert artifacts["alicloud-ecs"]["artifact_id"] == f"{alicloud_kit.REGION}:{alibaba.image().id}"
    assert [file["name"] for file in artifacts["qemu"]["files"]] == ["image/web.qcow2"]
