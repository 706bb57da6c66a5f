"""The command line of QEMU, from the settings and what was prepared. Pure: nothing is looked at or changed.

Packer's contract for ``qemuargs``: a row replaces all the arguments that would be given with the same switch. What
hclimg needs to control the machine is added afterwards and cannot be replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from attrs import frozen

from hclimg.builders.qemu.config import FIRST_VNC_PORT, CpuConfig, DiskConfig, QemuConfig

Switches = dict[str, list[str]]
"""Each switch with its values in order; a switch without a value has an empty list."""

NETDEV = "user.0"
KEY_NAME = "opt/org.hclimg/ssh_authorized_key"
"""Where the guest finds the temporary public key: /sys/firmware/qemu_fw_cfg/by_name/KEY_NAME/raw in Linux."""

CONSOLE = "hclimg.console"
CONSOLE_SIZE = 1 << 16

FW_CFG_MACHINES = ("pc", "q35", "virt", "microvm")


@frozen(kw_only=True)
class Disk:
    path: Path
    format: str
    cache: str


@frozen(kw_only=True)
class Hardware:
    """What was prepared for one start of the machine. Ports are 0 where there is none.

    ``qmp_fd`` is the socket of our own monitor, ``key_file`` holds the temporary public key. ``console``: keep what
    the guest writes to its serial port, in memory, since QEMU writes to a file one byte at a time.
    """

    name: str
    accelerator: str
    disks: tuple[Disk, ...] = ()
    cds: tuple[str, ...] = ()
    floppy: Path | None = None
    host_port: int = 0
    guest_port: int = 0
    mac: str = ""
    vnc_port: int = 0
    display: str = ""
    efi_code: str = ""
    efi_vars: Path | None = None
    tpm_socket: Path | None = None
    user_monitor: Path | None = None
    qmp_fd: int = -1
    console: bool = False
    key_file: Path | None = None


def command_line(config: QemuConfig, hardware: Hardware, rows: Sequence[Sequence[str]]) -> list[str]:
    """``rows`` are the user's qemuargs, rendered."""
    switches = overridden(default_switches(config, hardware), rows)
    _connect_card(switches, config, hardware)
    arguments = [config.qemu_binary]
    for switch, values in switches.items():
        for value in values:
            arguments += [switch, value]
        if not values:
            arguments.append(switch)
    return arguments + list(_controls(config, hardware, switches))


def overridden(defaults: Switches, rows: Sequence[Sequence[str]]) -> Switches:
    """The defaults with the user's rows in place of those with the same switch. ``--x`` is the same as ``-x``."""
    own: Switches = {}
    for row in rows:
        values = own.setdefault(f"-{row[0].lstrip('-')}", [])
        if value := "".join(row[1:]):
            values.append(value)
    return defaults | own


def default_switches(config: QemuConfig, hardware: Hardware) -> Switches:
    found: Switches = {
        "-name": [escaped(hardware.name)],
        "-machine": [_machine(config, hardware)],
        "-m": [f"{config.memory_size}M"],
        "-smp": [processors(config.cpu)],
        "-boot": ["c" if config.disk.disk_image else "once=d"],
        "-netdev": [_netdev(config, hardware)],
        "-device": [],
        "-drive": [],
    }
    _add_storage(found, config, hardware)
    found["-device"].append(_card(config, hardware))
    _add_firmware(found, config, hardware)
    _add_screen(found, config, hardware)
    if config.cpu.cpu_model:
        found["-cpu"] = [config.cpu.cpu_model]
    if hardware.floppy:
        found["-fda"] = [str(hardware.floppy)]
    if hardware.tpm_socket:
        found["-chardev"] = [f"socket,id=vtpm,path={escaped(str(hardware.tpm_socket))}"]
        found["-tpmdev"] = ["emulator,id=tpm0,chardev=vtpm"]
        found["-device"].append(f"{config.tpm_device_type},tpmdev=tpm0")
    if hardware.user_monitor:
        found["-qmp"] = [f"unix:{escaped(str(hardware.user_monitor))},server=on,wait=off"]
    return found


def escaped(value: str) -> str:
    """A value of an option with commas in it."""
    return value.replace(",", ",,")


def processors(cpu: CpuConfig) -> str:
    """The value of -smp. When both the number and the topology are given, the smaller number counts, as in Packer."""
    topology = 1
    for count in (cpu.sockets, cpu.cores, cpu.threads):
        topology *= count or 1
    given = bool(cpu.sockets or cpu.cores or cpu.threads)
    count = min(cpu.cpus or topology, topology) if given else cpu.cpus or 1
    parts = [str(count)]
    parts += [f"{name}={getattr(cpu, name)}" for name in ("sockets", "cores", "threads") if getattr(cpu, name)]
    return ",".join(parts)


def _machine(config: QemuConfig, hardware: Hardware) -> str:
    kind = f"type={config.machine_type}"
    return kind if hardware.accelerator == "none" else f"{kind},accel={hardware.accelerator}"


def _netdev(config: QemuConfig, hardware: Hardware) -> str:
    if config.network.net_bridge:
        return f"bridge,id={NETDEV},br={config.network.net_bridge}"
    if not hardware.host_port:
        return f"user,id={NETDEV}"
    return f"user,id={NETDEV},hostfwd=tcp:127.0.0.1:{hardware.host_port}-:{hardware.guest_port}"


def _connect_card(switches: Switches, config: QemuConfig, hardware: Hardware) -> None:
    """Rows for -device drop our network card too, which nobody means who only adds a device."""
    devices = switches["-device"]
    has_net = any(f"id={NETDEV}" in value.split(",") for value in switches["-netdev"])
    if has_net and not any(f"netdev={NETDEV}" in value.split(",") for value in devices):
        devices.append(_card(config, hardware))


def _card(config: QemuConfig, hardware: Hardware) -> str:
    address = f",mac={hardware.mac}" if hardware.mac else ""
    return f"{config.network.net_device},netdev={NETDEV}{address}"


# -- storage ------------------------------------------------------------------


class _Buses:
    """Which controllers the drives need; each is added once."""

    def __init__(self, devices: list[str]) -> None:
        self._devices = devices
        self._sata = 0

    def scsi(self, controller: str) -> str:
        self._add(f"{controller},id=scsi0")
        return "scsi0.0"

    def sata(self) -> str:
        self._add("ahci,id=ahci0")
        self._sata += 1
        return f"ahci0.{self._sata - 1}"

    def _add(self, device: str) -> None:
        if device not in self._devices:
            self._devices.append(device)


SCSI = {"virtio-scsi": "virtio-scsi-pci", "scsi": "lsi53c895a"}


def _add_storage(found: Switches, config: QemuConfig, hardware: Hardware) -> None:
    devices, drives = found["-device"], found["-drive"]
    buses = _Buses(devices)
    kind = config.disk.disk_interface
    for number, disk in enumerate(hardware.disks):
        if kind in ("ide", "virtio"):
            drives.append(f"file={escaped(str(disk.path))},if={kind},{_drive_options(config.disk, disk)}")
            continue
        bus = buses.sata() if kind == "sata" else buses.scsi(SCSI[kind])
        model = "ide-hd" if kind == "sata" else "scsi-hd"
        devices.append(f"{model},bus={bus},drive=drive{number}")
        options = _drive_options(config.disk, disk)
        drives.append(f"if=none,file={escaped(str(disk.path))},id=drive{number},{options}")
    _add_cds(found, config.disk, hardware.cds, buses)


def _drive_options(config: DiskConfig, disk: Disk) -> str:
    options = f"cache={disk.cache},discard={config.disk_discard},format={disk.format}"
    zeroes = config.disk_detect_zeroes
    return options if zeroes == "off" else f"{options},detect-zeroes={zeroes}"


def _add_cds(found: Switches, config: DiskConfig, cds: Iterable[str], buses: _Buses) -> None:
    kind = config.cdrom_interface
    for number, path in enumerate(cds):
        file = f"file={escaped(path)}"
        if kind in SCSI:
            controller = SCSI[config.disk_interface if config.disk_interface in SCSI else kind]
            found["-drive"].append(f"{file},if=none,id=cdrom{number},media=cdrom,readonly=on")
            found["-device"].append(f"scsi-cd,bus={buses.scsi(controller)},drive=cdrom{number}")
        else:
            interface = f"if={kind}," if kind else ""
            found["-drive"].append(f"{file},{interface}media=cdrom,readonly=on")


# -- firmware and screen ------------------------------------------------------


def _add_firmware(found: Switches, config: QemuConfig, hardware: Hardware) -> None:
    if hardware.efi_vars:
        code, own = escaped(hardware.efi_code), escaped(str(hardware.efi_vars))
        found["-drive"] += [
            f"file={code},if=pflash,unit=0,format=raw,readonly=on",
            f"file={own},if=pflash,unit=1,format=raw",
        ]
    elif config.firmware and config.use_pflash:
        found["-drive"].append(f"file={escaped(config.firmware)},if=pflash,format=raw,readonly=on")
    elif config.firmware:
        found["-bios"] = [config.firmware]


def _add_screen(found: Switches, config: QemuConfig, hardware: Hardware) -> None:
    if hardware.vnc_port:
        host = config.screen.vnc_bind_address
        host = f"[{host}]" if ":" in host else host
        password = ",password=on" if config.screen.asks_password else ""
        found["-vnc"] = [f"{host}:{hardware.vnc_port - FIRST_VNC_PORT}{password}"]
    if hardware.display:
        found["-display"] = [hardware.display]
    if config.screen.vga:
        found["-vga"] = [config.screen.vga]


# -- what hclimg needs for itself ---------------------------------------------


def _controls(config: QemuConfig, hardware: Hardware, switches: Switches) -> Iterator[str]:
    if hardware.qmp_fd >= 0:
        yield from ("-chardev", f"socket,id=hclimg.qmp,fd={hardware.qmp_fd}")
        yield from ("-mon", "chardev=hclimg.qmp,mode=control")
    if hardware.console and not {"-serial", "-nographic"} & switches.keys():
        yield from ("-chardev", f"ringbuf,id={CONSOLE},size={CONSOLE_SIZE}", "-serial", f"chardev:{CONSOLE}")
    if hardware.key_file and has_fw_cfg(config.machine_type):
        yield from ("-fw_cfg", f"name={KEY_NAME},file={escaped(str(hardware.key_file))}")


def has_fw_cfg(machine: str) -> bool:
    """Whether a machine can be handed files: ``pc``, ``pc-q35-7.2``, ``virt-8.0``, …"""
    return machine.partition(",")[0].split("-")[0] in FW_CFG_MACHINES
