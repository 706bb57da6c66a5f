"""The command line of QEMU for given settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from hclimg.builders.qemu.command import Disk, Hardware, command_line, has_fw_cfg, processors
from hclimg.builders.qemu.config import CpuConfig, DiskConfig, EfiConfig, NetworkConfig, QemuConfig, VncConfig
from hclimg.builders.qemu.network import address_of, card_of, new_card_address

DISK = Disk(path=Path("/out/vm"), format="qcow2", cache="writeback")
HARDWARE = Hardware(name="vm", accelerator="tcg", disks=(DISK,), host_port=2222, guest_port=22, vnc_port=5905)


def line(
    config: QemuConfig | None = None, rows: list[list[str]] | None = None, **hardware: Any
) -> dict[str, list[str]]:
    """The switches of the command line, each with its values."""
    argv = command_line(config or QemuConfig(), evolve(HARDWARE, **hardware), rows or [])
    assert argv[0] == "qemu-system-x86_64"
    found: dict[str, list[str]] = {}
    for word in argv[1:]:
        if word.startswith("-"):
            switch = word
            found.setdefault(switch, [])
        else:
            found[switch].append(word)
    return found


def test_the_defaults() -> None:
    assert line() == {
        "-name": ["vm"],
        "-machine": ["type=pc,accel=tcg"],
        "-m": ["512M"],
        "-smp": ["1"],
        "-boot": ["once=d"],
        "-netdev": ["user,id=user.0,hostfwd=tcp:127.0.0.1:2222-:22"],
        "-device": ["virtio-net,netdev=user.0"],
        "-drive": ["file=/out/vm,if=virtio,cache=writeback,discard=ignore,format=qcow2"],
        "-vnc": ["127.0.0.1:5"],
    }


def test_what_hclimg_needs_is_added_at_the_end() -> None:
    found = line(qmp_fd=7, console=True, key_file=Path("/w/key"))
    assert found["-chardev"] == ["socket,id=hclimg.qmp,fd=7", "ringbuf,id=hclimg.console,size=65536"]
    assert found["-mon"] == ["chardev=hclimg.qmp,mode=control"]
    assert found["-serial"] == ["chardev:hclimg.console"]
    assert found["-fw_cfg"] == ["name=opt/org.hclimg/ssh_authorized_key,file=/w/key"]


def test_a_serial_port_of_the_user_stays_his() -> None:
    assert line(rows=[["-serial", "stdio"]], console=True)["-serial"] == ["stdio"]
    assert "-serial" not in line(rows=[["-nographic"]], console=True)


@pytest.mark.parametrize(
    ("machine", "yes"), [("pc", True), ("pc-q35-7.2", True), ("q35,smm=on", True), ("virt", True), ("pseries", False)]
)
def test_the_key_is_only_handed_to_machines_that_can_take_it(machine: str, yes: bool) -> None:
    assert has_fw_cfg(machine) is yes
    assert ("-fw_cfg" in line(QemuConfig(machine_type=machine), key_file=Path("/w/key"))) is yes


@pytest.mark.parametrize(
    ("cpu", "expected"),
    [
        ({}, "1"),
        ({"cpus": 4}, "4"),
        ({"sockets": 2, "cores": 3, "threads": 2}, "12,sockets=2,cores=3,threads=2"),
        ({"cores": 3}, "3,cores=3"),
        ({"threads": 2}, "2,threads=2"),
        ({"sockets": 2, "threads": 2}, "4,sockets=2,threads=2"),
        ({"cpus": 2, "cores": 4}, "2,cores=4"),
        ({"cpus": 8, "cores": 4}, "4,cores=4"),
    ],
)
def test_processors_as_packer_counts_them(cpu: dict[str, int], expected: str) -> None:
    assert processors(CpuConfig(**cpu)) == expected
    assert line(QemuConfig(cpu=CpuConfig(**cpu)))["-smp"] == [expected]


@pytest.mark.parametrize(
    ("interface", "devices", "drives"),
    [
        ("ide", [], ["file=/out/vm,if=ide,{}", "file=/out/vm-1,if=ide,{}"]),
        ("virtio", [], ["file=/out/vm,if=virtio,{}", "file=/out/vm-1,if=virtio,{}"]),
        (
            "virtio-scsi",
            ["virtio-scsi-pci,id=scsi0", "scsi-hd,bus=scsi0.0,drive=drive0", "scsi-hd,bus=scsi0.0,drive=drive1"],
            ["if=none,file=/out/vm,id=drive0,{}", "if=none,file=/out/vm-1,id=drive1,{}"],
        ),
        (
            "scsi",
            ["lsi53c895a,id=scsi0", "scsi-hd,bus=scsi0.0,drive=drive0", "scsi-hd,bus=scsi0.0,drive=drive1"],
            ["if=none,file=/out/vm,id=drive0,{}", "if=none,file=/out/vm-1,id=drive1,{}"],
        ),
        (
            "sata",
            ["ahci,id=ahci0", "ide-hd,bus=ahci0.0,drive=drive0", "ide-hd,bus=ahci0.1,drive=drive1"],
            ["if=none,file=/out/vm,id=drive0,{}", "if=none,file=/out/vm-1,id=drive1,{}"],
        ),
    ],
)
def test_disks_on_every_interface(interface: str, devices: list[str], drives: list[str]) -> None:
    config = QemuConfig(disk=DiskConfig(disk_interface=interface, disk_discard="unmap", disk_detect_zeroes="on"))
    found = line(config, disks=(DISK, evolve(DISK, path=Path("/out/vm-1"))))
    options = "cache=writeback,discard=unmap,format=qcow2,detect-zeroes=on"
    assert found["-device"] == [*devices, "virtio-net,netdev=user.0"]
    assert found["-drive"] == [drive.format(options) for drive in drives]


@pytest.mark.parametrize(
    ("disk", "cdrom", "devices", "drive"),
    [
        ("virtio", "", [], "file=/a.iso,media=cdrom,readonly=on"),
        ("virtio", "ide", [], "file=/a.iso,if=ide,media=cdrom,readonly=on"),
        ("ide", "virtio", [], "file=/a.iso,if=virtio,media=cdrom,readonly=on"),
        ("virtio", "virtio-scsi", ["virtio-scsi-pci,id=scsi0", "scsi-cd,bus=scsi0.0,drive=cdrom0"],
         "file=/a.iso,if=none,id=cdrom0,media=cdrom,readonly=on"),
        ("virtio-scsi", "scsi", ["virtio-scsi-pci,id=scsi0", "scsi-hd,bus=scsi0.0,drive=drive0",
         "scsi-cd,bus=scsi0.0,drive=cdrom0"], "file=/a.iso,if=none,id=cdrom0,media=cdrom,readonly=on"),
    ],
)  # fmt: skip
def test_cds_on_every_interface(disk: str, cdrom: str, devices: list[str], drive: str) -> None:
    config = QemuConfig(disk=DiskConfig(disk_interface=disk, cdrom_interface=cdrom))
    found = line(config, cds=("/a.iso",))
    assert found["-device"] == [*devices, "virtio-net,netdev=user.0"]
    assert found["-drive"][-1] == drive


def test_a_disk_image_boots_from_disk() -> None:
    assert line(QemuConfig(disk=DiskConfig(disk_image=True)))["-boot"] == ["c"]


def test_paths_with_commas() -> None:
    found = line(disks=(evolve(DISK, path=Path("/out/a,b")),), name="a,b")
    assert found["-drive"][0].startswith("file=/out/a,,b,if=virtio,")
    assert found["-name"] == ["a,,b"]


def test_accelerators() -> None:
    assert line(accelerator="kvm")["-machine"] == ["type=pc,accel=kvm"]
    assert line(QemuConfig(machine_type="q35"), accelerator="none")["-machine"] == ["type=q35"]


def test_networks() -> None:
    assert line(host_port=0)["-netdev"] == ["user,id=user.0"]
    bridged = line(QemuConfig(network=NetworkConfig(net_bridge="virbr0")), mac="52:54:00:aa:bb:cc", host_port=0)
    assert bridged["-netdev"] == ["bridge,id=user.0,br=virbr0"]
    assert bridged["-device"] == ["virtio-net,netdev=user.0,mac=52:54:00:aa:bb:cc"]
    assert line(QemuConfig(network=NetworkConfig(net_device="e1000")))["-device"] == ["e1000,netdev=user.0"]


def test_screens() -> None:
    assert line(QemuConfig(screen=VncConfig(vnc_use_password=True)))["-vnc"] == ["127.0.0.1:5,password=on"]
    assert line(QemuConfig(screen=VncConfig(vnc_bind_address="::")))["-vnc"] == ["[::]:5"]
    assert "-vnc" not in line(vnc_port=0)
    assert line(QemuConfig(screen=VncConfig(vga="virtio")), display="gtk")["-display"] == ["gtk"]
    assert line(QemuConfig(screen=VncConfig(vga="virtio")))["-vga"] == ["virtio"]


def test_firmware() -> None:
    assert line(QemuConfig(firmware="/f.fd"))["-bios"] == ["/f.fd"]
    flash = line(QemuConfig(firmware="/f.fd", use_pflash=True))
    assert flash["-drive"][-1] == "file=/f.fd,if=pflash,format=raw,readonly=on"
    assert "-bios" not in flash
    efi = line(QemuConfig(efi=EfiConfig(efi_boot=True)), efi_code="/c.fd", efi_vars=Path("/out/efivars.fd"))
    assert efi["-drive"][-2:] == [
        "file=/c.fd,if=pflash,unit=0,format=raw,readonly=on",
        "file=/out/efivars.fd,if=pflash,unit=1,format=raw",
    ]


def test_the_rest() -> None:
    config = QemuConfig(cpu=CpuConfig(cpu_model="host"), memory=2048, tpm_device_type="tpm-crb")
    found = line(config, floppy=Path("/w/f.img"), tpm_socket=Path("/w/tpm.sock"), user_monitor=Path("/m"))
    assert (found["-cpu"], found["-m"], found["-fda"]) == (["host"], ["2048M"], ["/w/f.img"])
    assert found["-chardev"] == ["socket,id=vtpm,path=/w/tpm.sock"]
    assert found["-tpmdev"] == ["emulator,id=tpm0,chardev=vtpm"]
    assert found["-device"][-1] == "tpm-crb,tpmdev=tpm0"
    assert found["-qmp"] == ["unix:/m,server=on,wait=off"]


def test_rows_of_the_user_replace_ours() -> None:
    found = line(rows=[["-m", "1024M"], ["-boot", "order=", "n"], ["-drive", "a"], ["--drive", "b"], ["-no-acpi", ""]])
    assert (found["-m"], found["-boot"], found["-drive"]) == (["1024M"], ["order=n"], ["a", "b"])
    assert found["-no-acpi"] == []
    assert found["-smp"] == ["1"]


def test_a_device_more_does_not_cost_the_network_card() -> None:
    assert line(rows=[["-device", "virtio-rng-pci"]])["-device"] == ["virtio-rng-pci", "virtio-net,netdev=user.0"]
    own = line(rows=[["-device", "e1000,netdev=user.0"]])
    assert own["-device"] == ["e1000,netdev=user.0"]
    other = line(rows=[["-netdev", "user,id=n"], ["-device", "e1000,netdev=n"]])
    assert other["-device"] == ["e1000,netdev=n"]


# -- finding the guest on a bridge --------------------------------------------


def test_the_card_and_its_address() -> None:
    listing = (
        "e1000.0: index=0,type=nic,model=e1000,macaddr=52:54:00:00:00:01\n \\ other: index=0,type=user\n"
        "virtio-net-pci.0: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:00:00:02\n"
        " \\ user.0: index=0,type=tap\n"
    )
    assert card_of(listing) == "52:54:00:00:00:02"
    assert card_of("") == ""
    table = (
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "192.168.1.5      0x1         0x2         52:54:00:00:00:02     *        eth0\n"
        "192.168.122.9    0x1         0x0         52:54:00:00:00:02     *        virbr0\n"
        "192.168.122.10   0x1         0x2         52:54:00:00:00:02     *        virbr0\n"
    )
    assert address_of("52:54:00:00:00:02", "virbr0", table) == "192.168.122.10"
    assert address_of("52:54:00:00:00:03", "virbr0", table) == ""
    assert new_card_address().startswith("52:54:00:")
    assert new_card_address() != new_card_address()
