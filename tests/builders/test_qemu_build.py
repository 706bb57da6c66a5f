"""Whole builds with a guest that boots: the smallest one there is, emulated. Each boot takes about ten seconds."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from hclimg.builders.qemu.builder import QemuBuilder
from hclimg.builders.qemu.config import DiskConfig, EfiConfig, NetworkConfig, QemuConfig, VncConfig
from hclimg.communicators.config import CommunicatorConfig
from hclimg.events import Said
from hclimg.sdk.boot import BootConfig
from hclimg.sdk.cdrom import CdConfig
from hclimg.sdk.download import IsoConfig
from hclimg.sdk.floppy import FloppyConfig
from hclimg.sdk.http import HttpConfig
from hclimg.sdk.machine import Artifact, Machine
from hclimg.sdk.shutdown import ShutdownConfig
from hclimg.sdk.steps import close_scope
from hclimg.units import Secret
from servers import tiny_guest
from servers.recording import Recording

pytestmark = pytest.mark.slow

TYPED = 20  # a busy host lets the guest boot for long
RANDOM = ("-device", "virtio-rng-pci")  # without it, the guest waits long for randomness
LOGIN = CommunicatorConfig(ssh_username="root", temporary_key_pair_type="ed25519")

INSTALL = r"""grep -q tiny.disk /proc/cmdline && exit
mkdir /tmp/once || exit
wget -q -O - http://$1/disk.gz | gunzip > /dev/vda
mount -o ro /dev/sr1 /disk && cp /disk/answer /tmp/answer; umount /disk
sync
echo 1 > /proc/sys/kernel/sysrq
partprobe /dev/vda; mount /dev/vda1 /disk && cp /tmp/answer /disk/answer; umount /disk; sync
reboot -f
"""


def settings(image: Path, out: Path, **changes: Any) -> QemuConfig:
    config = QemuConfig(
        iso=IsoConfig(iso_url=str(image), iso_checksum="none"),
        disk=DiskConfig(disk_image=True, disk_size="256M"),
        screen=VncConfig(headless=True),
        communicator=LOGIN,
        shutdown=ShutdownConfig(shutdown_command="umount /disk; poweroff -f"),
        accelerator="tcg",
        memory=256,
        output_directory=str(out),
        vm_name="tiny.qcow2",
        qemuargs=(RANDOM,),
    )
    return evolve(config, **changes)


def build(recording: Recording, config: QemuConfig, work: Callable[[Machine], object] = lambda _: None) -> Artifact:
    ctx = recording.ctx
    builder = QemuBuilder(config)
    machine = builder.launch(ctx, builder.resolve(ctx))
    work(machine)
    artifact = builder.capture(ctx, machine)
    assert close_scope(ctx) == []
    return artifact


def said(machine: Machine, command: str) -> str:
    lines: list[str] = []
    assert machine.communicator.run(command, on_output=lambda line, _: lines.append(line)) == 0
    return "\n".join(lines)


def test_an_image_is_provisioned_and_boots_again(recorded: Callable[..., Recording], tmp_path: Path) -> None:
    """First with the temporary key, then with a password, from the result of the first and by the power button."""

    def first(machine: Machine) -> None:
        assert machine.facts["ConnType"] == "ssh"
        assert machine.facts["Host"] == "127.0.0.1"
        assert 2222 <= machine.facts["Port"] <= 4444
        assert machine.facts["SSHPublicKey"] in said(machine, "cat /root/.ssh/authorized_keys")
        said(machine, "echo first > /disk/marker; blockdev --getsize64 /dev/vda | grep -x 268435456")

    recording = recorded()
    artifact = build(recording, settings(tiny_guest.disk(), tmp_path / "one"), first)
    image = tmp_path / "one/tiny.qcow2"
    assert [Path(name).name for name in artifact.files] == ["tiny.qcow2"]
    assert subprocess.run(["qemu-img", "check", image], capture_output=True, check=False).returncode == 0

    def second(machine: Machine) -> None:
        assert said(machine, "cat /disk/marker") == "first"
        assert said(machine, "cat /root/.ssh/authorized_keys | wc -c") != "0"
        said(machine, "echo second > /disk/marker")

    config = settings(
        image,
        tmp_path / "two",
        communicator=CommunicatorConfig(ssh_username="root", ssh_password=Secret(tiny_guest.PASSWORD)),
        disk=DiskConfig(disk_image=True, skip_resize_disk=True, format="raw", disk_interface="ide"),
        shutdown=ShutdownConfig(),
        network=NetworkConfig(net_device="virtio-net-pci"),
    )
    again = recorded()
    build(again, config, second)
    assert not any("switched off" in event.text for event in again.of(Said))
    assert b"second\n" in (tmp_path / "two/tiny.qcow2").read_bytes()
    assert not (tmp_path / "one/.tiny.qcow2.part").exists()


def test_an_installation_from_an_iso_by_keyboard(recording: Recording, tmp_path: Path) -> None:
    """GRUB's menu and a shell on the screen are typed into; the script comes over HTTP, the answer from a CD."""
    site = tmp_path / "site"
    site.mkdir()
    with gzip.open(site / "disk.gz", "wb", 1) as packed, tiny_guest.disk().open("rb") as disk:
        shutil.copyfileobj(disk, packed)
    (site / "install").write_text(INSTALL)
    # Nobody tells when the shell listens, so the line is typed several times; only the first that arrives counts.
    host = "{{ .HTTPIP }}:{{ .HTTPPort }}"
    line = f"<enter>wget -qO- http://{host}/install | sh -s {host}<enter><wait5>"

    def installed(machine: Machine) -> None:
        assert said(machine, "cat /disk/answer") == "42"
        assert "tiny.disk" in said(machine, "cat /proc/cmdline")

    config = settings(
        tiny_guest.installer(),
        tmp_path / "out",
        disk=DiskConfig(disk_size="256M"),
        screen=VncConfig(headless=True, vnc_use_password=True, boot_key_interval=timedelta(milliseconds=15)),
        boot=BootConfig(boot_wait=timedelta(seconds=5)),
        boot_steps=(("<enter><wait10>", "Start the installer"), *[(line, "Run the installation")] * TYPED),
        http=HttpConfig(http_directory=str(site), http_bind_address="127.0.0.1"),
        cd=CdConfig(cd_content={"answer": "42\n"}, cd_label="answers"),
        floppy=FloppyConfig(floppy_content={"unused": "x"}),
    )
    artifact = build(recording, config, installed)
    assert artifact.state["diskType"] == "qcow2"
    assert any("GET /install" in line for line in recording.output)
    assert [event.text for event in recording.of(Said) if event.text.startswith("Typing")] == [
        "Typing: Start the installer", *["Typing: Run the installation"] * TYPED,
    ]  # fmt: skip


def test_a_guest_that_never_answers_shows_its_console(recording: Recording, tmp_path: Path) -> None:
    """The disk has no SSH key for us here, and the login is refused; the console says what the guest did."""
    from hclimg.errors import TimedOut

    blank = tmp_path / "blank.raw"
    blank.write_bytes(bytes(1 << 20))
    kernel, initrd = tiny_guest.kernel()
    for patience in (20, 80, 320):  # how long it takes to boot depends on the host
        config = settings(
            blank,
            tmp_path / "out",
            disk=DiskConfig(disk_image=True, disk_size="16M"),
            communicator=evolve(LOGIN, ssh_port=2200, ssh_timeout=timedelta(seconds=patience)),
            qemuargs=(RANDOM, ("-kernel", str(kernel)), ("-initrd", str(initrd)), ("-append", "console=ttyS0 quiet")),
        )
        builder = QemuBuilder(config)
        with pytest.raises(TimedOut):
            builder.launch(recording.ctx, builder.resolve(recording.ctx))
        assert close_scope(recording.ctx) == []
        assert not (tmp_path / "out").exists()
        if recording.output:
            break
    assert "console: tiny is up" in recording.output


def test_uefi_boots_with_its_own_variables(recording: Recording, tmp_path: Path) -> None:
    """The firmware starts and writes its variables; the disk has nothing that it could boot."""
    given = Path("/usr/share/OVMF/OVMF_VARS.fd").read_bytes()
    for patience in (8, 32, 128):  # how soon the firmware writes depends on the host
        out = tmp_path / str(patience)
        config = settings(
            tiny_guest.disk(),
            out,
            machine_type="q35",
            communicator=CommunicatorConfig(communicator="none"),
            shutdown=ShutdownConfig(shutdown_timeout=timedelta(seconds=patience)),
            efi=EfiConfig(efi_boot=True),
        )
        artifact = build(recording, config)
        assert sorted(Path(name).name for name in artifact.files) == ["efivars.fd", "tiny.qcow2"]
        if (out / "efivars.fd").read_bytes() != given:
            return
    raise AssertionError("the firmware has written nothing")
