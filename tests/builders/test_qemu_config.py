"""The settings of the qemu builder: Packer's keys, defaults and rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from hclimg.builders.qemu.config import QemuConfig
from hclimg.config.decode import decode
from hclimg.config.schema import schema_of
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.evaluate import Scope
from hclimg.lang.parse import parse_body

PACKER = {
    "http_directory", "http_content", "http_port_min", "http_port_max", "http_bind_address", "http_interface",
    "http_network_protocol", "iso_checksum", "iso_url", "iso_urls", "iso_target_path", "iso_target_extension",
    "boot_keygroup_interval", "boot_wait", "boot_command", "disable_vnc", "boot_key_interval", "shutdown_command",
    "shutdown_timeout", "host_port_min", "host_port_max", "skip_nat_mapping", "ssh_host_port_min",
    "ssh_host_port_max", "floppy_files", "floppy_dirs", "floppy_content", "floppy_label", "cd_files", "cd_content",
    "cd_label", "cpus", "sockets", "cores", "threads", "efi_boot", "efi_firmware_code", "efi_firmware_vars",
    "efi_drop_efivars", "iso_skip_cache", "accelerator", "disk_additional_size", "firmware", "use_pflash",
    "disk_interface", "disk_size", "skip_resize_disk", "disk_cache", "disk_discard", "disk_detect_zeroes",
    "skip_compaction", "disk_compression", "format", "headless", "disk_image", "use_backing_file", "machine_type",
    "memory", "net_device", "net_bridge", "output_directory", "qemuargs", "qemu_img_args", "qemu_binary",
    "qmp_enable", "qmp_socket_path", "use_default_display", "vga", "display", "vnc_bind_address",
    "vnc_use_password", "vnc_password", "vnc_port_min", "vnc_port_max", "vm_name", "cdrom_interface", "vtpm",
    "use_tpm1", "tpm_device_type", "boot_steps", "cpu_model", "run_once",
}  # fmt: skip

LEAST = 'iso_url = "x.iso"\niso_checksum = "none"\nssh_username = "root"\n'


def decoded(text: str, base: str = LEAST) -> tuple[QemuConfig | None, Diagnostics]:
    diags = Diagnostics()
    source = SourceText("test.pkr.hcl", base + text)
    body = parse_body(source, diags)
    assert not diags.has_errors, diags.items
    scope = Scope({}, {})
    found = decode(QemuConfig, body, scope, diags, context='source "qemu" "x"', header=source.range(0, 3))
    return found, diags


def accepted(text: str = "", base: str = LEAST) -> QemuConfig:
    config, diags = decoded(text, base)
    assert config is not None, [str(d) for d in diags]
    return config


def problems(text: str, base: str = LEAST) -> list[str]:
    return [str(diagnostic) for diagnostic in decoded(text, base)[1]]


def test_every_key_of_packer_is_known() -> None:
    assert len(PACKER) == 82
    assert PACKER - set(schema_of(QemuConfig).names) == set()


def test_defaults_are_packers() -> None:
    config = accepted()
    assert config.disk.size == "40960M"
    assert (config.disk.format, config.disk.disk_interface, config.disk.disk_discard) == ("qcow2", "virtio", "ignore")
    assert (config.machine_type, config.memory_size, config.network.net_device) == ("pc", 512, "virtio-net")
    assert config.network.host_ports == (2222, 4444)
    assert (config.screen.vnc_port_min, config.screen.vnc_port_max) == (5900, 6000)
    assert config.screen.vnc_bind_address == "127.0.0.1"
    assert config.boot.boot_wait.total_seconds() == 10
    assert config.shutdown.shutdown_timeout.total_seconds() == 300
    assert (config.http.http_port_min, config.http.http_port_max) == (8000, 9000)
    assert config.qemu_binary == "qemu-system-x86_64"
    assert config.typed == ()
    assert not config.efi.enabled


@pytest.mark.parametrize(
    ("written", "size"),
    [('"5000"', "5000M"), ("5000", "5000M"), ('"20G"', "20G"), ('"1t"', "1t"), ('"0"', "40960M"), ('""', "40960M")],
)
def test_disk_sizes_without_a_unit_count_in_mib(written: str, size: str) -> None:
    assert accepted(f"disk_size = {written}").disk.size == size


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('disk_size = "lots"', '"lots" is not a size'),
        ('disk_size = "1.5G"', '"1.5G" is not a size'),
        ('disk_additional_size = ["10G", "x"]', '"x" is not a size'),
        ('accelerator = "kvmm"', 'Did you mean "kvm"?'),
        ('disk_interface = "nvme"', '"nvme" is not one of'),
        ('disk_cache = "maybe"', '"maybe" is not one of'),
        ('disk_discard = "on"', '"on" is not one of'),
        ('disk_detect_zeroes = "yes"', '"yes" is not one of'),
        ('format = "ova"', '"ova" is not one of'),
        ("use_backing_file = true", '"use_backing_file" needs disk_image = true'),
        ('use_backing_file = true\ndisk_image = true\nformat = "raw"', 'and format = "qcow2"'),
        ("skip_resize_disk = true", '"skip_resize_disk" needs disk_image = true'),
        ("cpus = -1", '"cpus" must not be negative'),
        ("threads = -2", '"threads" must not be negative'),
        ("vnc_port_min = 5899", '"vnc_port_min" must be from 5900 to 65535'),
        ("vnc_port_max = 70000", '"vnc_port_max" must be from 5900 to 65535'),
        ("vnc_port_min = 6100", '"vnc_port_min" (6100) is above "vnc_port_max" (6000)'),
        ("host_port_min = 5000", '"host_port_min" (5000) is above "host_port_max" (4444)'),
        ("host_port_min = -1", '"host_port_min" must be from 1'),
        ("http_port_min = 9500", '"http_port_min" (9500) is above "http_port_max" (9000)'),
        ('http_directory = "/tmp"\nhttp_content = {"/a" = "b"}', "Only one of"),
        ('http_bind_address = "127.0.0.1"\nhttp_interface = "lo"', "Only one of"),
        ('http_directory = "/nowhere/at/all"', "does not exist"),
        ('http_content = {"a" = "b"}', 'The path "a" must start with a slash'),
        ('http_network_protocol = "unix"', '"unix" is not one of'),
        ('boot_command = ["a<wait0>b"]', 'longer than 0 seconds. It is at character 2 of the text, at "<wait0>b"'),
        ('boot_command = ["a"]\nboot_steps = [["b"]]', "Only one of"),
        ('boot_steps = [["a", "b", "c"]]', "Each boot step"),
        ('boot_steps = [["<wait-1s>"]]', "Invalid boot command"),
        ('boot_command = ["a"]\ndisable_vnc = true', "disable_vnc must not be set"),
        ('vnc_password = "much too long"', "first 8 characters"),
        ('qemuargs = [["m", "1024"]]', "Each row of qemuargs"),
        ("qemuargs = [[]]", "Each row of qemuargs"),
        ('vm_name = "a/b"', "without a directory"),
        ('floppy_label = "longer than eleven"', "at most 11 characters"),
        ('floppy_files = ["/nowhere.txt"]', '"floppy_files" names "/nowhere.txt"'),
        ('cd_files = ["/nowhere.txt"]', '"cd_files" names "/nowhere.txt"'),
        (f'cd_label = "{"x" * 33}"', "at most 32 characters"),
        ('firmware = "a.fd"\nefi_boot = true', 'Set either "firmware" or the efi_ arguments'),
        ('communicator = "docker"', "cannot use the communicator"),
        ('shutdown_timeout = "0s"', "longer than 0 seconds"),
        ('shutdown_timeout = "5 minutes"', "is not a duration"),
        ("iso_skip_cache = true", "is for http and https URLs"),
        ('iso_urls = ["a"]', "Only one of"),
    ],
)
def test_what_packer_refuses_is_refused_with_a_reason(text: str, words: str) -> None:
    found = problems(text)
    assert any(words in line and "Error" in line for line in found), found


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ('iso_checksum = "none"\nssh_username = "r"', 'One of "iso_url" and "iso_urls" is required'),
        ('iso_url = "a"\nssh_username = "r"', "A checksum must be given"),
        ('iso_url = "a"\nssh_username = "r"\niso_skip_cache = false', '"iso_checksum" is required unless'),
        ('iso_url = "ftp://h/a"\niso_checksum = "none"\nssh_username = "r"', "only paths and file, http and https"),
        ('iso_url = "a"\niso_checksum = "abc"\nssh_username = "r"', "A checksum of 3 digits"),
        ('iso_url = "a"\niso_checksum = "none"', '"ssh_username" is required'),
        ('iso_urls = []\niso_checksum = "none"\nssh_username = "r"', "must not be empty"),
    ],
)
def test_the_image_must_be_named_and_checked(base: str, words: str) -> None:
    found = problems("", base)
    assert any(words in line for line in found), found


def test_all_problems_are_reported_at_their_places() -> None:
    found = decoded('disk_size = "x"\nvnc_port_min = 1\ncpus = -1\n')[1]
    assert [(d.subject.text if d.subject else "", d.subject.begin.line if d.subject else 0) for d in found] == [
        ('"x"', 4), ("-1", 6), ("1", 5),
    ]  # fmt: skip


def test_what_has_no_effect_is_said() -> None:
    assert any("run_once" in line and "no effect" in line for line in problems("run_once = true"))
    assert any("not compressed" in line for line in problems('disk_compression = true\nformat = "raw"'))
    assert any("too little" in line for line in problems("memory = 5"))
    assert any("which is not set" in line for line in problems("use_pflash = true"))
    assert any('Did you mean "enter"?' in line for line in problems('boot_command = ["<entr>"]'))
    assert accepted("memory = 5").memory_size == 512


def test_old_names_still_count() -> None:
    config, diags = decoded("ssh_host_port_min = 3000\nssh_host_port_max = 3001")
    assert config is not None
    assert config.network.host_ports == (3000, 3001)
    assert [d.summary for d in diags] == ["Deprecated argument", "Deprecated argument"]


def test_qemu_reads_urls_itself_when_asked() -> None:
    config = accepted("iso_skip_cache = true", 'iso_url = "http://h/a.iso"\nssh_username = "r"\n')
    assert config.iso.urls == ("http://h/a.iso",)


def test_empty_values_are_none() -> None:
    """Templates spell "not given" as an empty value, often with the default of a variable."""
    config = accepted(
        'iso_urls = ["x.iso"]\niso_url = ""\nboot_command = []\nboot_steps = [["a"]]\nhttp_directory = ""\n'
        'http_content = {"/a" = "b"}',
        'iso_checksum = "none"\nssh_username = "r"\n',
    )
    assert config.iso.urls == ("x.iso",)
    assert config.typed == (("a", ""),)
    assert config.http.wanted


def test_templates_stay_for_the_builder_to_render() -> None:
    text = 'boot_command = ["url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/<enter>"]\nqemuargs = [["-name", "{{ .Name }}"]]'
    config = accepted(text)
    assert config.boot.boot_command == ("url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/<enter>",)
    assert config.qemuargs == (("-name", "{{ .Name }}"),)


def test_efi_is_meant_by_either_of_its_files() -> None:
    assert accepted('efi_firmware_code = "/c"').efi.enabled
    assert accepted('efi_firmware_vars = "/v"').efi.enabled
    assert accepted("efi_boot = true").efi.enabled


def test_a_password_for_vnc_means_that_it_is_asked() -> None:
    assert accepted('vnc_password = "secret"').screen.asks_password
    assert accepted("vnc_use_password = true").screen.asks_password
    assert not accepted().screen.asks_password


def test_blocks_for_qemu_img() -> None:
    config = accepted('qemu_img_args {\n  convert = ["-o", "preallocation=off"]\n}')
    assert config.disk.qemu_img_args.convert == ("-o", "preallocation=off")


def test_the_module_stays_light() -> None:
    """``validate`` imports this module for every template that names the builder."""
    import subprocess
    import sys

    heavy = ("paramiko", "fabric", "lark", "subprocess", "asyncio", "http.server", "urllib3", "pycdlib", "ssl", "hcl2")
    code = f"import sys, hclimg.builders.qemu.builder\nprint([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"
