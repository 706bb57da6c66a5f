"""Builder amazon-ebssurrogate through the program, against moto, with a real sshd as the instance.

moto registers what it is told; it knows no boot mode, TPM or UEFI data, so for these the request is looked at.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_kit import Lab, new_lab, tags
from test_amazon_ebs_config import PACKER as OF_EBS

from hclimg.builders.aws.ebssurrogate.config import SurrogateConfig
from hclimg.builders.aws.ebssurrogate.disks import changed_disks, registered_disks
from hclimg.config.schema import schema_of
from hclimg.sdk.mark import RUN_TAG
from hclimg.sdk.testing import decoded
from kill_kit import Outcome, Project, every_record
from servers.aws_faults import ERROR, LOST, Faults
from servers.moto import DEBIAN, REGION, Aws
from servers.sshd import Sshd

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = """\
source "amazon-ebssurrogate" "root" {{
  ami_name      = "{name}"
  region        = "{region}"
  source_ami    = "{image}"
  instance_type = "t3.micro"
  vpc_id        = "{vpc}"
  subnet_id     = "{subnet}"
  ssh_host      = "127.0.0.1"
  ssh_username  = "{user}"
  ssh_port      = {port}
  tags          = {{ Base = "{{{{ .SourceAMIName }}}}" }}

  launch_block_device_mappings {{
    device_name           = "/dev/xvdf"
    volume_size           = 4
    volume_type           = "gp3"
    throughput            = 200
    encrypted             = true
    delete_on_termination = true
  }}
  launch_block_device_mappings {{
    device_name        = "/dev/xvdg"
    volume_size        = 1
    omit_from_artifact = true
  }}
  launch_block_device_mappings {{
    device_name = "/dev/xvdh"
    volume_size = 2
  }}
  ami_root_device {{
    source_device_name    = "/dev/xvdf"
    device_name           = "/dev/xvda"
    delete_on_termination = true
    volume_size           = 8
  }}
  {settings}
}}
build {{
  sources = ["source.amazon-ebssurrogate.root"]
  provisioner "shell" {{ inline = ["{command}"] }}
}}
"""


@pytest.fixture
def lab(tmp_path: Path, aws: Aws, sshd_factory: Callable[..., Sshd]) -> Lab:
    return new_lab(tmp_path / "project", aws, sshd_factory)


CREATED = """
  use_create_image = true
  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_size           = 3
    delete_on_termination = true
    omit_from_artifact    = true
  }
"""
"""moto gives an instance the root disk of its image only when no other disk is asked for."""


def write(lab: Lab, settings: str = "", command: str = "echo filled", name: str = "root") -> None:
    lab.write(
        TEMPLATE.format(
            region=REGION, image=DEBIAN, vpc=lab.network.vpc, subnet=lab.network.subnet, user=lab.sshd.user,
            port=lab.sshd.port, command=command, settings=settings, name=name,
        )
    )  # fmt: skip


def applied(lab: Lab, settings: str = "", *options: str) -> str:
    write(lab, settings)
    done = lab.run("apply", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# -- registered with snapshots ----------------------------------------------------


def test_an_image_of_another_disk(lab: Lab) -> None:
    said = applied(lab, 'snapshot_description = "Filled"\n  snapshot_tags = { Name = "filled" }')
    image, (root, data) = lab.image(), lab.snapshots()
    assert (image["Name"], image["RootDeviceName"], image["Architecture"]) == ("root", "/dev/xvda", "x86_64")
    assert tags(image) == {"Base": "debian-12-amd64-20260101-1"}
    assert [disk["DeviceName"] for disk in image["BlockDeviceMappings"]] == ["/dev/xvda", "/dev/xvdh"]
    assert (root["VolumeSize"], data["VolumeSize"], root["Description"]) == (4, 2, "Filled")
    assert tags(root) == {"Base": "debian-12-amd64-20260101-1", "Name": "filled"}
    assert lab.aws.left() == {
        "image": [image["ImageId"]], "snapshot": sorted([root["SnapshotId"], data["SnapshotId"]])
    }  # fmt: skip
    assert f"{REGION}: {image['ImageId']}" in said
    asked = lab.aws.asked("RegisterImage")
    assert asked["VirtualizationType"] == "hvm"
    assert not {"BootMode", "TpmSupport", "UefiData", "EnaSupport"} & asked.keys()
    done = lab.program("destroy", "-auto-approve", "amazon-ebssurrogate.root")
    assert done.returncode == 0, done.stdout + done.stderr
    assert lab.aws.left() == {}


@pytest.mark.slow
def test_what_the_image_is_like(lab: Lab) -> None:
    said = applied(
        lab,
        'ami_architecture = "arm64"\n  boot_mode = "uefi"\n  tpm_support = "v2.0"\n  uefi_data = "QU1aTlVFRkk="\n'
        '  ena_support = true\n  sriov_support = true\n  imds_support = "v2.0"\n  ami_description = "A root"\n'
        '  ami_users = ["123456789012"]\n  deprecate_at = "2999-01-01T00:00:00Z"',
    )
    asked = lab.aws.asked("RegisterImage")
    wanted = {
        "Architecture": "arm64", "BootMode": "uefi", "TpmSupport": "v2.0", "UefiData": "QU1aTlVFRkk=",
        "EnaSupport": True, "SriovNetSupport": "simple", "Description": "A root",
    }  # fmt: skip
    assert {key: asked[key] for key in wanted} == wanted
    assert lab.aws.calls("EnableImageDeprecation")
    assert [call["params"].get("ImdsSupport") for call in lab.aws.calls("ModifyImageAttribute")][-1:] == [
        {"Value": "v2.0"}
    ]
    assert not lab.aws.calls("ModifyInstanceAttribute")
    assert "although its source" not in said


@pytest.mark.slow
def test_copies_and_an_encrypted_image(lab: Lab) -> None:
    """What is only copied from goes, with the snapshots that were made for it."""
    applied(lab, 'encrypt_boot = true\n  ami_regions = ["us-east-1"]')
    for region in (REGION, "us-east-1"):
        assert (lab.image(region)["Name"], len(lab.aws.left(region)["snapshot"])) == ("root", 1)
        assert lab.snapshots(region)[0]["Encrypted"]
        assert RUN_TAG not in tags(lab.image(region))


@pytest.mark.slow
def test_a_name_that_is_taken(lab: Lab) -> None:
    applied(lab)
    old = lab.image()["ImageId"]
    done = lab.run("apply")
    assert done.returncode == 1
    assert f'There is an image called "root" already: {old}' in done.stdout + done.stderr
    applied(lab, "force_deregister = true\n  force_delete_snapshot = true")
    assert lab.image()["ImageId"] != old
    assert {kind: len(names) for kind, names in lab.aws.left().items()} == {"image": 1, "snapshot": 2}


def test_nothing_stays_of_a_build_that_fails(lab: Lab) -> None:
    write(lab, command="exit 3")
    assert lab.run("apply").returncode == 1
    assert lab.aws.left() == {}


# -- made of the instance ---------------------------------------------------------


@pytest.mark.slow
def test_an_image_of_the_instance(lab: Lab) -> None:
    applied(lab, CREATED + "ena_support = true")
    image = lab.image()
    assert lab.aws.left() == {"image": [image["ImageId"]], "snapshot": [lab.snapshots()[0]["SnapshotId"]]}
    attached = lab.aws.asked("AttachVolume")
    assert attached["Device"] == "/dev/xvda"
    detached = [call["params"]["VolumeId"] for call in lab.aws.calls("DetachVolume")]
    assert (len(detached), detached[1]) == (2, attached["VolumeId"])
    disks = {disk["DeviceName"]: disk for disk in lab.aws.asked("CreateImage")["BlockDeviceMappings"]}
    assert disks.keys() == {"/dev/xvda", "/dev/xvdg"}
    assert disks["/dev/xvda"]["Ebs"] == {
        "DeleteOnTermination": True, "VolumeSize": 8, "VolumeType": "gp3", "Throughput": 200,
    }  # fmt: skip
    assert lab.aws.calls("ModifyInstanceAttribute")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "action"),
    [
        ("", "CreateSnapshot"), ("", "RegisterImage"), ("", "DescribeSnapshots"), ("", "DeleteTags"),
        (CREATED, "AttachVolume"), (CREATED, "DetachVolume"),
        (CREATED, "CreateImage"),
    ],
)  # fmt: skip
def test_what_fails_always_leaves_nothing(
    lab: Lab, faults: tuple[Aws, Faults], settings: str, action: str
) -> None:
    lab.aws, bad_days = faults
    bad_days.always = {action: ERROR}
    write(lab, f"max_retries = 1\n  {settings}")
    done = lab.run("apply")
    assert done.returncode == 1
    assert f"AWS refuses {action}" in " ".join((done.stdout + done.stderr).split())
    bad_days.always = {}
    if action == "DescribeSnapshots":  # what undoing needs
        assert lab.program("cleanup", "-settle", "0s").returncode == 0
    assert lab.aws.left() == {}


@pytest.mark.slow
def test_another_name_than_the_instance_has_for_its_root_disk(lab: Lab) -> None:
    write(lab, CREATED)
    text = (lab.folder / "web.pkr.hcl").read_text().replace("/dev/xvda", "/dev/sda1")
    lab.write(text)
    done = lab.run("apply")
    assert done.returncode == 1
    assert f'The root disk of {DEBIAN} is called "/dev/xvda"' in " ".join((done.stdout + done.stderr).split())
    assert not lab.aws.calls("RunInstances")


# -- bad days ---------------------------------------------------------------------


@pytest.mark.slow
def test_a_lost_answer_makes_no_second_snapshot(lab: Lab, faults: tuple[Aws, Faults]) -> None:
    lab.aws, bad_days = faults
    bad_days.first = lambda asked: (LOST,) if asked.action in ("CreateSnapshot", "RegisterImage") else ()
    applied(lab)
    assert bad_days.failed[LOST] == 3
    assert lab.aws.left() == {
        "image": [lab.image()["ImageId"]], "snapshot": sorted(one["SnapshotId"] for one in lab.snapshots())
    }  # fmt: skip
    assert len(lab.snapshots()) == 2


@pytest.mark.slow
def test_a_snapshot_whose_answer_never_comes_is_found(lab: Lab, faults: tuple[Aws, Faults]) -> None:
    lab.aws, bad_days = faults
    bad_days.first = lambda asked: (LOST, ERROR) if asked.action == "CreateSnapshot" else ()
    applied(lab, "max_retries = 1")
    assert (bad_days.failed[LOST], bad_days.failed[ERROR]) == (2, 2)
    assert lab.aws.left()["snapshot"] == sorted(one["SnapshotId"] for one in lab.snapshots())


@pytest.mark.slow
@pytest.mark.parametrize("settings", ["", CREATED])
def test_killed_around_many_records(lab: Lab, settings: str) -> None:
    write(lab, settings, name="root ${uuidv4()}")
    project = Project(folder=lab.folder, template="web.pkr.hcl", env=lab.aws.environment, quiet=lab.aws.quiet)
    seen: list[Outcome] = []
    for outcome in every_record(project, step=5):
        lab.aws.quiet()
        assert not outcome.failed, outcome
        assert wrong(lab) == [], outcome
        seen.append(outcome)
    assert seen[-1].status == 0, seen[-1]
    assert all(outcome.killed for outcome in seen[:-1])


def wrong(lab: Lab) -> list[str]:
    """What is there and belongs to no finished image, or has the mark still."""
    there = lab.aws.left()
    images = lab.ec2().describe_images(Owners=["self"])["Images"]
    theirs = {disk["Ebs"]["SnapshotId"] for image in images for disk in image["BlockDeviceMappings"]}
    found = [image["ImageId"] for image in images if RUN_TAG in tags(image)]
    found += sorted(set(there.pop("snapshot", [])) ^ theirs)
    there.pop("image", None)
    return found + [f"{kind} {names}" for kind, names in there.items()]


# -- settings ---------------------------------------------------------------------

NOT_HERE = {"skip_create_ami", "no_ephemeral", "fast_launch"}
MORE = {
    "ami_architecture", "ami_root_device", "boot_mode", "snapshot_description", "tpm_support", "uefi_data",
    "use_create_image",
}  # fmt: skip


def test_every_key_of_packer_is_known() -> None:
    keys = {*OF_EBS.split()} - NOT_HERE | MORE
    assert len(keys) == 103
    assert keys <= schema_of(SurrogateConfig).names.keys()


BASE = """
ami_name      = "root"
source_ami    = "ami-1"
instance_type = "t3.micro"
ssh_username  = "admin"
"""
FILLED = """
launch_block_device_mappings {
  device_name = "/dev/xvdf"
  volume_size = 4
  volume_type = "gp3"
  %s
}
"""
DISK = FILLED % ""
AS_ROOT = """
ami_root_device {
  source_device_name = "/dev/xvdf"
  device_name        = "/dev/xvda"
  %s
}
"""
KEY_OF_A_DISK = 'ami_block_device_mappings {\n  device_name = "a"\n  kms_key_id  = "alias/a"\n}'
WHOLE = BASE + DISK + AS_ROOT % ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BASE + DISK, '"ami_root_device"'),
        (BASE + AS_ROOT % "", 'has no disk "/dev/xvdf", which "ami_root_device" names'),
        (BASE + FILLED % "omit_from_artifact = true" + AS_ROOT % "", '"omit_from_artifact" cannot be true'),
        (BASE + DISK + AS_ROOT % "volume_size = 2", 'cannot be smaller than "/dev/xvdf", which has 4 GiB'),
        (BASE + DISK + AS_ROOT % "volume_size = -2", "cannot have -2 GiB"),
        (BASE + DISK + AS_ROOT % "iops = 20", "from 3000 to 16000 IOPS, not 20"),
        (BASE + DISK + AS_ROOT % 'iops = 3000\n volume_type = "gp2"', "is for volumes of the types"),
        (WHOLE + DISK, 'two devices called "/dev/xvdf"'),
        (WHOLE + 'ami_architecture = "amd64"', "is not one of"),
        (WHOLE + 'boot_mode = "efi"', "is not one of"),
        (WHOLE + 'tpm_support = "v2.0"', '"boot_mode" must be "uefi"'),
        (WHOLE + 'boot_mode = "uefi"\nuefi_data = "%"', "is not base64"),
        (WHOLE + 'use_create_image = true\nboot_mode = "uefi"', '"boot_mode" would have no effect'),
        (WHOLE + 'use_create_image = true\nspot_price = "auto"', "a spot instance cannot be stopped"),
        (WHOLE + "skip_save_build_region = true", "leaves no image at all"),
        (WHOLE + KEY_OF_A_DISK, "set it in launch_block_device_mappings"),
        (WHOLE + "skip_create_ami = true", '"skip_create_ami" is not expected here'),
        (WHOLE + "ena_suport = true", 'Did you mean "ena_support"'),
    ],
)
def test_mistakes(text: str, told: str) -> None:
    config, problems = decoded(SurrogateConfig, text)
    assert config is None
    assert any(told in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (DISK.replace("/dev/xvdf", "/dev/xvda"), "Write omit_from_artifact = true."),
        ('ami_block_device_mappings {\n  device_name = "/dev/xvda"\n}', 'has no effect on "/dev/xvda"'),
    ],
)
def test_what_has_no_effect_is_told(text: str, told: str) -> None:
    config, problems = decoded(SurrogateConfig, WHOLE + text)
    assert config is not None
    assert any(told in problem for problem in problems), problems


DISKS = """
launch_block_device_mappings {
  device_name = "/dev/xvda"
  volume_size = 9
}
launch_block_device_mappings {
  device_name  = "/dev/xvdi"
  virtual_name = "ephemeral0"
}
launch_block_device_mappings {
  device_name = "/dev/xvdj"
  no_device   = true
}
ami_block_device_mappings {
  device_name = "/dev/xvdk"
  snapshot_id = "snap-theirs"
}
"""


def disks_of(text: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    config, _ = decoded(SurrogateConfig, text)
    assert config is not None
    told = (config.launch_block_device_mappings, config.ami_root_device, config.ami_block_device_mappings)
    return registered_disks(*told, {"/dev/xvdf": "snap-root"}), changed_disks(*told)


def test_all_kinds_of_disks() -> None:
    """moto wants a volume of every device, so what EC2 is told is looked at here."""
    registered, changed = disks_of(BASE + FILLED % 'kms_key_id = "alias/a"' + AS_ROOT % "iops = 4000" + DISKS)
    theirs = {"DeviceName": "/dev/xvdk", "Ebs": {"DeleteOnTermination": False, "SnapshotId": "snap-theirs"}}
    root = {"DeleteOnTermination": False, "VolumeType": "gp3", "VolumeSize": 4, "Iops": 4000}
    assert registered == [
        theirs,
        {"DeviceName": "/dev/xvda", "Ebs": {**root, "SnapshotId": "snap-root"}},
        {"DeviceName": "/dev/xvdi", "VirtualName": "ephemeral0"},
    ]
    assert changed == [theirs, {"DeviceName": "/dev/xvda", "Ebs": root}]


def test_many_mistakes_in_one_template(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    (tmp_path / "root.pkr.hcl").write_text(MANY)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    command = [sys.executable, "-m", "hclimg", "validate", "root.pkr.hcl"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    golden("amazon-ebssurrogate-mistakes.txt", done.stdout + done.stderr)


MANY = """\
source "amazon-ebssurrogate" "root" {
  ami_name         = "root"
  region           = "eu-central-1"
  source_ami       = "ami-0123abcd"
  instance_type    = "t3.small"
  ssh_username     = "admin"
  use_create_image = true
  tpm_support      = "v2.0"
  boot_mode        = "legacy-bios"

  launch_block_device_mappings {
    device_name = "/dev/xvdf"
    volume_size = 8
  }
  launch_block_device_mappings {
    device_name = "/dev/xvda"
    volume_size = 8
  }
  ami_root_device {
    source_device_name = "/dev/xvdg"
    device_name        = "/dev/xvda"
    volume_size        = 4
  }
}

build {
  sources = ["source.amazon-ebssurrogate.root"]
}
"""
