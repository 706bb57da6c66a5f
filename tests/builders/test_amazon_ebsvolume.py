"""Builder amazon-ebsvolume through the program, against moto, with a real sshd as the instance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_kit import Lab, new_lab, tags

from hclimg.builders.aws.ebsvolume.config import EbsVolumeConfig
from hclimg.sdk.mark import RUN_TAG
from hclimg.sdk.testing import decoded
from servers.aws_faults import LOST, Faults
from servers.moto import DEBIAN, REGION, Aws
from servers.sshd import Sshd

TEMPLATE = """\
source "amazon-ebsvolume" "data" {{
  region          = "{region}"
  source_ami      = "{image}"
  instance_type   = "t3.micro"
  vpc_id          = "{vpc}"
  subnet_id       = "{subnet}"
  ssh_interface   = "private_ip"
  ssh_username    = "{user}"
  ssh_port        = {port}
  run_volume_tags = {{ Temporary = "yes" }}
  ebs_volumes {{
    device_name          = "/dev/xvdf"
    volume_size          = 4
    tags                 = {{ Name = "data of {{{{ .SourceAMIName }}}}" }}
    snapshot_volume      = true
    snapshot_description = "Filled"
    snapshot_tags        = {{ Name = "filled" }}
    snapshot_users       = ["123456789012"]
  }}
  ebs_volumes {{
    device_name           = "/dev/xvdg"
    volume_size           = 1
    delete_on_termination = true
    snapshot_volume       = true
  }}
}}
build {{
  sources = ["source.amazon-ebsvolume.data"]
  provisioner "shell" {{ inline = ["{command}"] }}
}}
"""


@pytest.fixture
def lab(tmp_path: Path, aws: Aws, sshd_factory: Callable[..., Sshd]) -> Lab:
    return new_lab(tmp_path / "project", aws, sshd_factory)


def write(lab: Lab, command: str = "echo filled") -> None:
    lab.write(
        TEMPLATE.format(
            region=REGION, image=DEBIAN, vpc=lab.network.vpc, subnet=lab.network.subnet, user=lab.sshd.user,
            port=lab.sshd.port, command=command,
        )
    )  # fmt: skip


def snapshots(lab: Lab) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lab.ec2().describe_snapshots(SnapshotIds=lab.aws.left()["snapshot"])["Snapshots"]
    return sorted(found, key=lambda one: str(one.get("Description", "")), reverse=True)


def test_volumes_and_snapshots(lab: Lab) -> None:
    write(lab)
    done = lab.run("apply")
    assert done.returncode == 0, done.stdout + done.stderr
    left = lab.aws.left()
    assert left.keys() == {"volume", "snapshot"}
    (volume,) = lab.ec2().describe_volumes()["Volumes"]
    assert (volume["Size"], tags(volume)) == (4, {"Name": "data of debian-12-amd64-20260101-1"})
    filled, other = snapshots(lab)
    assert (filled["Description"], filled["VolumeId"]) == ("Filled", volume["VolumeId"])
    assert (tags(filled), tags(other)) == ({"Name": "filled"}, {})
    given = lab.ec2().describe_snapshot_attribute(
        SnapshotId=filled["SnapshotId"], Attribute="createVolumePermission"
    )
    assert given["CreateVolumePermissions"] == [{"UserId": "123456789012"}]
    assert f"{REGION}: {volume['VolumeId']}" in done.stdout
    assert f"{REGION}: {filled['SnapshotId']}" in done.stdout


@pytest.mark.slow
def test_a_lost_answer_makes_no_second_snapshot(lab: Lab, faults: tuple[Aws, Faults]) -> None:
    lab.aws, bad_days = faults
    bad_days.first = lambda asked: (LOST,) if asked.action == "CreateSnapshot" else ()
    write(lab)
    done = lab.run("apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert bad_days.failed[LOST] == 2
    assert {kind: len(names) for kind, names in lab.aws.left().items()} == {"volume": 1, "snapshot": 2}
    assert all(RUN_TAG not in tags(one) for one in snapshots(lab))


@pytest.mark.slow
def test_nothing_stays_of_a_build_that_fails(lab: Lab) -> None:
    write(lab, "exit 3")
    done = lab.run("apply")
    assert done.returncode == 1
    assert lab.aws.left() == {}


@pytest.mark.slow
def test_what_was_made_can_be_destroyed(lab: Lab) -> None:
    write(lab)
    assert lab.run("apply").returncode == 0
    done = lab.program("destroy", "-auto-approve", "amazon-ebsvolume.data")
    assert done.returncode == 0, done.stdout + done.stderr
    assert lab.aws.left() == {}


BASE = 'source_ami = "ami-1"\ninstance_type = "t3.micro"\nssh_username = "admin"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1: Missing required block; There is nothing to make: name at least one volume in an ebs_volumes block."),
        (
            'ebs_volumes {\n  device_name = "/dev/x"\n  volume_size = 1\n  snapshot_users = ["123456789012"]\n}',
            '7: Conflicting arguments; "snapshot_users" is for a snapshot, so "snapshot_volume" must be true.',
        ),
        (
            'ebs_volumes {\n  device_name = "/dev/x"\n  volume_size = 1\n  delete_on_termination = true\n}',
            "7: Volume without a result; The volume goes with the instance, and no snapshot of it is made: nothing of "
            "it stays.",
        ),
        (
            'ebs_volumes {\n  device_name = "/dev/x"\n  no_device = true\n  snapshot_volume = true\n}',
            "7: Conflicting arguments; Only a volume of EBS can have a snapshot.",
        ),
        ('ami_name = "x"', '4: Unsupported argument; An argument named "ami_name" is not expected here.'),
    ],
)
def test_wrong_settings(text: str, problem: str) -> None:
    problems = decoded(EbsVolumeConfig, BASE + text)[1]
    assert problems
    assert problems[0].startswith(problem)
