"""What a machine is made of, as entries of its VMX file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from hclimg.builders.vmware.config import SCSI, CommonConfig, VmxEntriesConfig
from hclimg.builders.vmware.iso_config import HardwareConfig
from hclimg.errors import BuildError
from hclimg.sdk.vmx import Vmx

PLACES = {
    "ide": tuple(f"ide{channel}:{unit}" for channel in (0, 1) for unit in (0, 1)),
    "sata": tuple(f"sata0:{unit}" for unit in range(30)),
    "scsi": tuple(f"scsi0:{unit}" for unit in range(16) if unit != 7),  # 7 is the controller itself
    "nvme": tuple(f"nvme0:{unit}" for unit in range(15)),
}
"""Where devices can be, by kind of bus."""

QUIET = {"msg.autoAnswer": "TRUE", "uuid.action": "create"}
"""VMware asks nobody: whether a machine was moved or copied, and the like."""

STANDARD = {
    ".encoding": "UTF-8", "config.version": "8", "pciBridge0.present": "TRUE",
    **{f"pciBridge{n}.present": "TRUE" for n in (4, 5, 6, 7)},
    **{f"pciBridge{n}.virtualDev": "pcieRootPort" for n in (4, 5, 6, 7)},
    **{f"pciBridge{n}.functions": "8" for n in (4, 5, 6, 7)},
    "vmci0.present": "TRUE", "hpet0.present": "TRUE", "tools.syncTime": "TRUE", "powerType.powerOff": "soft",
    "powerType.powerOn": "soft", "powerType.reset": "soft", "powerType.suspend": "soft", "floppy0.present": "FALSE",
    "virtualHW.productCompatibility": "hosted",
}  # fmt: skip

Render = Callable[..., str]


def new_machine(hardware: HardwareConfig, name: str) -> Vmx:
    """A machine without disks and drives."""
    vmx = Vmx(STANDARD)
    vmx.update({
        "virtualHW.version": str(hardware.version), "displayName": name, "guestOS": hardware.guest_os_type,
        "nvram": f"{name}.nvram",
    })  # fmt: skip
    add_hardware(vmx, hardware)
    return vmx


def from_template(template: str, hardware: HardwareConfig, render: Render, *, name: str, disk: str, iso: str) -> Vmx:
    """The user's template of a VMX file, filled in."""
    text = render(
        template, Name=name, GuestOS=hardware.guest_os_type, DiskName=disk, ISOPath=iso, Version=hardware.version,
        CpuCount=hardware.cpus, MemorySize=hardware.memory,
    )  # fmt: skip
    vmx = Vmx.parse(text)
    add_hardware(vmx, hardware)
    return vmx


def add_hardware(vmx: Vmx, hardware: HardwareConfig) -> None:
    vmx.update({"numvcpus": str(hardware.cpus), "memsize": str(hardware.memory)})
    if hardware.cores:
        vmx["cpuid.coresPerSocket"] = str(hardware.cores)
    if hardware.vhv_enabled:
        vmx["vhv.enable"] = "TRUE"
    if hardware.firmware:
        vmx["firmware"] = hardware.firmware.removesuffix("-secure")
        vmx.update({"uefi.secureBoot.enabled": "TRUE"} if hardware.firmware == "efi-secure" else {})
    vmx.update(_network(hardware))
    vmx["sound.present"] = _flag(hardware.sound)
    if hardware.sound:
        vmx.update({"sound.fileName": "-1", "sound.autodetect": "TRUE"})
    vmx["usb.present"] = _flag(hardware.usb)
    if hardware.usb:
        vmx["usb_xhci.present" if hardware.usb_version in ("3.1", "3.2") else "ehci.present"] = "TRUE"
    vmx.update(_serial(hardware.serial))
    vmx.update(_parallel(hardware.parallel))


def _network(hardware: HardwareConfig) -> dict[str, str]:
    kind, virtual = hardware.network, hardware.network_name
    if kind not in ("nat", "bridged", "hostonly"):
        kind, virtual = "custom", virtual or hardware.network
    entries = {
        "ethernet0.present": "TRUE", "ethernet0.startConnected": "TRUE", "ethernet0.addressType": "generated",
        "ethernet0.virtualDev": hardware.network_adapter_type,
        "ethernet0.connectionType": "custom" if virtual else kind,
    }  # fmt: skip
    return {**entries, "ethernet0.vnet": virtual} if virtual else entries


def _serial(text: str) -> dict[str, str]:
    kind, _, rest = text.partition(":")
    words = rest.split(",") if rest else []
    yields = "yield" in [word.lower() for word in words]
    port = {"serial0.present": "TRUE", "serial0.yieldOnMsrRead": _flag(yields)}
    match kind.lower():
        case "" | "none":
            return {}
        case "auto":
            return {**port, "serial0.autodetect": "TRUE", "serial0.fileType": "device"}
        case "pipe":
            side, other = words[1].lower(), words[2].lower()
            named = {"serial0.fileType": "pipe", "serial0.fileName": words[0], "serial0.pipe.endPoint": side}
            return {**port, **named, "serial0.tryNoRxLoss": _flag(other == "app")}
        case what:
            return {**port, "serial0.fileType": what, "serial0.fileName": words[0]}


def _parallel(text: str) -> dict[str, str]:
    kind, _, rest = text.partition(":")
    words = rest.split(",") if rest else []
    both = "bidirectional" in [word.lower() for word in words]
    port = {"parallel0.present": "TRUE", "parallel0.bidirectional": _flag(both)}
    match kind.lower():
        case "" | "none":
            return {}
        case "auto":
            return {**port, "parallel0.autodetect": "TRUE", "parallel0.fileType": "device"}
        case "file":
            return {**port, "parallel0.fileType": "file", "parallel0.fileName": words[0]}
        case _:
            return {**port, "parallel0.fileType": "device", "parallel0.fileName": words[0]}


def _flag(value: bool) -> str:
    return "TRUE" if value else "FALSE"


# -- disks and drives -------------------------------------------------------------


def add_disks(vmx: Vmx, adapter: str, names: Iterable[str]) -> None:
    """Attach disks that are files beside the VMX file."""
    bus = "scsi" if adapter in SCSI else adapter
    for name in names:
        place = _free(vmx, bus)
        _switch_on(vmx, bus, adapter)
        vmx.update({f"{place}.present": "TRUE", f"{place}.fileName": name})


def add_cd(vmx: Vmx, config: CommonConfig, image: Path | str) -> str:
    """Put an image into a drive of its own; the place of the drive."""
    bus = config.disks.cdrom_adapter_type or ("sata" if config.disks.disk_adapter_type == "sata" else "ide")
    place = _free(vmx, bus)
    _switch_on(vmx, bus, "scsi")
    vmx.update({
        f"{place}.present": "TRUE", f"{place}.deviceType": "cdrom-image", f"{place}.fileName": str(image),
        f"{place}.startConnected": "TRUE",
    })  # fmt: skip
    return place


def add_floppy(vmx: Vmx, image: Path) -> None:
    vmx.update({
        "floppy0.present": "TRUE", "floppy0.fileType": "file", "floppy0.fileName": str(image),
        "floppy0.clientDevice": "FALSE", "floppy0.startConnected": "TRUE",
    })  # fmt: skip


def disks_of(vmx: Vmx) -> Iterator[str]:
    """The files of the disks, as they stand in a VMX file."""
    for found in vmx.matching(r"((?:ide|scsi|sata|nvme)\d+:\d+)\.filename"):
        name = vmx[found[0]]
        if name.lower().endswith(".vmdk") and vmx.get(f"{found[1]}.present", "TRUE").upper() == "TRUE":
            yield name


def _free(vmx: Vmx, bus: str) -> str:
    for place in PLACES[bus]:
        if not vmx.is_on(f"{place}.present"):
            vmx.remove(re.escape(place) + r"\..*")
            return place
    hint = "Attach some of them to another adapter: see disk_adapter_type and cdrom_adapter_type."
    raise BuildError(
        f"The machine has more disks and drives than fit on {bus.upper()} ({len(PLACES[bus])}).", hint=hint
    )


def _switch_on(vmx: Vmx, bus: str, adapter: str) -> None:
    if bus == "ide" or vmx.is_on(f"{bus}0.present"):
        return
    vmx[f"{bus}0.present"] = "TRUE"
    if bus == "scsi" and adapter != "scsi":
        vmx["scsi0.virtualDev"] = adapter


# -- the screen, and the result -----------------------------------------------------


def add_screen(vmx: Vmx, address: str, port: int, password: str) -> None:
    vmx.update({"RemoteDisplay.vnc.enabled": "TRUE", "RemoteDisplay.vnc.port": str(port),
                "RemoteDisplay.vnc.ip": address})  # fmt: skip
    if password:
        vmx["RemoteDisplay.vnc.password"] = password


def clean(vmx: Vmx, drives: Iterable[str], entries: VmxEntriesConfig) -> None:
    """Take out what only the build needed: media, the screen, answers. Then what the user wants in the result."""
    vmx.remove(r"remotedisplay\.vnc\..*|msg\.autoanswer|uuid\.action|floppy0\..*")
    vmx["floppy0.present"] = "FALSE"
    for place in drives:
        vmx.remove(re.escape(place) + r"\..*")
        vmx.update({f"{place}.present": "TRUE", f"{place}.deviceType": "cdrom-raw", f"{place}.fileName": "auto detect",
                    f"{place}.startConnected": "FALSE"})  # fmt: skip
    if entries.vmx_remove_ethernet_interfaces:
        vmx.remove(r"ethernet\d+\..*")
    vmx.update(entries.vmx_data_post)
