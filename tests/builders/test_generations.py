"""Five generations of an image in a cloud: the oldest go with all that belongs to them, in every region."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import alicloud_kit
import aws_kit
import pytest

from servers.alicloud_ecs.simulator import Simulator
from servers.moto import Aws
from servers.sshd import Sshd

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = 'variable "generation" { default = "" }\n'


def hclimg(folder: Path, environment: Mapping[str, str], *args: str) -> str:
    env = {**os.environ, **environment, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "hclimg", *args], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def five(folder: Path, environment: Mapping[str, str], text: str) -> list[dict[str, Any]]:
    """Build five, remove all but two; those that are listed then."""
    (folder / "web.pkr.hcl").write_text(VARIABLE + text)
    for generation in range(5):
        hclimg(folder, environment, "apply", "-var", f"generation={generation}", "web.pkr.hcl")
    assert len(json.loads(hclimg(folder, environment, "artifacts", "-json"))) == 5
    hclimg(folder, environment, "destroy", "--keep-last", "2", "--auto-approve")
    found: list[dict[str, Any]] = json.loads(hclimg(folder, environment, "artifacts", "-json"))
    assert len(found) == 2
    return found


def test_in_aws(tmp_path: Path, aws: Aws, sshd_factory: Callable[..., Sshd]) -> None:
    lab = aws_kit.new_lab(tmp_path / "project", aws, sshd_factory)
    source = lab.source('ami_regions = ["us-east-1", "eu-west-1"]').replace('"web"\n', '"web-${var.generation}"\n', 1)
    found = five(lab.folder, aws.environment, source + aws_kit.MANIFEST)
    listed = sorted(name for item in found for name in item["contents"])
    there = []
    for region in (aws_kit.REGION, "us-east-1", "eu-west-1"):
        images = lab.ec2(region).describe_images(Owners=["self"])["Images"]
        assert sorted(image["Name"] for image in images) == ["web-3", "web-4"]
        left = aws.left(region)
        assert set(left) == {"image", "snapshot"}
        there += [f"{region}: {name}" for names in left.values() for name in names]
    assert sorted(there) == listed


def test_in_alibaba_cloud(tmp_path: Path, alicloud: Simulator, sshd_factory: Callable[..., Sshd]) -> None:
    lab = alicloud_kit.new_lab(tmp_path / "project", alicloud, sshd_factory)
    copies = 'image_copy_regions = ["us-west-1"]\n  image_copy_names = ["web-${var.generation}"]'
    source = lab.source(copies).replace('"web"\n', '"web-${var.generation}"\n', 1)
    environment = {**alicloud.environment, "ALICLOUD_ECS_ENDPOINT": alicloud.url}
    found = five(lab.folder, environment, source + alicloud_kit.BUILD_NOTHING)
    listed = sorted(name for item in found for name in item["contents"])
    there = [f"{thing.region}: {thing.id}" for kind in ("image", "snapshot") for thing in alicloud.things(kind)]
    assert sorted(there) == listed
    assert {name.partition(":")[0] for name in listed} == {"cn-beijing", "us-west-1"}
