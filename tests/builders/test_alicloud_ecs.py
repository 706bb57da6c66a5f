"""Builder alicloud-ecs through the program, against the simulator, with a real sshd as the instance."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from alicloud_kit import BUILD, BUILD_NOTHING, CENTOS, REGION, Lab, new_lab

from servers.alicloud_ecs.simulator import ACCESS_KEY, SECRET_KEY, Simulator
from servers.sshd import Sshd

KINDS = ("vpc", "vswitch", "securitygroup", "keypair", "instance", "disk", "eip")


@pytest.fixture
def lab(tmp_path: Path, alicloud: Simulator, sshd_factory: Callable[..., Sshd]) -> Lab:
    return new_lab(tmp_path / "project", alicloud, sshd_factory)


def tags_in(given: dict[str, str]) -> dict[str, str]:
    return {
        value: given[name.replace(".Key", ".Value")]
        for name, value in given.items()
        if re.fullmatch(r"Tag\.\d+\.Key", name)
    }


def test_an_image(lab: Lab) -> None:
    said = lab.apply()
    image = lab.image()
    assert f"{REGION}: {image.id}" in said
    assert (image.facts["ImageName"], image.status, image.tags) == ("web", "Available", {})
    assert (lab.sshd.home / "provisioned").read_text() == "provisioned\n"
    assert lab.cloud.left(*KINDS) == []
    assert len(lab.cloud.left("snapshot")) == 1
    assert not any(line.startswith("ssh-rsa") for line in said.splitlines())
    assert SECRET_KEY not in said


@pytest.mark.slow
def test_everything_is_marked_and_named_after_the_run(lab: Lab) -> None:
    lab.apply()
    (run,) = [path.name for path in (lab.folder / "home" / "runs").iterdir()]
    for action in ("ImportKeyPair", "CreateSecurityGroup", "CreateInstance", "CreateImage"):
        (given,) = lab.asked(action)
        assert tags_in(given) == {"hclimg:run": run, "hclimg:build": "alicloud-ecs.web"}
    for action in ("CreateVpc", "CreateVSwitch"):
        (given,) = lab.asked(action)
        assert given["Description"] == f"hclimg:run={run} hclimg:build=alicloud-ecs.web"
    journal = (lab.folder / "home" / "runs" / run / "resources.jsonl").read_text()
    assert SECRET_KEY not in journal
    assert ACCESS_KEY not in journal
    kinds = {entry["kind"] for entry in map(json.loads, journal.splitlines()) if "kind" in entry}
    assert {
        f"alicloud/{kind}"
        for kind in ("key-pair", "vpc", "vswitch", "security-group", "instance", "address", "association", "image")
    } <= kinds
    assert {
        entry["op"]
        for entry in map(json.loads, journal.splitlines())
        if entry.get("op") not in ("intend", "made", "begin")
    } >= {"gone", "kept"}


SETTINGS = """
  instance_name                 = "builder-1"
  description                   = "builds web"
  io_optimized                  = true
  internet_charge_type          = "PayByBandwidth"
  internet_max_bandwidth_out    = 7
  ecs_ram_role_name             = "images"
  security_enhancement_strategy = "Deactive"
  user_data                     = "#!/bin/sh"
  vpc_name                      = "vpc-of-web"
  vpc_cidr_block                = "192.168.0.0/16"
  vswitch_name                  = "switch-of-web"
  security_group_name           = "group-of-web"
  zone_id                       = "cn-beijing-b"
  run_tags                      = { who = "me" }
  force_stop_instance           = true
  image_version                 = "1.2"
  image_description             = "The web"
  resource_group_id             = "rg-1"
  target_image_family           = "webs"
  boot_mode                     = "UEFI"
  tags                          = { os = "centos" }
  image_share_account           = ["1234567890123450"]
  temporary_key_pair_name       = "key-of-web"
  temporary_key_pair_type       = "ecdsa"

  tag {
    key   = "more"
    value = "yes"
  }
  system_disk_mapping {
    disk_name        = "system"
    disk_category    = "cloud_essd"
    disk_size        = 50
    disk_description = "of web"
  }
  image_disk_mappings {
    disk_name   = "data"
    disk_size   = 30
    disk_device = "/dev/xvdb"
  }
"""


def test_what_the_settings_do(lab: Lab) -> None:
    lab.apply(SETTINGS)
    (instance,) = lab.asked("CreateInstance")
    wanted = {
        "InstanceName": "builder-1", "Description": "builds web", "IoOptimized": "optimized", "RamRoleName": "images",
        "SecurityEnhancementStrategy": "Deactive", "UserData": base64.b64encode(b"#!/bin/sh").decode(),
        "ZoneId": "cn-beijing-b", "SystemDisk.DiskName": "system", "SystemDisk.Category": "cloud_essd",
        "SystemDisk.Size": "50", "SystemDisk.Description": "of web", "DataDisk.1.DiskName": "data",
        "DataDisk.1.Size": "30", "DataDisk.1.Device": "/dev/xvdb", "DataDisk.1.DeleteWithInstance": "true",
        "ImageId": CENTOS, "InstanceType": "ecs.n1.tiny",
    }  # fmt: skip
    assert instance.items() >= wanted.items()
    assert tags_in(instance)["who"] == "me"
    assert "InternetMaxBandwidthOut" not in instance
    (address,) = lab.asked("AllocateEipAddress")
    assert (address["InternetChargeType"], address["Bandwidth"]) == ("PayByBandwidth", "7")
    (vpc,), (switch,), (group,) = map(lab.asked, ("CreateVpc", "CreateVSwitch", "CreateSecurityGroup"))
    assert (vpc["VpcName"], vpc["CidrBlock"]) == ("vpc-of-web", "192.168.0.0/16")
    assert (switch["VSwitchName"], switch["CidrBlock"]) == ("switch-of-web", "192.168.0.0/24")
    assert group["SecurityGroupName"] == "group-of-web"
    (rule,) = lab.asked("AuthorizeSecurityGroup")
    assert (rule["PortRange"], rule["IpProtocol"]) == (f"{lab.sshd.port}/{lab.sshd.port}", "tcp")
    (key,) = lab.asked("ImportKeyPair")
    assert key["KeyPairName"] == "key-of-web"
    assert key["PublicKeyBody"].startswith("ecdsa-sha2-nistp256 ")
    (stop,) = lab.asked("StopInstance")
    assert stop["ForceStop"] == "true"
    image = lab.image()
    facts = {
        "ImageVersion": "1.2",
        "Description": "The web",
        "ResourceGroupId": "rg-1",
        "ImageFamily": "webs",
        "BootMode": "UEFI",
    }
    assert image.facts.items() >= facts.items()
    assert image.facts["Shares"] == ["1234567890123450"]
    assert image.tags == {"os": "centos", "more": "yes"}
    snapshots = lab.cloud.things("snapshot")
    assert [snapshot.tags for snapshot in snapshots] == [image.tags] * 2
    assert lab.cloud.left(*KINDS) == []


@pytest.mark.slow
def test_copies_in_other_regions(lab: Lab) -> None:
    said = lab.apply(
        'image_copy_regions = ["cn-hangzhou", "cn-beijing", "us-west-1"]\nimage_copy_names = ["web-2"]\n'
        'tags = { os = "centos" }\nimage_description = "x1"\n'
        'target_image_family = "webs"\nimage_share_account = ["1234567890123450"]'
    )  # fmt: skip
    found = {image.region: image for image in lab.images()}
    assert set(found) == {"cn-beijing", "cn-hangzhou", "us-west-1"}
    assert found["cn-hangzhou"].facts["ImageName"] == "web-2"
    for region, image in found.items():
        assert f"{region}: {image.id}" in said
        assert image.status == "Available"
        assert image.tags == {"os": "centos"}
        assert image.facts["Description"] == "x1"
        assert image.facts["ImageFamily"] == "webs"
        assert image.facts["Shares"] == ["1234567890123450"]
    assert {snapshot.region: snapshot.tags for snapshot in lab.cloud.things("snapshot")} == {
        region: {"os": "centos"} for region in found
    }


@pytest.mark.slow
def test_an_encrypted_image_is_the_copy_of_one_that_goes(lab: Lab) -> None:
    lab.apply(
        'image_encrypted = true\nkms_key_id = "key-1"\nimage_copy_regions = ["cn-hangzhou"]\n'
        'image_copy_names = ["web"]\nkms_key_copy_ids = ["key-2"]\ntarget_image_family = "webs"'
    )
    (first,) = lab.asked("CreateImage")
    assert first["ImageName"].startswith("hclimg-")
    assert "ImageFamily" not in first
    copies = [(given["DestinationRegionId"], given["KMSKeyId"], given["Encrypted"]) for given in lab.asked("CopyImage")]
    assert copies == [("cn-beijing", "key-1", "true"), ("cn-hangzhou", "key-2", "true")]
    assert {(image.region, image.facts["ImageName"], image.facts["ImageFamily"]) for image in lab.images()} == {
        ("cn-beijing", "web", "webs"), ("cn-hangzhou", "web", "webs"),
    }  # fmt: skip
    assert [snapshot.facts["Encrypted"] for snapshot in lab.cloud.things("snapshot")] == [True, True]


@pytest.mark.slow
def test_without_the_data_disks(lab: Lab) -> None:
    lab.apply("image_ignore_data_disks = true\nimage_disk_mappings { disk_size = 30 }")
    (given,) = lab.asked("CreateImage")
    (snapshot,) = lab.cloud.things("snapshot")
    assert (given["SnapshotId"], "InstanceId" in given) == (snapshot.id, False)
    assert len(lab.image().facts["DiskDeviceMappings"]["DiskDeviceMapping"]) == 1
    assert snapshot.tags == {}


@pytest.mark.slow
def test_no_image(lab: Lab) -> None:
    said = lab.apply("skip_create_image = true")
    assert "No image was created, because of skip_create_image." in said
    assert lab.cloud.left() == []


@pytest.mark.slow
def test_the_newest_of_a_family(lab: Lab) -> None:
    lab.apply(image='image_family = "acs:ubuntu_22_04_x64"')
    (given,) = lab.asked("CreateInstance")
    assert given["ImageId"] == "ubuntu_22_04_x64_20G_alibase_20241016.vhd"


@pytest.mark.slow
def test_logging_in_by_password_is_for_the_classic_network(lab: Lab) -> None:
    lab.apply(f'ssh_password = "Secret-123"\nssh_private_key_file = "{lab.sshd.key_file}"\nimage_version = "1"')
    (given,) = lab.asked("CreateInstance")
    assert given["Password"] == "Secret-123"
    assert "VSwitchId" in given
    lab.cloud.reset()
    lab.cloud.world.looks = {"": 0}
    text = lab.source('ssh_password = "Secret-123"') + BUILD_NOTHING
    lab.write(text.replace("ssh_username", 'communicator = "none"\n  ssh_username'))
    assert lab.run("apply", ".").returncode == 0
    (given,) = lab.asked("CreateInstance")
    assert "VSwitchId" not in given


@pytest.mark.slow
def test_what_exists_is_used_and_stays(lab: Lab) -> None:
    world = lab.cloud.world
    account = lab.cloud.accounts.key(ACCESS_KEY, "").account

    def made(kind: str, **facts: object) -> str:
        return world.make(kind, REGION, account, facts, status="Available").id

    vpc = made("vpc", VpcName="mine", CidrBlock="10.0.0.0/16", Description="")
    taken = made("vswitch", VpcId=vpc, CidrBlock="10.0.0.0/24", ZoneId="cn-beijing-a", VSwitchName="", Description="")
    eip = made("eip", IpAddress="127.0.0.1", InstanceId="", InstanceType="", Bandwidth="5", InternetChargeType="")
    lab.apply(f'vpc_id = "{vpc}"\neip_id = "{eip}"')
    (switch,) = lab.asked("CreateVSwitch")
    assert (switch["VpcId"], switch["CidrBlock"]) == (vpc, "10.0.1.0/24")
    assert {thing.id for thing in lab.cloud.things("vpc", "vswitch", "eip")} == {vpc, taken, eip}
    assert lab.asked("ReleaseEipAddress") == []
    assert lab.asked("CreateVpc") == []


@pytest.mark.slow
def test_the_first_zone_in_stock_is_taken(lab: Lab) -> None:
    lab.cloud.world.sold_out = {("cn-beijing-a", "ecs.n1.tiny")}
    lab.apply()
    assert lab.asked("CreateInstance")[0]["ZoneId"] == "cn-beijing-b"


@pytest.mark.slow
def test_the_private_address(lab: Lab) -> None:
    said = lab.apply("ssh_private_ip = true")
    assert lab.asked("AllocateEipAddress") == []
    assert "Connected to" in said


@pytest.mark.slow
def test_an_image_of_the_name_exists(lab: Lab) -> None:
    lab.apply()
    first = lab.image()
    said = lab.refused()
    assert f'There is an image "web" in cn-beijing already: {first.id}.' in said
    assert "run with -force" in said
    assert [image.id for image in lab.images()] == [first.id]
    snapshots = [snapshot.id for snapshot in lab.cloud.things("snapshot")]
    lab.apply("image_force_delete = true")
    assert lab.image().id != first.id
    assert set(snapshots) < {snapshot.id for snapshot in lab.cloud.things("snapshot")}


@pytest.mark.slow
def test_force_also_deletes_the_snapshots_and_the_copies(lab: Lab) -> None:
    settings = (
        'image_copy_regions = ["us-west-1"]\nimage_copy_names = ["web-2"]\nimage_share_account = ["1234567890123450"]'
    )
    lab.apply(settings)
    before = {thing.id for thing in lab.cloud.things()}
    lab.apply(settings, "-force")
    assert not before & {thing.id for thing in lab.cloud.things()}
    assert len(lab.cloud.things("snapshot")) == 2


@pytest.mark.slow
def test_an_image_that_is_in_use_needs_one_more_word(lab: Lab) -> None:
    lab.apply()
    image = lab.image()
    account = lab.cloud.accounts.key(ACCESS_KEY, "").account
    lab.cloud.world.make("instance", REGION, account, {"ImageId": image.id, "KeyPairName": ""}, status="Running")
    said = lab.refused("image_force_delete = true")
    assert "code ImageUsingByInstance" in said
    lab.apply("image_force_delete = true\nimage_force_delete_instances = true")
    assert lab.image().id != image.id


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('custom_endpoint_ecs = "127.0.0.1:1"', ("cannot be asked for DescribeRegions: it refuses connections",)),
        ('secret_key = "wrong"', ("refuses DescribeRegions (code InvalidAccessKeySecret", "Look at secret_key")),
        ('access_key = "LTAIother"', ("code InvalidAccessKeyId.NotFound, request ", "look at access_key")),
        ('security_token = "stale"', ("code InvalidSecurityToken", "get new temporary credentials")),
        ('image_copy_regions = ["me-east-1"]', ('Alibaba Cloud has no region "me-east-1".', "Did you mean")),
        ('vpc_id = "vpc-1"', ("There is no VPC vpc-1 in cn-beijing.", "Look at vpc_id.")),
        ('vswitch_id = "vsw-1"', ("There is no VSwitch vsw-1 in cn-beijing.",)),
        ('security_group_id = "sg-1"', ("There is no security group sg-1 in cn-beijing.",)),
        ('eip_id = "eip-1"', ("There is no elastic IP address eip-1 in cn-beijing.",)),
    ],
)
def test_what_the_world_says(lab: Lab, settings: str, words: tuple[str, ...]) -> None:
    said = " ".join(lab.refused(settings).split())
    for word in words:
        assert word in said
    assert "web.pkr.hcl:1" in said
    assert "Traceback" not in said
    assert lab.cloud.left() == []


def test_no_such_image_nor_type_nor_family(lab: Lab) -> None:
    assert 'There is no image "m-1" in cn-beijing that could be used.' in lab.refused(image='source_image = "m-1"')
    assert 'There is no image of the family "f-1"' in lab.refused(image='image_family = "f-1"')
    lab.write(lab.source().replace("ecs.n1.tiny", "ecs.n1.tinny") + BUILD_NOTHING)
    assert "The instance type ecs.n1.tinny does not exist in cn-beijing." in lab.run("apply", ".").stdout
    lab.cloud.world.sold_out = {(f"cn-beijing-{zone}", "ecs.n1.tiny") for zone in "ab"}
    assert "The instance type ecs.n1.tiny is sold out in cn-beijing." in lab.refused()
    assert lab.cloud.left() == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["vpc", "vswitch", "securitygroup", "keypair", "instance", "eip", "image"])
def test_a_quota_is_exceeded(lab: Lab, kind: str) -> None:
    lab.cloud.world.quota = {kind: 0}
    said = " ".join(lab.refused().split())
    assert "(code Quota" in said
    assert "ask for a higher quota" in said
    assert lab.cloud.left() == []


def test_an_image_that_cannot_be_made(lab: Lab) -> None:
    lab.cloud.world.ends = {"image": "CreateFailed"}
    assert "its status is CreateFailed" in lab.refused()
    assert lab.cloud.left() == []


@pytest.mark.slow
def test_an_image_that_takes_too_long_goes(lab: Lab) -> None:
    lab.cloud.world.looks = {"": 0, "image": 6}
    said = " ".join(lab.refused("wait_snapshot_ready_timeout = 1").split())
    assert "Timed out after 1 s waiting for the image" in said
    assert "Give it longer with wait_snapshot_ready_timeout." in said
    assert lab.cloud.left() == []


@pytest.mark.slow
def test_a_copy_that_takes_too_long_is_cancelled(lab: Lab) -> None:
    lab.cloud.world.looks = {"": 0}
    lab.write(lab.source('image_copy_regions = ["us-west-1"]\nwait_copying_image_ready_timeout = 1') + BUILD_NOTHING)
    lab.cloud.world.looks = {"": 0, "image": 6}
    done = lab.run("apply", ".")
    assert done.returncode == 1
    assert "Give it longer with" in done.stdout
    assert lab.asked("CancelCopyImage") != []
    assert lab.cloud.left() == []


@pytest.mark.slow
def test_a_failed_provisioner_leaves_nothing(lab: Lab) -> None:
    build = 'build {\n  sources = ["alicloud-ecs.web"]\n  provisioner "shell" { inline = ["exit 3"] }\n}\n'
    lab.refused(build=build)
    assert lab.cloud.left() == []
    assert lab.asked("CreateImage") == []


@pytest.mark.slow
def test_a_role_is_assumed(lab: Lab) -> None:
    lab.apply('ram_role_arn = "acs:ram::1234567890123456:role/images"\nram_session_name = "me"')
    given = [call.given for call in lab.cloud.calls if call.action == "AssumeRole"][-1]
    assert (given["RoleArn"], given["RoleSessionName"]) == ("acs:ram::1234567890123456:role/images", "me")
    assert {call.access_key for call in lab.cloud.calls if call.action == "CreateInstance"} != {ACCESS_KEY}
    assert lab.cloud.left(*KINDS) == []


@pytest.mark.slow
def test_a_profile(lab: Lab) -> None:
    profile = {"name": "me", "mode": "AK", "access_key_id": ACCESS_KEY, "access_key_secret": SECRET_KEY}
    (lab.folder / "aliyun.json").write_text(json.dumps({"profiles": [profile]}))
    lab.write(lab.source('profile = "me"\nshared_credentials_file = "aliyun.json"') + BUILD)
    done = lab.run("apply", ".", ALICLOUD_ACCESS_KEY="", ALICLOUD_SECRET_KEY="")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_destroy(lab: Lab) -> None:
    lab.apply('image_copy_regions = ["us-west-1"]\nimage_share_account = ["1234567890123450"]')
    done = lab.run("destroy", "-auto-approve", "alicloud-ecs.web")
    assert done.returncode == 0, done.stdout
    assert lab.cloud.left() == []


@pytest.mark.slow
def test_the_manifest_names_every_image(lab: Lab) -> None:
    build = 'build {\n  sources = ["alicloud-ecs.web"]\n  post-processor "manifest" {}\n}\n'
    lab.apply('image_copy_regions = ["us-west-1"]', build=build)
    (entry,) = json.loads((lab.folder / "packer-manifest.json").read_text())["builds"]
    assert entry["artifact_id"] == ",".join(sorted(f"{image.region}:{image.id}" for image in lab.images()))
    assert entry["builder_type"] == "alicloud-ecs"


@pytest.mark.slow
def test_new_things_are_not_known_everywhere_at_once(lab: Lab) -> None:
    lab.cloud.world.unseen = {"": 1}
    lab.cloud.world.linger = 2
    lab.apply()
    assert lab.cloud.left(*KINDS) == []


@pytest.mark.slow
def test_a_key_pair_of_the_user(lab: Lab) -> None:
    mine = f'ssh_keypair_name = "mine"\nssh_private_key_file = "{lab.sshd.key_file}"'
    assert "There is no key pair mine in cn-beijing." in lab.refused(mine)
    assert lab.asked("CreateVpc") == []
    account = lab.cloud.accounts.key(ACCESS_KEY, "").account
    lab.cloud.world.make(
        "keypair", REGION, account, {"PublicKey": lab.sshd.key.public, "KeyPairFingerPrint": ""}, name="mine"
    )
    lab.apply(mine)
    assert [given["KeyPairName"] for given in lab.asked("AttachKeyPair")] == ["mine"]
    assert lab.asked("ImportKeyPair") == []
    assert [thing.id for thing in lab.cloud.things("keypair")] == ["mine"]


@pytest.mark.slow
def test_the_network_of_a_security_group_is_used(lab: Lab) -> None:
    account = lab.cloud.accounts.key(ACCESS_KEY, "").account
    network = {"VpcName": "mine", "CidrBlock": "10.0.0.0/16", "Description": ""}
    vpc = lab.cloud.world.make("vpc", REGION, account, network, status="Available").id
    facts = {"VpcId": vpc, "SecurityGroupName": "mine", "Description": "", "Permissions": []}
    group = lab.cloud.world.make("securitygroup", REGION, account, facts).id
    lab.apply(f'security_group_id = "{group}"')
    assert lab.asked("CreateInstance")[0]["SecurityGroupId"] == group
    assert lab.asked("CreateVSwitch")[0]["VpcId"] == vpc
    assert {thing.id for thing in lab.cloud.things("vpc", "securitygroup")} == {vpc, group}
    said = " ".join(lab.refused(f'security_group_id = "{group}"\nvpc_id = "vpc-1"\nimage_force_delete = true').split())
    assert f"The security group {group} is in {vpc}, the instance in vpc-1." in said
    assert len(lab.asked("ImportKeyPair")) == 1
