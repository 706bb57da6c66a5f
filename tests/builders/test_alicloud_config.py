"""The settings of alicloud-ecs: Packer's keys, defaults and rules; who asks Alibaba Cloud."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from hclimg.builders.alicloud.builder import AlicloudEcsBuilder
from hclimg.builders.alicloud.config import AlicloudEcsConfig
from hclimg.builders.alicloud.network import free_part
from hclimg.builders.alicloud.password import password_of, random_password
from hclimg.cli.main import run
from hclimg.clouds.alicloud.access import AlicloudAccess
from hclimg.clouds.alicloud.login import AccessProblem, find_login, find_region
from hclimg.communicators.config import CommunicatorConfig
from hclimg.config.schema import schema_of
from hclimg.redaction import HIDDEN
from hclimg.sdk.testing import component, decoded
from servers.recording import Recording

ROOT = Path(__file__).resolve().parents[2]

PACKER = {
    "access_key", "secret_key", "region", "ram_role_name", "ram_role_arn", "ram_session_name",
    "skip_region_validation", "skip_image_validation", "profile", "shared_credentials_file", "security_token",
    "custom_endpoint_ecs", "image_name", "image_version", "image_description", "resource_group_id",
    "image_share_account", "image_unshare_account", "image_copy_regions", "image_copy_names", "image_encrypted",
    "image_force_delete", "image_force_delete_snapshots", "image_force_delete_instances", "image_ignore_data_disks",
    "tags", "tag", "system_disk_mapping", "image_disk_mappings", "target_image_family", "boot_mode",
    "kms_key_copy_ids", "kms_key_id", "associate_public_ip_address", "zone_id", "io_optimized", "instance_type",
    "description", "source_image", "image_family", "force_stop_instance", "disable_stop_instance",
    "ecs_ram_role_name", "run_tags", "security_group_id", "security_group_name", "security_enhancement_strategy",
    "user_data", "user_data_file", "vpc_id", "vpc_name", "vpc_cidr_block", "vswitch_id", "vswitch_name", "eip_id",
    "instance_name", "internet_charge_type", "internet_max_bandwidth_out", "wait_snapshot_ready_timeout",
    "wait_copying_image_ready_timeout", "ssh_private_ip", "skip_create_image",
}  # fmt: skip
DISK = {
    "disk_name", "disk_category", "disk_size", "disk_snapshot_id", "disk_description", "disk_delete_with_instance",
    "disk_device", "disk_encrypted",
}  # fmt: skip

LEAST = (
    'access_key = "k"\nsecret_key = "s"\nregion = "cn-beijing"\nimage_name = "web"\nsource_image = "m-1"\n'
    'instance_type = "ecs.n1.tiny"\nssh_username = "root"\n'
)


def accepted(text: str = "", base: str = LEAST) -> AlicloudEcsConfig:
    return component(AlicloudEcsBuilder, base + text).config


def problems(text: str, base: str = LEAST) -> list[str]:
    return decoded(AlicloudEcsConfig, base + text)[1]


def test_every_key_of_packer_is_known() -> None:
    schema = schema_of(AlicloudEcsConfig)
    assert len(PACKER) == 62
    assert PACKER - set(schema.names) == set()
    for name in ("system_disk_mapping", "image_disk_mappings"):
        assert set(schema_of(schema.settings[name].element).names) == DISK


def test_defaults_are_packers() -> None:
    config = accepted()
    assert config.makes_key_pair
    assert config.in_vpc
    assert config.network.wants_address
    assert config.snapshot_timeout.total_seconds() == 3600
    assert config.image.copy_timeout.total_seconds() == 3600
    assert config.io_optimized is None


@pytest.mark.parametrize(
    ("text", "vpc", "key", "address"),
    [
        ('ssh_password = "Secret-1"', False, False, True),
        ('ssh_password = "Secret-1"\nuser_data = "x"', True, False, True),
        ('ssh_password = "Secret-1"\nvswitch_id = "vsw-1"', True, False, True),
        ('ssh_password = "Secret-1"\ntemporary_key_pair_name = "mine"', True, True, True),
        ("ssh_agent_auth = true", True, False, True),
        ("ssh_private_ip = true", True, True, False),
        ("ssh_private_ip = true\nassociate_public_ip_address = true", True, True, True),
        ('ssh_private_ip = true\neip_id = "eip-1"', True, True, True),
        ("associate_public_ip_address = false", True, True, False),
        ('communicator = "none"', True, False, True),
    ],
)
def test_what_an_instance_needs(text: str, vpc: bool, key: bool, address: bool) -> None:
    config = accepted(text)
    assert (config.in_vpc, config.makes_key_pair, config.network.wants_address) == (vpc, key, address)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('image_family = "acs:x"', '"source_image" and "image_family" can be set'),
        ('user_data = "a"\nuser_data_file = "/dev/null"', "Only one of"),
        ('user_data_file = "/nowhere/at/all"', "does not exist"),
        (f'user_data = "{"x" * 33000}"', "at most 32 KiB"),
        ('ssh_keypair_name = "mine"', "needs its private key"),
        ('ssh_keypair_name = "mine"\nssh_agent_auth = true\ntemporary_key_pair_name = "x"', "has one key pair"),
        ('image_copy_regions = ["cn-hangzhuo"]', 'no region "cn-hangzhuo". Did you mean "cn-hangzhou"?'),
        ('zone_id = "cn-hangzhou-a"', 'not in the region "cn-beijing"'),
        ("disable_stop_instance = true\nforce_stop_instance = true", "disable_stop_instance is true"),
        ("wait_snapshot_ready_timeout = -1", "negative"),
        ("wait_copying_image_ready_timeout = -1", "negative"),
        ('kms_key_id = "k"', "set image_encrypted = true"),
        ('kms_key_copy_ids = ["k"]\nimage_copy_regions = ["cn-hangzhou"]', "set image_encrypted = true"),
        ('image_copy_names = ["a1", "b1"]\nimage_copy_regions = ["cn-hangzhou"]', "has 2 elements for the 1"),
        ('image_share_account = ["1"]\nimage_unshare_account = ["1"]', "in both"),
        ('tags = { "acs:x" = "y" }', "cannot be the key of a tag"),
        ('boot_mode = "uefi"', 'Did you mean "UEFI"?'),
        ('internet_charge_type = "Traffic"', "is not one of"),
        ("internet_max_bandwidth_out = 500", "from 1 to 200"),
        ('vpc_cidr_block = "172.16.0.1/16"', "is not a block of IPv4 addresses"),
        ('vpc_cidr_block = "172.16.0.0/30"', "from /8 to /28"),
        ('vpc_id = "vpc-1"\nvpc_name = "x1"', '"vpc_id" names one that exists'),
        ('eip_id = "eip-1"\nassociate_public_ip_address = false', "associate_public_ip_address is false"),
        ('system_disk_mapping { disk_category = "cloud_sdd" }', 'Did you mean "cloud_ssd"?'),
        ("system_disk_mapping { disk_size = 10 }", "at least 20 GiB"),
        ("system_disk_mapping { disk_encrypted = true }", "CreateInstance cannot encrypt"),
        ('image_disk_mappings { disk_name = "http://x" }', "does not begin with http://"),
        ("image_disk_mappings { disk_size = -1 }", "A disk has 1 to 65536 GiB"),
        ('ram_role_name = "r"', "leave the others out"),
        ('ram_role_arn = "images"', "is not the ARN of a role"),
        ('ram_role_arn = "acs:ram::1:role/x"\nram_session_name = "a b"', "2 to 64 letters"),
        ('custom_endpoint_ecs = "ftp://x/y"', "is not the name of a host"),
        ('security_enhancement_strategy = "Inactive"', "is not one of"),
        (f'description = "{"x" * 257}"', "at most 256 characters"),
        (f'image_version = "{"x" * 41}"', "at most 40 characters"),
        ('communicator = "docker"', "cannot use the communicator"),
    ],
)
def test_mistakes(text: str, words: str) -> None:
    found = problems(text)
    assert len(found) == 1, found
    assert words in found[0]


@pytest.mark.parametrize("name", ["x", "1web", "my web", "acs:web", "aliyun-web", "http://web", "x" * 129])
def test_names_that_the_api_refuses(name: str) -> None:
    base = LEAST.replace('"web"', json.dumps(name))
    assert [
        f"4: Invalid name; {json.dumps(name)} cannot be the name of an image" in text for text in problems("", base)
    ] == [True]


@pytest.mark.parametrize("name", ["web-1.0", "镜像", "Web_2"])
def test_names_that_the_api_accepts(name: str) -> None:
    assert accepted(base=LEAST.replace('"web"', json.dumps(name))).image.image_name == name


def test_copies() -> None:
    config = accepted(
        'image_copy_regions = ["cn-hangzhou", "cn-beijing", "us-west-1"]\nimage_copy_names = ["a1", "b1"]'
    )
    assert [(wish.region, wish.name) for wish in config.image.copies("cn-beijing")] == [
        ("cn-hangzhou", "a1"),
        ("us-west-1", ""),
    ]


def test_disks_of_the_build_go_with_it_unless_told() -> None:
    config = accepted(
        "image_disk_mappings { disk_size = 20 }\nimage_disk_mappings { disk_delete_with_instance = false }"
    )
    assert [disk.data_request["DeleteWithInstance"] for disk in config.disks.image_disk_mappings] == [True, False]
    assert config.disks.staying == 1


def test_passwords_of_windows_are_as_the_api_wants_them() -> None:
    passwords = {random_password() for _ in range(20)}
    assert len(passwords) == 20
    for password in passwords:
        assert 8 <= len(password) <= 30
        assert any(c.islower() for c in password)
        assert any(c.isupper() for c in password)
        assert any(c.isdigit() for c in password)


def test_a_random_password_is_never_shown(recorded: Callable[..., Recording]) -> None:
    ctx = recorded().ctx
    password = password_of(ctx, CommunicatorConfig(communicator="winrm", winrm_username="Administrator"))
    assert password
    assert ctx.redact.text(f"refused: {password.reveal()}") == f"refused: {HIDDEN}"


def test_a_relative_credentials_file_is_found_from_elsewhere() -> None:
    kept = AlicloudAccess(region="cn-beijing", shared_credentials_file="keys.json").identity
    assert kept["credentials_file"] == str(Path("keys.json").absolute())


def test_a_vswitch_takes_addresses_that_are_free() -> None:
    from ipaddress import IPv4Network

    block = IPv4Network("10.0.0.0/22")
    taken = [IPv4Network("10.0.0.0/24"), IPv4Network("10.0.1.128/25")]
    assert free_part(block, taken) == IPv4Network("10.0.2.0/24")
    assert free_part(block, [block]) is None
    assert free_part(IPv4Network("10.0.0.0/26"), []) == IPv4Network("10.0.0.0/26")


# -- who asks -----------------------------------------------------------------------


class Given:
    """Settings, of which only some are set."""

    def __init__(self, **given: str) -> None:
        from hclimg.units import Secret

        for name in ("access_key", "secret_key", "security_token"):
            setattr(self, name, Secret(given.get(name, "")))
        for name in (
            "region",
            "profile",
            "shared_credentials_file",
            "ram_role_name",
            "ram_role_arn",
            "ram_session_name",
        ):
            setattr(self, name, given.get(name, ""))


PROFILES = [
    {"name": "keys", "mode": "AK", "access_key_id": "pk", "access_key_secret": "ps", "region_id": "eu-central-1"},
    {"name": "sts", "mode": "StsToken", "access_key_id": "pk", "access_key_secret": "ps", "sts_token": "pt"},
    {"name": "role", "mode": "RamRoleArn", "access_key_id": "pk", "access_key_secret": "ps",
     "ram_role_arn": "acs:ram::1:role/x", "ram_session_name": "me"},
    {"name": "machine", "mode": "EcsRamRole", "ram_role_name": "builder"},
    {"name": "both", "mode": "RamRoleArnWithEcs", "ram_role_name": "builder", "ram_role_arn": "acs:ram::1:role/x"},
    {"name": "browser", "mode": "CloudSSO"},
    {"name": "half", "mode": "AK", "access_key_id": "pk"},
]  # fmt: skip


@pytest.fixture
def profiles(tmp_path: Path) -> str:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"current": "keys", "profiles": PROFILES}))
    return str(file)


KEYS = {"ALICLOUD_ACCESS_KEY": "ek", "ALICLOUD_SECRET_KEY": "es"}


@pytest.mark.parametrize(
    ("given", "environ", "found"),
    [
        ({"access_key": "k", "secret_key": "s"}, KEYS, ("k", "s", "", "", "")),
        ({"access_key": "k", "secret_key": "s", "security_token": "t"}, {}, ("k", "s", "t", "", "")),
        ({"access_key": "k"}, {"ALICLOUD_SECRET_KEY": "es", "SECURITY_TOKEN": "et"}, ("k", "es", "et", "", "")),
        ({}, KEYS, ("ek", "es", "", "", "")),
        ({}, {**KEYS, "ALICLOUD_PROFILE": "sts"}, ("ek", "es", "", "", "")),
        ({}, {"ALIBABA_CLOUD_ACCESS_KEY_ID": "ek", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "es"}, ("ek", "es", "", "", "")),
        ({}, {"ALICLOUD_PROFILE": "sts"}, ("pk", "ps", "pt", "", "")),
        ({"profile": "keys"}, KEYS, ("pk", "ps", "", "", "")),
        ({"profile": "role"}, {}, ("pk", "ps", "", "", "acs:ram::1:role/x")),
        ({"profile": "machine"}, {}, ("", "", "", "builder", "")),
        ({"profile": "both"}, {}, ("", "", "", "builder", "acs:ram::1:role/x")),
        ({"ram_role_name": "r"}, KEYS, ("", "", "", "r", "")),
        ({"ram_role_arn": "acs:ram::2:role/y"}, KEYS, ("ek", "es", "", "", "acs:ram::2:role/y")),
    ],
)
def test_credentials(
    given: Mapping[str, str], environ: Mapping[str, str], found: tuple[str, ...], profiles: str
) -> None:
    login = find_login(Given(**given, shared_credentials_file=profiles), environ)
    assert (
        login.access_key, login.secret_key.reveal(), login.token.reveal(), login.instance_role, login.role
    ) == found  # fmt: skip


def test_the_region_comes_from_the_setting_the_environment_or_the_profile(profiles: str) -> None:
    environ = {"ALICLOUD_REGION": "us-west-1"}
    given = {"profile": "keys", "shared_credentials_file": profiles}
    assert find_region(Given(**given, region="cn-beijing"), environ) == "cn-beijing"
    assert find_region(Given(**given), environ) == "us-west-1"
    assert find_region(Given(**given), {}) == "eu-central-1"
    assert find_region(Given(), {}) == ""


@pytest.mark.parametrize(
    ("given", "environ", "words"),
    [
        ({}, {}, 'Set "access_key" and "secret_key"'),
        ({"access_key": "k"}, {}, 'neither "secret_key" nor the environment variable ALICLOUD_SECRET_KEY is'),
        ({"secret_key": "s"}, {}, 'neither "access_key" nor'),
        ({"profile": "kyes"}, {}, 'Did you mean "keys"?'),
        ({"profile": "browser"}, {}, 'the mode "CloudSSO", which hclimg cannot use'),
        ({"profile": "half"}, {}, 'the mode "AK" but no access_key_secret'),
    ],
)
def test_credentials_that_are_missing(
    given: Mapping[str, str], environ: Mapping[str, str], words: str, profiles: str
) -> None:
    with pytest.raises(AccessProblem) as problem:
        find_login(Given(**given, shared_credentials_file=profiles), environ)
    assert words in problem.value.detail


@pytest.mark.parametrize("text", ["", "[]", '{"profiles": [{"mode": "AK"}]}', '{"profiles": 1}'])
def test_a_file_that_has_no_profiles(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(text)
    with pytest.raises(AccessProblem) as problem:
        find_login(Given(profile="x", shared_credentials_file=str(file)), {})
    assert "is not a file of profiles" in problem.value.detail
    with pytest.raises(AccessProblem) as problem:
        find_login(Given(profile="x", shared_credentials_file=str(tmp_path / "none.json")), {})
    assert "does not exist" in problem.value.detail


# -- through the program -------------------------------------------------------------

SOURCE = """\
source "alicloud-ecs" "web" {{
  image_name    = "web"
  source_image  = "m-1"
  instance_type = "ecs.n1.tiny"
  ssh_username  = "root"
{}
}}
build {{ sources = ["alicloud-ecs.web"] }}
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nothing", ""),
        ("half-of-the-keys", '  access_key = "LTAI"\n  region     = "cn-beijing"'),
        ("region-mistyped", '  access_key = "k"\n  secret_key = "s"\n  region     = "cn-bejing"'),
        ("zone-as-region", '  access_key = "k"\n  secret_key = "s"\n  region     = "cn-beijing-a"'),
        ("no-profile", '  profile = "kyes"\n  region  = "cn-beijing"\n  shared_credentials_file = "profiles.json"'),
        ("key-mistyped", '  access_key = "k"\n  secret_key = "s"\n  region     = "cn-beijing"\n  image_nam = "x"'),
        ("contradictions", '  access_key = "k"\n  secret_key = "s"\n  region     = "cn-beijing"\n  image_family = "f"\n'
         '  eip_id = "eip-1"\n  associate_public_ip_address = false\n  kms_key_id = "key"'),
        ("disks", '  access_key = "k"\n  secret_key = "s"\n  region     = "cn-beijing"\n'
         "  system_disk_mapping {\n    disk_size = 5\n    disk_category = \"cloud_esd\"\n  }"),
    ],
)  # fmt: skip
def test_diagnostics(
    name: str, text: str, golden: Callable[[str, str], None], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profiles.json").write_text(json.dumps({"profiles": PROFILES}))
    (tmp_path / "web.pkr.hcl").write_text(SOURCE.format(text))
    assert run(["validate", "web.pkr.hcl"]) == 1
    golden(f"alicloud/{name}.txt", capsys.readouterr().err)


def test_validate_imports_no_sdk(tmp_path: Path) -> None:
    text = SOURCE.format('  access_key = "k"\n  secret_key = "s"\n  region = "cn-beijing"')
    (tmp_path / "web.pkr.hcl").write_text(text)
    code = (
        "import sys; from hclimg.cli.main import run; code = run(['validate', 'web.pkr.hcl']); "
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=env, check=True
    )
    assert not {name for name in done.stderr.split() if name.startswith(("aliyun", "urllib3", "hclimg.sdk.ssh"))}
