"""One template for two clouds and this host: three builders in parallel, one provisioner, three artifacts, a manifest.

Against moto, the simulator of ECS, and QEMU with the smallest guest.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from os import environ
from pathlib import Path

import alicloud_kit
import aws_kit
import pytest

from servers import tiny_guest
from servers.alicloud_ecs.simulator import Simulator
from servers.moto import REGION as AWS_REGION
from servers.moto import Aws
from servers.sshd import Sshd

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
build {
  sources = ["amazon-ebs.web", "alicloud-ecs.web", "qemu.web"]

  provisioner "shell" {
    inline = ["echo the script ran for $PACKER_BUILDER_TYPE"]
  }
  post-processor "manifest" {}
}
"""


@pytest.mark.slow
def test_two_clouds_and_this_host(
    tmp_path: Path, aws: Aws, alicloud: Simulator, sshd_factory: Callable[..., Sshd]
) -> None:
    amazon = aws_kit.new_lab(tmp_path / "project", aws, sshd_factory)
    alibaba = alicloud_kit.new_lab(tmp_path / "project", alicloud, sshd_factory)
    text = amazon.source() + alibaba.source() + QEMU.format(image=tiny_guest.disk()) + BUILD
    (tmp_path / "project" / "web.pkr.hcl").write_text(text)

    env = {
        **environ, **aws.environment, **alicloud.environment, "ALICLOUD_ECS_ENDPOINT": alicloud.url,
        "PYTHONPATH": str(alicloud_kit.ROOT), "HCLIMG_HOME": str(tmp_path / "home"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "hclimg", "apply", "."], cwd=tmp_path / "project", env=env, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout

    for kind in ("amazon-ebs", "alicloud-ecs", "qemu"):
        assert f"{kind}.web: the script ran for {kind}" in done.stdout
    builds = json.loads((tmp_path / "project" / "packer-manifest.json").read_text())["builds"]
    artifacts = {entry["builder_type"]: entry for entry in builds}
    assert len(builds) == len(artifacts) == 3
    assert len({entry["packer_run_uuid"] for entry in builds}) == 1
    assert artifacts["amazon-ebs"]["artifact_id"] == f"{AWS_REGION}:{amazon.image()['ImageId']}"
    assert artifacts["alicloud-ecs"]["artifact_id"] == f"{alicloud_kit.REGION}:{alibaba.image().id}"
    assert [file["name"] for file in artifacts["qemu"]["files"]] == ["image/web.qcow2"]
    assert set(aws.left()) == {"image", "snapshot"}
    assert {thing.kind for thing in alicloud.things()} == {"image", "snapshot"}
