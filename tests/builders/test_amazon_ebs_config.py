"""The settings of amazon-ebs: Packer's keys, and what is told of mistakes before anything runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hclimg.builders.aws.ebs.builder import EbsBuilder
from hclimg.builders.aws.ebs.config import EbsConfig
from hclimg.builders.aws.settings.devices import launch_mappings
from hclimg.config.schema import schema_of
from hclimg.sdk.testing import HEAVY, component, decoded

ROOT = Path(__file__).resolve().parents[2]

PACKER = """
access_key assume_role custom_endpoint_ec2 shared_credentials_file decode_authorization_messages
insecure_skip_tls_verify max_retries mfa_code profile region secret_key skip_metadata_api_check
skip_credential_validation token vault_aws_engine aws_polling ami_name ami_description ami_virtualization_type
ami_users ami_groups ami_org_arns ami_ou_arns ami_product_codes ami_regions skip_region_validation
snapshot_copy_duration_minutes tags tag ena_support sriov_support force_deregister force_delete_snapshot encrypt_boot
kms_key_id region_kms_key_ids skip_save_build_region imds_support deprecate_at snapshot_tags snapshot_tag
snapshot_users snapshot_groups deregistration_protection associate_public_ip_address availability_zone
block_duration_minutes capacity_reservation_preference capacity_reservation_id capacity_reservation_group_arn
disable_stop_instance ebs_optimized enable_nitro_enclave enable_t2_unlimited enable_unlimited_credits
iam_instance_profile fleet_tags fleet_tag skip_profile_validation temporary_iam_instance_profile_policy_document
shutdown_behavior instance_type security_group_filter run_tags run_tag security_group_id security_group_ids source_ami
source_ami_filter spot_allocation_strategy spot_instance_types spot_price spot_price_auto_product spot_tags spot_tag
subnet_filter subnet_id license_specifications placement tenancy temporary_security_group_source_cidrs
temporary_security_group_source_public_ip user_data user_data_file vpc_filter vpc_id windows_password_timeout
metadata_options ssh_interface pause_before_ssm session_manager_port skip_create_ami skip_ami_run_tags
ami_block_device_mappings launch_block_device_mappings run_volume_tags run_volume_tag no_ephemeral fast_launch
"""

LEAST = {
    "ami_name": '"web"',
    "region": '"eu-central-1"',
    "source_ami": '"ami-0123abcd"',
    "instance_type": '"t3.micro"',
    "ssh_username": '"admin"',
}


def template(text: str = "", without: str = "") -> str:
    """The least that a template says, and more."""
    own = {line.split("=")[0].strip() for line in text.splitlines()}
    lines = [f"{name} = {value}" for name, value in LEAST.items() if name not in {*own, *without.split()}]
    return "\n".join([text, *lines])


def test_every_key_of_packer_is_known() -> None:
    keys = set(PACKER.split())
    assert len(keys) == 99
    assert keys <= schema_of(EbsConfig).names.keys()


def test_the_least() -> None:
    config = component(EbsBuilder, template()).config
    assert config.run.metadata_options.options() == {
        "HttpEndpoint": "enabled", "HttpTokens": "optional", "HttpPutResponseHopLimit": 1,
    }  # fmt: skip
    assert config.run.network.cidrs == ("0.0.0.0/0",)
    assert not config.ami.copied


DISK = 'launch_block_device_mappings {\n  device_name = "a"\n  '
MISTAKES = [
    ("ami_name", 'ami_name = "a"', "from 3 to 128"),
    ("ami_name", 'ami_name = "web:1 #2"', 'cannot contain ":#"'),
    ("ami_name", 'ami_name = "web:1 #2"', 'Write "web-1 -2"'),
    ("source_ami", 'source_ami = "debian"', "ami-0123456789abcdef0"),
    ("filter", "source_ami_filter {\n  filters = { name = \"x\" }\n}", '"owners" of "source_ami_filter" is required'),
    ("types", 'spot_price = "auto"\nspot_instance_types = ["t3.small"]\ninstance_type = "t3.micro"', "Only one of"),
    ("spot", 'spot_instance_types = ["t3.small"]', 'set "spot_price" to "auto"'),
    ("spot", "spot_tags = { a = \"b\" }", 'set "spot_price" to "auto"'),
    ("spot", 'spot_price = "cheap"', "neither a price"),
    ("spot", 'spot_price = "auto"\nena_support = true', "A spot instance cannot be modified"),
    ("spot", 'spot_price = "auto"\nblock_duration_minutes = 90', "multiple of 60"),
    ("keys", 'ssh_keypair_name = "ours"', '"ssh_private_key_file"'),
    ("keys", 'temporary_key_pair_type = "ecdsa"', "rsa and ed25519"),
    ("user data", 'user_data = "a"\nuser_data_file = "b"', "Only one of"),
    ("user data", 'user_data_file = "missing"', "does not exist"),
    ("network", 'vpc_id = "mine"', "vpc-0123abcd"),
    ("network", 'security_group_id = "sg-1"\nsecurity_group_ids = ["sg-2"]', "Only one of"),
    ("network", 'temporary_security_group_source_cidrs = ["10.0.0.1/8"]', "has host bits set"),
    ("regions", 'ami_regions = ["Frankfurt"]', "does not look like a region"),
    ("regions", 'skip_save_build_region = true', "leaves no image at all"),
    ("regions", "snapshot_copy_duration_minutes = 20", "steps of 15"),
    ("keys of KMS", 'kms_key_id = "alias/build"', '"encrypt_boot" must be true'),
    ("keys of KMS", 'encrypt_boot = true\nkms_key_id = "the key"', "not the id, alias"),
    ("keys of KMS", 'encrypt_boot = true\nami_users = ["123456789012"]', "default key"),
    (
        "keys of KMS",
        'encrypt_boot = true\nami_regions = ["us-east-1"]\nregion_kms_key_ids = { us-west-2 = "alias/a" }',
        "has a key for us-west-2, which is not in",
    ),
    ("sharing", 'ami_users = ["me"]', "12 digits"),
    ("sharing", 'ami_org_arns = ["o-1"]', "not the ARN of an organization"),
    ("sharing", 'encrypt_boot = true\nami_groups = ["all"]', "cannot be public"),
    ("time", 'deprecate_at = "tomorrow"', "RFC 3339"),
    ("time", 'deprecate_at = "2020-01-01T00:00:00Z"', "has passed"),
    ("session", 'ssh_interface = "session_manager"', "AmazonSSMManagedInstanceCore"),
    ("session", 'ssh_interface = "public"', "is not one of"),
    ("credits", 'enable_unlimited_credits = true\ninstance_type = "m5.large"', "m5.large does not"),
    ("enclave", "enable_nitro_enclave = true", "cannot have Nitro enclaves"),
    ("host", "placement {\n  host_id = \"h-1\"\n  tenancy = \"default\"\n}", 'can only be "host"'),
    ("capacity", 'capacity_reservation_id = "cr-1"\ncapacity_reservation_preference = "open"', "no preference"),
    ("metadata", "metadata_options {\n  http_put_response_hop_limit = 65\n}", "1 to 64"),
    ("disk", "launch_block_device_mappings {\n  device_name = \"\"\n}", '"device_name" is required'),
    ("disk", DISK + 'volume_type = "io1"\n  volume_size = 10\n  iops = 600\n}', "500 for 10 GiB"),
    ("disk", DISK + 'volume_type = "gp3"\n  throughput = 2000\n}', "from 125 to 1000"),
    ("disk", DISK + "throughput = 200\n}", "is for gp3 volumes"),
    ("disk", DISK + "iops = 200\n}", "is for volumes of the types"),
    ("disk", DISK + 'encrypted = false\n  kms_key_id = "alias/a"\n}', 'but "encrypted" is false'),
    ("disk", f"{DISK}}}\n{DISK}}}", 'two devices called "a"'),
    ("disk", 'ami_block_device_mappings {\n  device_name = "a"\n  kms_key_id = "alias/a"\n}', "launch_block_device"),
    ("tags", 'tags = { "aws:x" = "y" }', "is for AWS itself"),
    ("policy", "temporary_iam_instance_profile_policy_document {}", "at least one Statement"),
    ("fast launch", "fast_launch {\n  max_parallel_launches = 2\n}", "at least 6"),
    ("fast launch", "fast_launch {\n  template_version = 2\n}", "is of a launch template"),
    ("communicator", 'communicator = "docker"', "cannot use the communicator"),
]


@pytest.mark.parametrize(("about", "text", "told"), MISTAKES)
def test_mistakes(about: str, text: str, told: str) -> None:
    without = "source_ami" if about == "filter" else ""
    config, problems = decoded(EbsConfig, template(text, without))
    assert config is None
    assert any(told in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("without", "told"),
    [("ami_name", '"ami_name" is required'), ("source_ami", '"source_ami_filter" is required'),
     ("instance_type", '"instance_type" is required'), ("ssh_username", '"ssh_username" is required')],
)  # fmt: skip
def test_what_is_missing(without: str, told: str) -> None:
    _, problems = decoded(EbsConfig, template(without=without))
    assert len(problems) == 1
    assert told in problems[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('enable_t2_unlimited = true', "write enable_unlimited_credits instead"),
        ('force_delete_snapshot = true', "has no effect unless"),
        ('spot_price_auto_product = "Linux/UNIX"', "EC2 knows"),
        ('tenancy = "dedicated"', "write placement"),
        ('pause_before_ssm = "5s"', "has no effect unless"),
        ('security_group_id = "sg-1"\ntemporary_security_group_source_cidrs = ["10.0.0.0/8"]', "none is made"),
    ],
)  # fmt: skip
def test_what_has_no_effect_is_told(text: str, told: str) -> None:
    config, problems = decoded(EbsConfig, template(text))
    assert config is not None
    assert any(told in problem for problem in problems), problems


def test_what_is_not_known_yet_is_no_mistake() -> None:
    text = "ami_name = later\nsource_ami = later\ninstance_type = later\nami_regions = [later]\ndeprecate_at = later"
    config, problems = decoded(EbsConfig, template(text))
    assert config is not None
    assert problems == []


def test_devices_without_a_volume() -> None:
    """moto wants a volume of every device, so what EC2 is told is looked at here."""
    text = """
launch_block_device_mappings {
  device_name  = "/dev/sdd"
  virtual_name = "ephemeral0"
}
launch_block_device_mappings {
  device_name = "/dev/sde"
  no_device   = true
}
no_ephemeral = true
"""
    config = component(EbsBuilder, template(text)).config
    mappings = launch_mappings(config.launch_block_device_mappings, no_ephemeral=config.no_ephemeral)
    assert mappings[:2] == [
        {"DeviceName": "/dev/sdd", "VirtualName": "ephemeral0"}, {"DeviceName": "/dev/sde", "NoDevice": ""},
    ]  # fmt: skip
    assert [mapping["DeviceName"] for mapping in mappings[2:]] == [f"xvdc{c}" for c in "abcdefghijklmnopqrstuvwxyz"]


def test_validate_imports_no_sdk(tmp_path: Path) -> None:
    source = f'source "amazon-ebs" "web" {{\n{template()}\n}}\nbuild {{\n  sources = ["source.amazon-ebs.web"]\n}}\n'
    (tmp_path / "web.pkr.hcl").write_text(source)
    code = (
        "import sys\nfrom hclimg.cli.main import run\n"
        "status = run(['validate', 'web.pkr.hcl'])\n"
        f"print(status, sorted({{m.split('.')[0] for m in sys.modules}} & {{'botocore', *{HEAVY!r}}} - {{'rich'}}))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 []", done.stdout + done.stderr


def test_many_mistakes_in_one_template(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    (tmp_path / "web.pkr.hcl").write_text(MANY)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    command = [sys.executable, "-m", "hclimg", "validate", "web.pkr.hcl"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    golden("amazon-ebs-mistakes.txt", done.stdout + done.stderr)


MANY = """\
source "amazon-ebs" "web" {
  ami_name     = "web:latest"
  region       = "eu-central-1"
  ssh_username = "admin"

  source_ami_filter {
    filters = { name = "debian-12-*" }
    most_recent = true
  }

  launch_block_device_mappings {
    device_name = "/dev/sdb"
  }
  launch_block_device_mappings {
    device_name = "/dev/sdb"
  }

  spot_tags  = { Team = "web" }
  kms_key_id = "alias/build"
}

build {
  sources = ["source.amazon-ebs.web"]
}
"""
