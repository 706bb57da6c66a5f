"""The same template built by Packer 1.6.6 and by hclimg against moto: what is left, and what was asked for."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from aws_kit import BUILD, Lab, new_lab, tags

from servers.moto import DEBIAN, Aws
from servers.sshd import Sshd

SETTINGS = """
  access_key              = "AKIAIOSFODNN7EXAMPLE"
  secret_key              = "moto-secret-of-the-tests"
  custom_endpoint_ec2     = "{url}"
  skip_region_validation  = true
  skip_metadata_api_check = true
  ami_users               = ["111111111111"]
  tags                    = {{ Base = "{{{{ .SourceAMI }}}}", Name = "web" }}
  snapshot_tags           = {{ Kind = "root" }}
  run_volume_tags         = {{ Disk = "scratch" }}
"""
BY_PACKER_ONLY = {"DescribeImages": 2, "DescribeInstances": 1, "CreateTags": 2}
"""Packer looks at an image again once it is ready, and at an instance once it runs; it tags an image afterwards."""
BY_HCLIMG_ONLY = {"DeleteTags": 1, "DeleteVolume": 1}
"""Takes off the mark by which a run that died is cleaned up; and deletes the disk of the instance, which by the source
image's mapping outlives it (at AWS; moto deletes it anyway)."""


@define
class Built:
    calls: Counter[str]
    image: dict[str, Any]
    snapshot: dict[str, Any]
    users: list[dict[str, str]]
    left: dict[str, int]


def built(lab: Lab, by: Callable[[Lab], subprocess.CompletedProcess[str]]) -> Built:
    """One of the two builds in an account of its own."""
    lab.aws.reset()
    lab.network = lab.aws.network()
    lab.write(lab.source(SETTINGS.format(url=lab.aws.url)) + BUILD)
    lab.aws.log.write_text("")
    done = by(lab)
    assert done.returncode == 0, done.stdout + done.stderr
    calls = Counter(call["action"] for call in lab.aws.calls())
    image = lab.image()
    shared = lab.ec2().describe_image_attribute(ImageId=image["ImageId"], Attribute="launchPermission")
    return Built(
        calls=calls,
        image={name: image.get(name) for name in ("Name", "State", "Architecture", "RootDeviceName")},
        snapshot=tags(lab.snapshots()[0]),
        users=shared["LaunchPermissions"],
        left={kind: len(names) for kind, names in lab.aws.left().items()},
    )


def by_packer(lab: Lab) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(lab.folder), "CHECKPOINT_DISABLE": "1"}
    command = ["packer", "build", "-color=false", "web.pkr.hcl"]
    return subprocess.run(command, cwd=lab.folder, env=env, capture_output=True, text=True, check=False)


def by_hclimg(lab: Lab) -> subprocess.CompletedProcess[str]:
    return lab.run("apply")


@pytest.mark.slow
def test_the_same_template(tmp_path: Path, aws: Aws, sshd_factory: Callable[..., Sshd]) -> None:
    lab = new_lab(tmp_path / "project", aws, sshd_factory)
    theirs, ours = built(lab, by_packer), built(lab, by_hclimg)
    assert ours.image == theirs.image
    assert ours.image["Name"] == "web"
    assert ours.snapshot == theirs.snapshot == {"Base": DEBIAN, "Name": "web", "Kind": "root"}
    assert ours.users == theirs.users == [{"UserId": "111111111111"}]
    assert ours.left == theirs.left == {"image": 1, "snapshot": 1}
    assert dict(theirs.calls - ours.calls) == BY_PACKER_ONLY
    assert dict(ours.calls - theirs.calls) == BY_HCLIMG_ONLY
    assert ours.calls.total() < theirs.calls.total()
