"""Builder amazon-ebs through the program, against moto, with a real sshd as the instance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aws_kit import Lab, new_lab, tags

from servers.moto import DEBIAN, REGION, Aws
from servers.sshd import Sshd


@pytest.fixture
def lab(tmp_path: Path, aws: Aws, sshd_factory: Callable[..., Sshd]) -> Lab:
    return new_lab(tmp_path / "project", aws, sshd_factory)


def test_an_image(lab: Lab) -> None:
    said = lab.apply()
    image = lab.image()
    assert image["Name"] == "web"
    assert tags(image) == {}
    assert (lab.sshd.home / "provisioned").read_text() == "provisioned\n"
    assert f"{REGION}: {image['ImageId']}" in said
    snapshots = [snapshot["SnapshotId"] for snapshot in lab.snapshots()]
    assert lab.aws.left() == {"image": [image["ImageId"]], "snapshot": snapshots}
    assert tags(lab.snapshots()[0]) == {}
    instance = lab.instance()
    assert instance["ImageId"] == DEBIAN
    assert instance["State"]["Name"] == "terminated"
