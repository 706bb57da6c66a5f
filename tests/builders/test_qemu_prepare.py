"""What the qemu builder finds out before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from hclimg.builders.qemu.accelerator import best_accelerator, has_virtualisation, kvm_works
from hclimg.builders.qemu.builder import QemuBuilder
from hclimg.builders.qemu.config import DiskConfig, QemuConfig, VncConfig
from hclimg.builders.qemu.network import host_address
from hclimg.builders.qemu.prepare import display_of, find_source, input_files, names, vnc_password
from hclimg.errors import BuildError
from hclimg.sdk.cdrom import CdConfig
from hclimg.sdk.context import Context
from hclimg.sdk.download import IsoConfig
from hclimg.sdk.floppy import FloppyConfig
from hclimg.sdk.http import HttpConfig
from hclimg.units import Secret
from servers.flaky_http import Site, remote

__all__ = ["remote"]


@pytest.mark.parametrize(
    ("flags", "yes"), [("fpu vmx sse", True), ("fpu svm", True), ("fpu sse vmxx hypervisor", False), ("", False)]
)
def test_kvm_needs_the_processors_help(tmp_path: Path, flags: str, yes: bool) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t:\n")
    assert has_virtualisation(cpuinfo) is yes
    assert has_virtualisation(tmp_path / "none") is False


def test_a_device_that_is_no_kvm_does_not_count(tmp_path: Path) -> None:
    """The file alone says nothing: it must answer as KVM does."""
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags\t\t: vmx\n")
    for device in (Path("/dev/null"), tmp_path / "none"):
        assert kvm_works(device, cpuinfo) is False


def test_what_kvm_cannot_run_is_emulated() -> None:
    assert best_accelerator("/usr/bin/qemu-system-m68k") == "tcg"


def test_names_come_from_the_build(ctx: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ctx.build_name = "web"
    assert names(ctx, QemuConfig()).vm == "packer-web"
    assert names(ctx, QemuConfig()).output == tmp_path / "output-web"
    own = names(ctx, QemuConfig(vm_name="x.qcow2", output_directory="deep/out"))
    assert (own.vm, own.output) == ("x.qcow2", tmp_path / "deep/out")


def test_the_address_of_the_host() -> None:
    assert host_address(QemuConfig(), "") == "10.0.2.2"
    assert host_address(QemuConfig(), "127.0.0.1") == "10.0.2.2"
    assert host_address(QemuConfig(), "192.168.7.1") == "192.168.7.1"


@pytest.mark.parametrize(
    ("screen", "session", "expected"),
    [
        (VncConfig(headless=True), True, ""),
        (VncConfig(headless=True, disable_vnc=True), True, "none"),
        (VncConfig(display="sdl"), False, "sdl"),
        (VncConfig(display="none"), True, ""),
        (VncConfig(use_default_display=True), True, ""),
        (VncConfig(), False, ""),
        (VncConfig(disable_vnc=True), False, "none"),
    ],
)
def test_displays(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, screen: VncConfig, session: bool, expected: str
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    if session:
        monkeypatch.setenv("DISPLAY", ":0")
    assert display_of(ctx, QemuConfig(screen=screen)) == expected


def test_passwords_of_vnc() -> None:
    assert vnc_password(VncConfig()) == ""
    assert vnc_password(VncConfig(vnc_password=Secret("mine"))) == "mine"
    assert len(vnc_password(VncConfig(vnc_use_password=True))) == 8
    assert vnc_password(VncConfig(vnc_use_password=True)) != vnc_password(VncConfig(vnc_use_password=True))


def test_an_image_that_qemu_reads_itself(ctx: Context, remote: Site) -> None:
    remote.files["/b.iso"] = b"iso"
    disk = DiskConfig(iso_skip_cache=True)
    config = QemuConfig(disk=disk, iso=IsoConfig(iso_urls=(remote.url("/a.iso"), remote.url("/b.iso"))))
    assert find_source(ctx, config) == remote.url("/b.iso")
    assert not (ctx.run.cache / "downloads").exists()
    nowhere = evolve(config, iso=IsoConfig(iso_url=remote.url("/a.iso")))
    with pytest.raises(BuildError, match=r"a\.iso: the server answered 404"):
        find_source(ctx, nowhere)


def test_files_that_the_result_depends_on(tmp_path: Path) -> None:
    for name in ("image.iso", "site/preseed", "cd/data", "floppy.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    config = QemuConfig(
        iso=IsoConfig(iso_url=str(tmp_path / "image.iso"), iso_checksum="none"),
        http=HttpConfig(http_directory=str(tmp_path / "site")),
        cd=CdConfig(cd_files=(str(tmp_path / "cd"),)),
        floppy=FloppyConfig(floppy_files=(str(tmp_path / "floppy.txt"),)),
    )
    assert sorted(path.name for path in input_files(config)) == ["data", "floppy.txt", "image.iso", "preseed"]
    checked = evolve(config, iso=evolve(config.iso, iso_checksum="0" * 64))
    assert "image.iso" not in [path.name for path in input_files(checked)]


def test_the_plan_says_what_it_does() -> None:
    assert QemuBuilder(QemuConfig(iso=IsoConfig(iso_url="http://h/debian.iso"))).summary() == "install from debian.iso"
    image = QemuConfig(iso=IsoConfig(iso_url="/a/base.qcow2"), disk=DiskConfig(disk_image=True))
    assert QemuBuilder(image).summary() == "boot base.qcow2"
    assert QemuBuilder(QemuConfig()).summary() == ""
