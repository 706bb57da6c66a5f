"""Builder amazon-ebs through the program, against moto, with a real sshd as the instance."""

from __future__ import annotations

import json
import sys
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_kit import BUILD, MANIFEST, Lab, new_lab, tags

from hclimg.sdk.mark import RUN_TAG
from servers.moto import DEBIAN, OLD_DEBIAN, OWNER, REGION, Aws
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


def nothing_left(lab: Lab, *regions: str) -> bool:
    return all(lab.aws.left(region) == {} for region in regions or (REGION,))


# -- the source ---------------------------------------------------------------

FILTER = """source_ami_filter {{
    filters     = {{ name = "debian-12-*", virtualization-type = "hvm" }}
    owners      = ["{owner}"]
    most_recent = {newest}
  }}"""


@pytest.mark.slow
def test_the_newest_of_a_filter(lab: Lab) -> None:
    lab.apply("skip_create_ami = true", image=FILTER.format(owner=OWNER, newest="true"))
    assert lab.instance()["ImageId"] == DEBIAN
    assert nothing_left(lab)


@pytest.mark.slow
def test_filters_that_choose_nothing_or_too_much(lab: Lab) -> None:
    said = lab.refused(image=FILTER.format(owner="self", newest="true"))
    assert 'name = "debian-12-*", virtualization-type = "hvm"' in said
    assert 'web.pkr.hcl:1:1: Error: ' in said
    said = lab.refused(image=FILTER.format(owner=OWNER, newest="false"))
    assert "2 images match" in said
    assert f"{DEBIAN} (debian-12-amd64-20260101-1), {OLD_DEBIAN}" in said
    said = lab.refused(image='source_ami = "ami-12345678"')
    assert "InvalidAMIID.NotFound" in said
    assert nothing_left(lab)


# -- the name -----------------------------------------------------------------


@pytest.mark.slow
def test_a_name_that_is_taken(lab: Lab) -> None:
    first = lab.apply('ami_regions = ["us-east-1"]')
    old, copy = lab.image(), lab.image("us-east-1")
    lab.ec2().deregister_image(ImageId=old["ImageId"])
    lab.aws.log.write_text("")
    said = lab.refused('ami_regions = ["us-east-1"]')
    assert f'There is an image called "web" already: {copy["ImageId"]} in us-east-1.' in said
    assert {call["action"] for call in lab.aws.calls()} == {"GetCallerIdentity", "DescribeImages"}

    lab.apply('force_deregister = true\n  force_delete_snapshot = true\n  ami_regions = ["us-east-1"]')
    assert lab.image("us-east-1")["ImageId"] != copy["ImageId"]
    assert len(lab.aws.left("us-east-1")["snapshot"]) == 1
    lab.apply("", "-force")
    assert len(lab.aws.left()["image"]) == 1
    assert "There is an image" not in first


# -- tags ---------------------------------------------------------------------

TAGS = """
  tags          = { Base = "{{ .SourceAMI }}", Region = "{{ .BuildRegion }}" }
  run_tags      = { Team = "{{ .SourceAMIOwner }}" }
  snapshot_tags = { Made = "{{ .SourceAMICreationDate }}" }
  run_volume_tags = { Disk = "of {{ .SourceAMIName }}" }
  tag {
    key   = "Name"
    value = "web"
  }
  run_tag {
    key   = "Name"
    value = "builder"
  }
  snapshot_tag {
    key   = "Name"
    value = "root of {{ build_name }}"
  }
  run_volume_tag {
    name  = "Name"
    value = "scratch"
  }
"""


@pytest.mark.slow
def test_tags_of_every_kind(lab: Lab) -> None:
    lab.apply(TAGS)
    common = {"Team": OWNER, "Base": DEBIAN, "Region": REGION}
    assert tags(lab.image()) == {**common, "Name": "web"}
    (snapshot,) = lab.snapshots()
    assert tags(snapshot) == {**common, "Name": "root of web", "Made": "2026-01-01T00:00:00.000Z"}

    (run,) = {tags_of(lab.aws.asked(action))["instance"][RUN_TAG] for action in ("RunInstances",)}
    temporary = {"Team": OWNER, "Name": "builder", RUN_TAG: run}
    assert tags_of(lab.aws.asked("CreateKeyPair")) == {"key-pair": temporary}
    assert tags_of(lab.aws.asked("CreateSecurityGroup")) == {"security-group": temporary}
    volume = {"Disk": "of debian-12-amd64-20260101-1", "Name": "scratch", RUN_TAG: run}
    expected = {"instance": temporary, "network-interface": temporary, "volume": volume}
    assert tags_of(lab.aws.asked("RunInstances")) == expected


@pytest.mark.slow
def test_the_image_without_the_run_tags(lab: Lab) -> None:
    lab.apply(TAGS + "skip_ami_run_tags = true")
    assert tags(lab.image()) == {"Base": DEBIAN, "Region": REGION, "Name": "web"}


def tags_of(asked: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The tags in the parameters of a call, by the type of resource."""
    return {one["ResourceType"]: tags(one) for one in asked["TagSpecifications"]}


# -- other regions ------------------------------------------------------------


def test_copies_in_other_regions(lab: Lab) -> None:
    said = lab.apply(
        'ami_regions = ["us-west-2", "us-east-1", "eu-central-1"]\n  tags = { A = "{{ .BuildRegion }}" }\n'
        '  ami_description = "from {{ .SourceAMI }}"\n  snapshot_copy_duration_minutes = 30',
        build=MANIFEST,
    )
    images = {region: lab.image(region)["ImageId"] for region in ("eu-central-1", "us-east-1", "us-west-2")}
    for region in images:
        assert lab.image(region)["Name"] == "web"
        assert lab.image(region)["Description"] == f"from {DEBIAN}"
        assert tags(lab.image(region)) == {"A": REGION}
        assert tags(lab.snapshots(region)[0]) == {"A": REGION}
    (build,) = lab.manifest()["builds"]
    assert build["artifact_id"] == ",".join(f"{region}:{image}" for region, image in images.items())
    assert f"AMIs were created:\neu-central-1: {images['eu-central-1']}\nus-east-1: {images['us-east-1']}\n" in said
    assert all(call["params"]["SnapshotCopyCompletionDurationMinutes"] == 30 for call in lab.aws.calls("CopyImage"))


@pytest.mark.slow
def test_encrypted_copies_with_their_keys(lab: Lab) -> None:
    lab.apply(
        'encrypt_boot = true\n  kms_key_id = "alias/build"\n  ami_regions = ["us-east-1", "us-west-2"]\n'
        '  region_kms_key_ids = { us-east-1 = "alias/east", us-west-2 = "" }'
    )
    keys = {call["params"]["SourceRegion"] + call["params"].get("KmsKeyId", "") for call in lab.aws.calls("CopyImage")}
    assert keys == {"eu-central-1alias/build", "eu-central-1alias/east", "eu-central-1"}
    for region in (REGION, "us-east-1", "us-west-2"):
        assert lab.image(region)["Name"] == "web"
        assert lab.snapshots(region)[0]["Encrypted"]
        assert {name: len(things) for name, things in lab.aws.left(region).items()} == {"image": 1, "snapshot": 1}


@pytest.mark.slow
def test_no_image_in_the_region_of_the_build(lab: Lab) -> None:
    lab.apply('skip_save_build_region = true\n  ami_regions = ["us-east-1"]')
    assert nothing_left(lab)
    assert lab.image("us-east-1")["Name"] == "web"


# -- attributes ---------------------------------------------------------------


@pytest.mark.slow
def test_who_may_use_it_and_how_long(lab: Lab) -> None:
    lab.apply("""
  ami_users         = ["111111111111"]
  ami_groups        = ["all"]
  ami_org_arns      = ["arn:aws:organizations::123456789012:organization/o-abc123"]
  ami_ou_arns       = ["arn:aws:organizations::123456789012:ou/o-abc123/ou-1-2"]
  snapshot_users    = ["222222222222"]
  deprecate_at      = "2035-01-01T00:00:00Z"
  deregistration_protection {
    enabled       = true
    with_cooldown = true
  }
""")
    image = lab.image()["ImageId"]
    shared = lab.ec2().describe_image_attribute(ImageId=image, Attribute="launchPermission")["LaunchPermissions"]
    assert sorted(str(*one.values()) for one in shared) == [
        "111111111111", "all", "arn:aws:organizations::123456789012:organization/o-abc123",
        "arn:aws:organizations::123456789012:ou/o-abc123/ou-1-2",
    ]  # fmt: skip
    (snapshot,) = lab.snapshots()
    permissions = lab.ec2().describe_snapshot_attribute(
        SnapshotId=snapshot["SnapshotId"], Attribute="createVolumePermission"
    )
    assert permissions["CreateVolumePermissions"] == [{"UserId": "222222222222"}]
    assert lab.aws.asked("EnableImageDeprecation")["DeprecateAt"].startswith("2035-01-01")
    assert lab.aws.asked("EnableImageDeregistrationProtection") == {"ImageId": image, "WithCooldown": True}


@pytest.mark.slow
def test_attributes_that_moto_does_not_keep(lab: Lab) -> None:
    """moto takes imds_support, product codes and features of instances, but does not show them again."""
    lab.apply('imds_support = "v2.0"\n  ami_product_codes = ["abc123"]\n  sriov_support = true\n  ena_support = false')
    changed = [call["params"] for call in lab.aws.calls("ModifyImageAttribute")]
    image = lab.image()["ImageId"]
    assert {"ImageId": image, "ImdsSupport": {"Value": "v2.0"}} in changed
    assert {"ImageId": image, "Attribute": "productCodes", "ProductCodes": ["abc123"]} in changed
    features = [call["params"] for call in lab.aws.calls("ModifyInstanceAttribute")]
    assert [{name: value for name, value in one.items() if name != "InstanceId"} for one in features] == [
        {"SriovNetSupport": {"Value": "simple"}}, {"EnaSupport": {"Value": False}},
    ]  # fmt: skip


@pytest.mark.slow
def test_fast_launch(lab: Lab) -> None:
    template = lab.ec2().create_launch_template(LaunchTemplateName="win", LaunchTemplateData={"KernelId": "x"})
    lab.apply("""
  fast_launch {
    template_name         = "win"
    max_parallel_launches = 8
    target_resource_count = 3
  }
""")
    assert lab.aws.asked("EnableFastLaunch") == {
        "ImageId": lab.image()["ImageId"], "ResourceType": "snapshot", "MaxParallelLaunches": 8,
        "SnapshotConfiguration": {"TargetResourceCount": 3},
        "LaunchTemplate": {
            "LaunchTemplateId": template["LaunchTemplate"]["LaunchTemplateId"], "Version": "1",
        },
    }  # fmt: skip


# -- the instance -------------------------------------------------------------


def test_what_the_instance_is_asked_to_be(lab: Lab) -> None:
    (lab.folder / "init").write_bytes(b"\x1f\x8b not text")
    lab.aws.client("iam").create_instance_profile(InstanceProfileName="builder")
    lab.apply("""
  user_data_file       = "init"
  ebs_optimized        = true
  enable_unlimited_credits = true
  iam_instance_profile = "builder"
  shutdown_behavior    = "terminate"
  associate_public_ip_address = false
  capacity_reservation_preference = "open"
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
    instance_metadata_tags      = "enabled"
  }
  placement {
    tenancy = "dedicated"
  }
  license_specifications {
    license_configuration_request {
      license_configuration_arn = "arn:aws:license-manager:eu-central-1:1:license-configuration:lic-1"
    }
  }
  launch_block_device_mappings {
    device_name = "/dev/sdb"
    volume_size = 20
    volume_type = "gp3"
    iops        = 4000
    throughput  = 250
    encrypted   = true
  }
  launch_block_device_mappings {
    device_name           = "/dev/sdc"
    volume_size           = 1
    delete_on_termination = true
  }
  ami_block_device_mappings {
    device_name = "/dev/sde"
    no_device   = true
  }
""")
    asked = lab.aws.asked("RunInstances")
    disks = {disk["DeviceName"]: disk for disk in asked.pop("BlockDeviceMappings")}
    assert disks["/dev/sdb"]["Ebs"] == {
        "DeleteOnTermination": False, "VolumeSize": 20, "VolumeType": "gp3", "Iops": 4000, "Throughput": 250,
        "Encrypted": True,
    }  # fmt: skip
    assert b64decode(asked["UserData"]) == b"\x1f\x8b not text"
    assert {name: asked[name] for name in EXPECTED} == EXPECTED
    (card,) = asked["NetworkInterfaces"]
    assert card["AssociatePublicIpAddress"] is False
    assert card["SubnetId"] == lab.network.subnet
    assert lab.aws.asked("CreateImage")["BlockDeviceMappings"] == [{"DeviceName": "/dev/sde", "NoDevice": ""}]
    # The disk that outlives its instance is gone, too.
    assert "volume" not in lab.aws.left()


EXPECTED = {
    "EbsOptimized": True, "CreditSpecification": {"CpuCredits": "unlimited"},
    "IamInstanceProfile": {"Name": "builder"}, "InstanceInitiatedShutdownBehavior": "terminate",
    "CapacityReservationSpecification": {"CapacityReservationPreference": "open"},
    "MetadataOptions": {
        "HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 2,
        "InstanceMetadataTags": "enabled",
    },
    "Placement": {"Tenancy": "dedicated"},
    "LicenseSpecifications": [
        {"LicenseConfigurationArn": "arn:aws:license-manager:eu-central-1:1:license-configuration:lic-1"}
    ],
}  # fmt: skip


@pytest.mark.slow
def test_a_profile_made_for_the_build(lab: Lab) -> None:
    lab.apply("""
  temporary_iam_instance_profile_policy_document {
    Statement {
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["*"]
    }
  }
""")
    profile = lab.aws.asked("CreateInstanceProfile")["InstanceProfileName"]
    assert lab.aws.asked("RunInstances")["IamInstanceProfile"] == {"Name": profile}
    assert json.loads(lab.aws.asked("PutRolePolicy")["PolicyDocument"]) == {
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["*"]}],
    }  # fmt: skip
    assert lab.aws.left().keys() == {"image", "snapshot"}
    assert lab.aws.client("iam").list_instance_profiles()["InstanceProfiles"] == []


@pytest.mark.slow
def test_a_profile_that_is_not_there(lab: Lab) -> None:
    said = lab.refused('iam_instance_profile = "missing"')
    assert 'The instance profile "missing" cannot be used.' in said
    assert "skip_profile_validation" in said
    assert nothing_left(lab)


def test_a_spot_instance(lab: Lab) -> None:
    """moto gives instances of a fleet another address than the template says."""
    lab.apply(
        """
  ssh_host   = "127.0.0.1"
  spot_price = "auto"
  spot_tags  = { For = "{{ .SourceAMI }}" }
  fleet_tags = { Fleet = "one" }
  user_data  = "#!/bin/sh"
  spot_allocation_strategy = "capacity-optimized"
""",
        size='spot_instance_types = ["t3.micro", "t3.small"]',
    )
    run = lab.aws.asked("CreateFleet")["TagSpecifications"][0]["Tags"][-1]["Value"]
    assert tags_of(lab.aws.asked("CreateFleet")) == {"fleet": {"Fleet": "one", RUN_TAG: run}}
    data = lab.aws.asked("CreateLaunchTemplate")["LaunchTemplateData"]
    assert data["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert tags_of(data)["spot-instances-request"] == {"For": DEBIAN, RUN_TAG: run}
    assert b64decode(data["UserData"]) == b"#!/bin/sh"
    assert lab.aws.calls("StopInstances") == []
    assert lab.aws.left().keys() == {"image", "snapshot"}


# -- network ------------------------------------------------------------------


GROUP_FILTER = """
  skip_create_ami = true
  security_group_filter {
    filters = { group-name = "ours" }
  }
"""
VPC_FILTER = """
  vpc_filter {
    filters = { "tag:Class" = "build" }
  }
"""
SUBNET_FILTER = """
  subnet_filter {
    filter {
      name  = "tag:Class"
      value = "build"
    }
    most_free = true
  }
"""


@pytest.mark.slow
def test_network_and_groups_chosen_by_filters(lab: Lab) -> None:
    ec2, vpc = lab.ec2(), lab.network.vpc
    ec2.create_tags(Resources=[vpc, lab.network.subnet], Tags=[{"Key": "Class", "Value": "build"}])
    group = ec2.create_security_group(GroupName="ours", Description="ours", VpcId=vpc)["GroupId"]
    template = lab.source(GROUP_FILTER)
    template = template.replace(f'vpc_id        = "{vpc}"', VPC_FILTER)
    template = template.replace(f'subnet_id     = "{lab.network.subnet}"', SUBNET_FILTER)
    lab.write(template + BUILD)
    done = lab.run("apply")
    assert done.returncode == 0, done.stdout + done.stderr
    asked = lab.aws.asked("RunInstances")
    assert (asked["SubnetId"], asked["SecurityGroupIds"]) == (lab.network.subnet, [group])
    assert lab.aws.calls("CreateSecurityGroup")[1:] == []


@pytest.mark.slow
def test_who_reaches_the_instance(lab: Lab) -> None:
    lab.apply('skip_create_ami = true\n  temporary_security_group_source_cidrs = ["10.0.0.0/8", "fd00::/8"]')
    (rule,) = lab.aws.asked("AuthorizeSecurityGroupIngress")["IpPermissions"]
    assert rule == {
        "IpProtocol": "tcp", "FromPort": lab.sshd.port, "ToPort": lab.sshd.port,
        "IpRanges": [{"CidrIp": "10.0.0.0/8"}], "Ipv6Ranges": [{"CidrIpv6": "fd00::/8"}],
    }  # fmt: skip


# -- keys ---------------------------------------------------------------------


@pytest.mark.slow
def test_key_pairs_of_other_kinds(lab: Lab) -> None:
    lab.apply('skip_create_ami = true\n  temporary_key_pair_type = "ed25519"')
    assert lab.aws.asked("CreateKeyPair")["KeyType"] == "ed25519"
    lab.apply("skip_create_ami = true\n  temporary_key_pair_bits = 2048")
    assert lab.aws.asked("ImportKeyPair")["KeyName"].startswith("hclimg-")
    assert nothing_left(lab)


@pytest.mark.slow
def test_a_key_pair_of_the_account(lab: Lab) -> None:
    lab.ec2().import_key_pair(KeyName="ours", PublicKeyMaterial=lab.sshd.key.public.encode())
    lab.apply(f'skip_create_ami = true\n  ssh_keypair_name = "ours"\n  ssh_private_key_file = "{lab.sshd.key_file}"')
    assert lab.aws.asked("RunInstances")["KeyName"] == "ours"
    assert lab.aws.left() == {"key-pair": ["ours"]}


# -- provisioners -------------------------------------------------------------


@pytest.mark.slow
def test_what_provisioners_know(lab: Lab) -> None:
    said = lab.apply(
        "skip_create_ami = true",
        build="""
build {
  sources = ["source.amazon-ebs.web"]

  provisioner "shell" {
    inline = ["echo it is ${build.ID} of ${build.SourceAMI} in ${build.BuildRegion}, ${build.SourceAMIName}"]
  }
}
""",
    )
    instance = lab.instance()["InstanceId"]
    assert f"it is {instance} of {DEBIAN} in {REGION}, debian-12-amd64-20260101-1" in said
    assert "No image was made (skip_create_ami)." in said


@pytest.mark.slow
def test_an_instance_that_stops_by_itself(lab: Lab) -> None:
    stop = f"import boto3, sys; boto3.client('ec2', '{REGION}').stop_instances(InstanceIds=sys.argv[1:])"
    lab.apply(
        "disable_stop_instance = true",
        build=f"""
build {{
  sources = ["source.amazon-ebs.web"]

  provisioner "shell-local" {{
    inline = ["{sys.executable} -c \\"{stop}\\" ${{build.ID}}"]
  }}
}}
""",
    )
    assert len(lab.aws.calls("StopInstances")) == 1
    assert lab.image()["Name"] == "web"


# -- failures -----------------------------------------------------------------


@pytest.mark.slow
def test_a_provisioner_that_fails_leaves_nothing(lab: Lab) -> None:
    build = 'build {\n  sources = ["source.amazon-ebs.web"]\n  provisioner "shell" {\n    inline = ["exit 3"]\n  }\n}\n'
    said = lab.refused(build=build)
    assert "exit code 3" in said
    assert nothing_left(lab)


def test_a_refusal_after_the_image_was_made_leaves_nothing(lab: Lab) -> None:
    said = lab.refused('ami_regions = ["us-east-1"]\n  fast_launch {\n    template_name = "missing"\n  }')
    assert "AWS refuses DescribeLaunchTemplates in eu-central-1: InvalidLaunchTemplateName.NotFoundException" in said
    assert nothing_left(lab, REGION, "us-east-1")


@pytest.mark.slow
def test_an_instance_that_nobody_reaches_leaves_nothing(lab: Lab) -> None:
    """moto has the same console for every instance."""
    lab.sshd.stop()
    said = lab.refused('ssh_timeout = "1s"')
    assert "127.0.1.4" in said
    assert "console: Linux version 2.6.16-xenU" in said
    assert nothing_left(lab)


@pytest.mark.slow
def test_an_instance_that_ends_before_anybody_is_in(lab: Lab) -> None:
    lab.sshd.stop()
    lab.write(lab.source('ssh_timeout = "30s"') + BUILD)
    with lab.started("apply") as process:
        while not lab.aws.calls("DescribeInstances"):
            time.sleep(0.02)
        lab.ec2().terminate_instances(InstanceIds=[lab.instance()["InstanceId"]])
        said, _ = process.communicate()
    assert process.returncode == 1
    assert "is terminated: Client.UserInitiatedShutdown" in " ".join(said.split())


@pytest.mark.slow
def test_an_instance_that_ends_while_it_is_provisioned(lab: Lab) -> None:
    """As spare capacity does that is taken away."""
    lab.write(lab.source() + BUILD.replace("echo provisioned > $HOME/provisioned", "touch $HOME/in; sleep 60"))
    with lab.started("apply") as process:
        while not (lab.sshd.home / "in").exists():
            time.sleep(0.02)
        lab.ec2().terminate_instances(InstanceIds=[lab.instance()["InstanceId"]])
        lab.sshd.stop()
        process.communicate()
        (log,) = (lab.folder / "home").rglob("logs/amazon-ebs.web.log")
    assert process.returncode == 1
    assert "is terminated: Client.UserInitiatedShutdown" in log.read_text()
    assert nothing_left(lab)
