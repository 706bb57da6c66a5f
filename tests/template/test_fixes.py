"""Old names of legacy templates, against what Packer itself makes of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hclimg.template.fixes.table import FIXES, fix_template

OLD = {
    "builders": [
        {"type": "amazon-ebs", "ssh_private_ip": False, "shutdown_behaviour": "stop", "spot_price_auto_product": "L"},
        {"type": "amazon-ebs", "ssh_private_ip": "true", "enhanced_networking": True},
        {"type": "amazon-chroot", "temporary_security_group_source_cidr": "10.0.0.0/8"},
        {"type": "other", "shutdown_behaviour": "stop", "ssh_private_ip": True, "cpu": 1, "ssh_host_port_min": 1},
        {"type": "other", "ami_name": "a {{ .CreateTime }} b", "tags": {"n": "{{ clean_ami_name `x` }}"}},
        {"type": "virtualbox", "guest_additions_attach": True, "ssh_host_port_max": 9, "ssh_skip_nat_mapping": False},
        {"type": "parallels-iso", "headless": True, "parallels_tools_host_path": "x", "guest_os_distribution": "u"},
        {"type": "scaleway", "access_key": "a"},
        {"type": "docker", "login_email": "x"},
        {"type": "vmware", "remote_type": "esx5"},
        {"type": "vmware-iso", "remote_type": "esx5", "disk_type_id": "thin", "skip_compaction": False},
        {"type": "hyperv-iso", "vhd_temp_path": "a", "cpu": 2, "ram_size": 5},
        {"type": "hyperv-vmcx", "clone_from_vmxc_path": "x"},
        {"type": "qemu", "disk_size": 40960, "ssh_host_port_min": 1, "ssh_wait_timeout": "5m"},
        {"type": "qemu", "disk_size": "{{ user `size` }}"},
        {"type": "vsphere-iso", "network": "a", "networkCard": "c", "disk_size": 1, "storage": [{"disk_size": 9}]},
        {"type": "azure-chroot", "shared_image_destination": {"exlude_from_latest": True}},
        {"type": "proxmox", "iso_md5": "abc"},
        {"type": "x", "iso_checksum": "b", "iso_checksum_type": "sha1"},
        {"type": "x", "iso_checksum_url": "u", "iso_checksum_type": "sha1"},
        {"type": "x", "ssh_key_path": "k", "ssh_disable_agent": True},
    ],
    "provisioners": [
        {"type": "powershell", "environment_vars": ["A=`$x``y`"], "elevated_password": "a``b`\"c`'d`e`$f"},
        {"type": "ansible-local", "galaxycommand": "a"},
        {"type": "shell", "override": {"virtualbox": {"a": 1}}},
    ],
    "post-processors": [
        "compress",
        [{"type": "manifest", "filename": "a"}, {"type": "docker-push", "login_email": "e"}],
        {"type": "docker-tag", "tag": "z,a", "tags": ["b", "a"]},
        {"type": "vagrant", "aws": {"a": 1}, "vmware": {"d": 1}},
    ],
}


def test_packer_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps(OLD))
    peer = subprocess.run(["packer", "fix", "-validate=false", str(path)], capture_output=True, text=True, check=True)
    assert fix_template(OLD).template == json.loads(peer.stdout)


def test_there_are_as_many_as_packer_has() -> None:
    assert len(FIXES) == len({fix.name for fix in FIXES}) == 34


def test_every_fix_has_something_to_do_here() -> None:
    assert {fix.name for fix in fix_template(OLD).applied} == {fix.name for fix in FIXES}


def test_a_fixed_template_has_nothing_to_fix() -> None:
    once = fix_template(OLD)
    again = fix_template(once.template)
    assert (again.template, again.applied) == (once.template, ())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # Packer makes "none:abc" of it, which no builder accepts.
        ({"iso_checksum": "abc", "iso_checksum_type": "none"}, {"iso_checksum": "none"}),
        # Packer writes the type twice.
        ({"iso_checksum": "md5:abc", "iso_checksum_type": "md5"}, {"iso_checksum": "md5:abc"}),
        # Packer looks at the first two levels only.
        ({"a": {"b": ["{{ .CreateTime }}"]}}, {"a": {"b": ["{{timestamp}}"]}}),
        # A text that only looks like the function is no call.
        ({"a": "clean_ami_name"}, {"a": "clean_ami_name"}),
    ],
)
def test_what_packer_breaks_or_leaves(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert fix_template({"builders": [{"type": "x", **old}]}).template == {"builders": [{"type": "x", **new}]}


def test_an_override_that_is_there_already_stays() -> None:
    """Packer loses it."""
    step = {"type": "vagrant", "aws": {"a": 1}, "override": {"qemu": {"b": 1}}}
    fixed = fix_template({"post-processors": [step]}).template
    assert fixed == {"post-processors": [{"type": "vagrant", "override": {"aws": {"a": 1}, "qemu": {"b": 1}}}]}


def test_all_that_calls_a_renamed_builder_by_its_type() -> None:
    """Packer looks at the overrides for virtualbox only."""
    steps = [{"type": "shell", "override": {"vmware": {"a": 1}}, "only": ["vmware", "b"]}]
    fixed = fix_template({"builders": [{"type": "vmware"}], "provisioners": steps}).template
    renamed = {"type": "shell", "override": {"vmware-iso": {"a": 1}}, "only": ["vmware-iso", "b"]}
    assert fixed["provisioners"] == [renamed]
    named = fix_template({"builders": [{"type": "vmware", "name": "vmware"}], "provisioners": steps}).template
    assert named == {"builders": [{"type": "vmware-iso", "name": "vmware"}], "provisioners": steps}


def test_a_renamed_key_keeps_its_place() -> None:
    builder = {"type": "x", "ssh_key_path": "k", "ssh_username": "u"}
    fixed = fix_template({"builders": [builder]}).template["builders"][0]
    assert list(fixed) == ["type", "ssh_private_key_file", "ssh_username"]


@pytest.mark.parametrize("odd", [{}, {"builders": None}, {"builders": [1, None, [[]]]}, {"provisioners": {"a": 1}}])
def test_what_is_no_template_is_left_alone(odd: dict[str, Any]) -> None:
    assert fix_template(odd).template == odd
