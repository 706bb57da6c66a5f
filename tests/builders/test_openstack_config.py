"""The settings of openstack: Packer's keys, defaults and rules; who asks OpenStack, and which one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hclimg.builders.openstack.builder import OpenstackBuilder
from hclimg.builders.openstack.config import OpenstackConfig
from hclimg.builders.openstack.launch import first_address
from hclimg.config.schema import schema_of
from hclimg.sdk.machine import Artifact
from hclimg.sdk.testing import component, decoded

ROOT = Path(__file__).resolve().parents[2]

PACKER = {
    "username", "user_id", "password", "identity_endpoint", "tenant_id", "tenant_name", "domain_id", "domain_name",
    "insecure", "region", "endpoint_type", "cacert", "cert", "key", "token", "application_credential_name",
    "application_credential_id", "application_credential_secret", "cloud", "image_name", "metadata",
    "image_visibility", "image_members", "image_auto_accept_members", "image_disk_format", "image_tags",
    "image_min_disk", "skip_create_image", "ssh_interface", "ssh_ip_version", "source_image", "source_image_name",
    "external_source_image_url", "external_source_image_format", "external_source_image_properties",
    "source_image_filter", "flavor", "availability_zone", "rackconnect_wait", "floating_ip_network",
    "instance_floating_ip_net", "floating_ip", "reuse_ips", "security_groups", "networks", "ports",
    "network_discovery_cidrs", "user_data", "user_data_file", "instance_name", "instance_metadata", "force_delete",
    "config_drive", "floating_ip_pool", "use_blockstorage_volume", "volume_name", "volume_type", "volume_size",
    "volume_availability_zone", "openstack_provider", "use_floating_ip", "image_creation_wait",
}  # fmt: skip

LEAST = 'image_name = "web"\nflavor = "m1.small"\nssh_username = "debian"\n'
WITH_SOURCE = f'{LEAST}source_image = "1"\n'


def problems(text: str, base: str = WITH_SOURCE) -> list[str]:
    return decoded(OpenstackConfig, base + text)[1]


def test_every_key_of_packer_is_known() -> None:
    assert len(PACKER) == 62
    schema = schema_of(OpenstackConfig)
    assert PACKER - set(schema.names) == set()
    inner = schema_of(schema.settings["source_image_filter"].element)
    assert set(inner.names) == {"filters", "most_recent"}
    assert set(schema_of(inner.settings["filters"].element).names) == {
        "name", "owner", "tags", "visibility", "properties",
    }  # fmt: skip


def test_defaults_are_packers() -> None:
    config = component(OpenstackBuilder, WITH_SOURCE).config
    assert config.machine_name == "web"
    assert config.image.properties == {"image_type": "image"}
    assert config.image.visibility == ""
    assert config.source.external_source_image_format == "qcow2"
    assert not config.network.floating


def test_an_image_with_members_is_shared() -> None:
    config = component(OpenstackBuilder, WITH_SOURCE + 'image_members = ["p"]\nmetadata = { image_type = "x" }').config
    assert config.image.visibility == "shared"
    assert config.image.properties == {"image_type": "x"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('source_image_name = "x"', 'Only one of "source_image", "source_image_name"'),
        ('username = "a"\nuser_id = "b"', 'Only one of "username" and "user_id"'),
        ('domain_id = "a"\ndomain_name = "b"', 'Only one of "domain_id" and "domain_name"'),
        ('password = "a"\ntoken = "b"', 'Only one way to log in can be used; "password" is one, and "token" another'),
        ('application_credential_secret = "a"', "belongs to an application_credential_id or _name"),
        ('application_credential_id = "a"\napplication_credential_name = "b"', "Only one of"),
        ('identity_endpoint = "os.example.org"', "is no URL"),
        ('endpoint_type = "publicurl"', 'Did you mean "publicURL"?'),
        ('cacert = "/nowhere"', "does not exist"),
        ('cert = "/dev/null"', 'of no use without "key"'),
        ('insecure = true\ncacert = "/dev/null"', '"cacert" has no effect'),
        ("rackconnect_wait = true", "is gone"),
        ('floating_ip = "1.2.3.4"\nreuse_ips = true', '"reuse_ips" contradicts that'),
        ('instance_floating_ip_net = "a"', "no floating IP is asked for"),
        ('network_discovery_cidrs = ["10.0.0.0/33"]', "no range of addresses"),
        ('networks = ["a"]\nnetwork_discovery_cidrs = ["10.0.0.0/8"]', "has no effect"),
        ('user_data = "a"\nuser_data_file = "/dev/null"', "Only one of"),
        ('user_data_file = "/nowhere"', "does not exist"),
        (f'instance_metadata = {{ a = "{"x" * 256}" }}', "longer than 255 bytes"),
        ('instance_metadata = { "a/b" = "" }', "no key that OpenStack takes"),
        ('image_disk_format = "qcow2"', "needs use_blockstorage_volume = true"),
        ('volume_type = "fast"', "has no effect without use_blockstorage_volume"),
        ("use_blockstorage_volume = true\nvolume_size = -1", "must not be negative"),
        ('image_visibility = "privat"', 'Did you mean "private"?'),
        ('image_visibility = "public"\nimage_members = ["a"]', "Only a shared image has members"),
        ("image_auto_accept_members = true", "without image_members"),
        ("image_min_disk = -1", "must not be negative"),
        ('ssh_ip_version = "5"', "is not one of"),
        ('ssh_keypair_name = "mine"', "name its private key"),
        ('ssh_keypair_name = "mine"\nssh_agent_auth = true\ntemporary_key_pair_name = "x"', "No temporary key pair"),
        ("use_floating_ip = true", "has no effect"),
        ('openstack_provider = "x"', "has no effect"),
        ('communicator = "docker"', 'it can use "ssh", "winrm" or "none"'),
    ],
)
def test_each_rule(text: str, words: str) -> None:
    found = problems(text)
    assert len(found) == 1, found
    assert words in found[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is required"),
        ("source_image_filter {}", "Say at least one thing"),
        ('external_source_image_url = "ftp://a/b"', "write an http or https URL"),
    ],
)
def test_the_source(text: str, words: str) -> None:
    (found,) = problems(text, LEAST)
    assert words in found


def test_what_is_not_known_yet_is_no_problem() -> None:
    text = 'cloud = later\nimage_visibility = later\nflavor = later\nimage_name = "x"\nsource_image = later\n'
    assert problems(f'{text}ssh_username = "x"\nnetwork_discovery_cidrs = later', "") == []


def test_the_old_name_of_a_network() -> None:
    (warned,) = problems('floating_ip_pool = "a"')
    assert "write floating_ip_network instead" in warned
    assert "Only one of" in problems('floating_ip_network = "a"\nfloating_ip_pool = "b"')[-1]


def test_the_entry_of_clouds_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (none,) = problems('cloud = "devstack"')
    assert "There is no clouds.yaml with an entry" in none
    file = tmp_path / "clouds.yaml"
    file.write_text("clouds:\n  devstack: {}\n  prod: {}\n")
    assert problems('cloud = "devstack"') == []
    (unknown,) = problems('cloud = "devstak"')
    assert unknown.endswith('has no entry "devstak". Did you mean "devstack"?')
    file.write_text("clouds: [\n")
    (broken,) = problems('cloud = "devstack"')
    assert "Invalid clouds.yaml" in broken
    other = tmp_path / "other.yaml"
    other.write_text("clouds:\n  x: {}\n")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(other))
    assert problems('cloud = "x"') == []


def test_addresses() -> None:
    both = {
        "a": [{"addr": "10.0.0.1", "version": 4}, {"addr": "fd00::1", "version": 6}],
        "b": [{"addr": "192.0.2.7", "version": 4, "OS-EXT-IPS:type": "floating"}],
    }
    assert first_address(both, "") == "192.0.2.7"
    assert first_address({"a": both["a"]}, "") == "10.0.0.1"
    assert first_address(both, "6") == "fd00::1"
    assert first_address({"b": both["b"]}, "6") == ""


def test_what_an_artifact_consists_of() -> None:
    made = Artifact(
        builder="mitchellh.openstack", component="builder/openstack", id="42", description="",
        state={"cloud": "prod", "region": "north"},
    )  # fmt: skip
    assert OpenstackBuilder.contents(made) == ("prod north: image 42",)


def test_validating_needs_no_sdk(tmp_path: Path) -> None:
    template = tmp_path / "a.pkr.hcl"
    template.write_text(f'source "openstack" "a" {{\n{WITH_SOURCE}}}\nbuild {{ sources = ["openstack.a"] }}\n')
    code = (
        f"import sys; from hclimg.cli.main import run; code = run(['validate', {str(template)!r}]); "
        "heavy = {'openstack', 'keystoneauth1', 'requests', 'yaml', 'ssl'} & set(sys.modules); "
        "sys.exit(code or len(heavy))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
