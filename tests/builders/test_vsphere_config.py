"""The settings of the vSphere builders: every key is known, contradictions are told at once, no SDK is imported."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hclimg.builders.vsphere.builder import VsphereCloneBuilder, VsphereIsoBuilder
from hclimg.builders.vsphere.clone_config import VsphereCloneConfig
from hclimg.builders.vsphere.iso_config import VsphereIsoConfig
from hclimg.builders.vsphere.keyboard import event_of
from hclimg.config.schema import schema_of
from hclimg.sdk.boot import Key, parse_boot_command
from hclimg.sdk.testing import check_component, decoded

ACCESS = 'vcenter_server = "vc"\nusername = "u"\npassword = "p"\ncommunicator = "none"\nhost = "h"\n'
CLONE = ACCESS + 'template = "t"\nvm_name = "x"\n'
ISO = ACCESS + 'vm_name = "x"\niso_paths = ["[ds] a.iso"]\nstorage { disk_size = 1 }\n'

COMMON_KEYS = [
    "http_directory",
    "http_content",
    "http_port_min",
    "http_port_max",
    "http_bind_address",
    "http_interface",
    "http_network_protocol",
    "cd_files",
    "cd_content",
    "cd_label",
    "vcenter_server",
    "username",
    "password",
    "insecure_connection",
    "datacenter",
    "notes",
    "destroy",
    "disk_controller_type",
    "storage",
    "vm_name",
    "folder",
    "cluster",
    "host",
    "resource_pool",
    "datastore",
    "datastore_cluster",
    "set_host_for_datastore_uploads",
    "CPUs",
    "cpu_cores",
    "CPU_reservation",
    "CPU_limit",
    "CPU_hot_plug",
    "RAM",
    "RAM_reservation",
    "RAM_reserve_all",
    "RAM_hot_plug",
    "video_ram",
    "displays",
    "pci_passthrough_allowed_device",
    "vgpu_profile",
    "NestedHV",
    "firmware",
    "force_bios_setup",
    "vTPM",
    "precision_clock",
    "configuration_parameters",
    "tools_sync_time",
    "tools_sync_time_periodically",
    "tools_upgrade_policy",
    "vbs_enabled",
    "vvtd_enabled",
    "cdrom_type",
    "iso_paths",
    "remove_cdrom",
    "reattach_cdroms",
    "remove_network_adapter",
    "floppy_img_path",
    "floppy_files",
    "floppy_dirs",
    "floppy_content",
    "floppy_label",
    "boot_order",
    "boot_keygroup_interval",
    "boot_wait",
    "boot_command",
    "http_ip",
    "ip_wait_timeout",
    "ip_settle_timeout",
    "ip_wait_address",
    "shutdown_command",
    "shutdown_timeout",
    "disable_shutdown",
    "create_snapshot",
    "snapshot_name",
    "convert_to_template",
    "export",
    "content_library_destination",
]
CLONE_KEYS = ["template", "disk_size", "linked_clone", "network", "mac_address", "vapp", "customize"]
ISO_KEYS = [
    "vm_version",
    "guest_os_type",
    "network_adapters",
    "usb_controller",
    "iso_checksum",
    "iso_url",
    "iso_urls",
    "iso_target_path",
    "iso_target_extension",
    "local_cache_overwrite",
    "remote_cache_cleanup",
    "remote_cache_overwrite",
    "remote_cache_datastore",
    "remote_cache_path",
]


def test_all_of_packers_keys_are_known() -> None:
    assert {*COMMON_KEYS, *CLONE_KEYS} - set(schema_of(VsphereCloneConfig).settings) == set()
    assert {*COMMON_KEYS, *ISO_KEYS} - set(schema_of(VsphereIsoConfig).settings) == set()


def test_contracts() -> None:
    check_component(VsphereCloneBuilder, CLONE)
    check_component(VsphereIsoBuilder, ISO)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('datastore = "a"\ndatastore_cluster = "b"', 'Only one of "datastore" and "datastore_cluster"'),
        ("linked_clone = true\ndisk_size = 5", "has the size of the template's"),
        ("CPUs = 3\ncpu_cores = 2", "cannot be divided"),
        ("RAM_reservation = 5\nRAM_reserve_all = true", 'Only one of "RAM_reservation"'),
        ('disk_controller_type = ["pvscsy"]', 'Did you mean "pvscsi"?'),
        ("storage {\n disk_size = 1\n disk_controller_index = 1\n}", "no disk controller number 1"),
        ('iso_paths = ["x.iso"]', "is no path on a datastore"),
        ('boot_order = "disk,cdrm"', 'Did you mean "cdrom"?'),
        ('ip_wait_address = "10.0.0"', "is not a network"),
        ('firmware = "bios"\nvTPM = true', "A TPM needs"),
        ("destroy = true\nconvert_to_template = true", '"destroy" deletes the template'),
        ('mac_address = "x"', "six hexadecimal numbers"),
        ('export { options = ["mca"] }', 'Did you mean "mac"?'),
        ('customize { dns_server_list = ["1.1.1.1"] }', "is required"),
        ("set_host_for_datastore_uploads = true\nreattach_cdroms = 9", "from 0 to 4"),
        ('disable_shutdown = true\nshutdown_command = "x"', "never run"),
    ],
)
def test_contradictions(text: str, problem: str) -> None:
    _, problems = decoded(VsphereCloneConfig, CLONE + text)
    assert any(problem in one for one in problems), problems


def test_what_the_machine_is_installed_from_is_required() -> None:
    _, problems = decoded(VsphereIsoConfig, ACCESS + 'vm_name = "x"')
    assert len(problems) == 2
    assert "write a storage block" in problems[0]
    assert '"iso_paths" is required' in problems[1]


def test_a_password_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    text = CLONE.replace('password = "p"\n', "")
    assert "environment variable VSPHERE_PASSWORD" in decoded(VsphereCloneConfig, text)[1][0]
    monkeypatch.setenv("VSPHERE_PASSWORD", "p")
    assert decoded(VsphereCloneConfig, text)[1] == []


def test_validate_imports_no_sdk(tmp_path: Path) -> None:
    (tmp_path / "t.pkr.hcl").write_text(
        f'source "vsphere-clone" "a" {{\n{CLONE}}}\nsource "vsphere-iso" "b" {{\n{ISO}}}\n'
        'build {\n  sources = ["vsphere-clone.a", "vsphere-iso.b"]\n}\n'
    )
    code = "import sys; from hclimg.cli.main import run; c = run(['validate', '.']); print(*sys.modules); sys.exit(c)"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not {name for name in done.stdout.split() if re.match("pyVmomi|pyVim|ssl$|http.client", name)}


def typed(text: str) -> list[tuple[int, list[str]]]:
    held: set[str] = set()
    events = [event_of(stroke, held) for stroke in parse_boot_command(text) if isinstance(stroke, Key)]
    return [(event[0], sorted(event[1])) for event in events if event is not None]


def test_usb_codes() -> None:
    assert typed("aA1!<enter><f12>") == [
        (0x04, []), (0x04, ["leftShift"]), (0x1E, []), (0x1E, ["leftShift"]), (0x28, []), (0x45, []),
    ]  # fmt: skip
    assert typed("<leftCtrlOn><leftAltOn><del><leftAltOff><leftCtrlOff>x") == [
        (0x4C, ["leftAlt", "leftControl"]), (0x1B, []),
    ]  # fmt: skip
