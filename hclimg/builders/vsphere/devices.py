"""What the API is told of a machine's devices: data objects made of settings. Makes no requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hclimg.builders.vsphere.hardware import Disk, FlagConfig, HardwareConfig, ParametersConfig
from hclimg.builders.vsphere.names import CARDS, CONTROLLERS, USB_CONTROLLERS
from hclimg.clouds.vsphere.client import is_a, new
from hclimg.clouds.vsphere.machines import options

KILOBYTES = 1024  # of a megabyte
NEW_KEYS = -1000
"""Keys of devices that the server has yet to number: negative ones."""


def change(device: Any, operation: str = "add", *, file: str | None = None) -> Any:
    """One change of a machine's devices; ``file``: create or destroy its backing."""
    fields = {"fileOperation": file} if file else {}
    return new("vm.device.VirtualDeviceSpec", device=device, operation=operation, **fields)


class Keys:
    """Hands out keys for new devices."""

    def __init__(self) -> None:
        self._next = NEW_KEYS

    def new(self) -> int:
        self._next -= 1
        return self._next


def config_spec(hardware: HardwareConfig, flags: FlagConfig, parameters: ParametersConfig, notes: str) -> Any:
    """All but the devices. What is not said stays as it is."""
    spec = new("vm.ConfigSpec")
    if notes:
        spec.annotation = notes
    if hardware.CPUs:
        spec.numCPUs = hardware.CPUs
    if hardware.cpu_cores:
        spec.numCoresPerSocket = hardware.cpu_cores
    if hardware.RAM:
        spec.memoryMB = hardware.RAM
    spec.cpuAllocation = _allocation(hardware.CPU_reservation, hardware.CPU_limit)
    if hardware.RAM_reserve_all:
        spec.memoryReservationLockedToMax = True
    else:
        spec.memoryAllocation = _allocation(hardware.RAM_reservation, 0)
    if hardware.CPU_hot_plug:
        spec.cpuHotAddEnabled = True
    if hardware.RAM_hot_plug:
        spec.memoryHotAddEnabled = True
    if hardware.NestedHV:
        spec.nestedHVEnabled = True
    _boot(spec, hardware)
    _flags(spec, flags)
    _tools(spec, parameters)
    if parameters.configuration_parameters:
        spec.extraConfig = options(parameters.configuration_parameters)
    return spec


def _allocation(reservation: int, limit: int) -> Any:
    if not reservation and not limit:
        return None
    return new("ResourceAllocationInfo", **({"reservation": reservation} if reservation else {}),
               **({"limit": limit} if limit else {}))  # fmt: skip


def _boot(spec: Any, hardware: HardwareConfig) -> None:
    if hardware.firmware:
        spec.firmware = hardware.firmware.partition("-")[0]
    if hardware.firmware or hardware.force_bios_setup:
        spec.bootOptions = new("vm.BootOptions")
    if hardware.firmware.startswith("efi"):
        spec.bootOptions.efiSecureBootEnabled = hardware.firmware == "efi-secure"
    if hardware.force_bios_setup:
        spec.bootOptions.enterBIOSSetup = True


def _flags(spec: Any, flags: FlagConfig) -> None:
    chosen = {name: True for name, on in (("vbsEnabled", flags.vbs_enabled), ("vvtdEnabled", flags.vvtd_enabled)) if on}
    if chosen:
        spec.flags = new("vm.FlagInfo", **chosen)


def _tools(spec: Any, parameters: ParametersConfig) -> None:
    chosen: dict[str, Any] = {}
    if parameters.tools_sync_time:
        chosen["syncTimeWithHost"] = True
    if parameters.tools_sync_time_periodically:
        chosen["syncTimeWithHostAllowed"] = True
    if parameters.tools_upgrade_policy:
        chosen["toolsUpgradePolicy"] = "upgradeAtPowerCycle"
    if chosen:
        spec.tools = new("vm.ToolsConfigInfo", **chosen)


# -- devices ----------------------------------------------------------------------


def controllers(names: Sequence[str], keys: Keys) -> list[Any]:
    """Disk controllers; each kind counts its buses from 0."""
    buses: dict[str, int] = {}
    found = []
    for name in names:
        kind = CONTROLLERS[name]
        family = "scsi" if "SCSI" in kind or "Logic" in kind else kind
        bus = buses[family] = buses.get(family, -1) + 1
        fields: dict[str, Any] = {"key": keys.new(), "busNumber": bus}
        if family == "scsi":
            fields["sharedBus"] = "noSharing"
        found.append(new(f"vm.device.{kind}", **fields))
    return found


def disks(wanted: Sequence[Disk], attached: Sequence[Any], keys: Keys, datastore: str) -> list[Any]:
    """New disks, each at the controller that it names, at the first free place."""
    units: dict[int, int] = {}
    found = []
    for disk in wanted:
        controller = attached[disk.disk_controller_index]
        unit = units.get(controller.key, -1) + 1
        unit += unit == 7 and is_a(controller, "vm.device.VirtualSCSIController")  # the place of the controller itself
        units[controller.key] = unit
        backing = new(
            "vm.device.VirtualDisk.FlatVer2BackingInfo", fileName=f"[{datastore}]" if datastore else "",
            diskMode="persistent", thinProvisioned=disk.disk_thin_provisioned, eagerlyScrub=disk.disk_eagerly_scrub,
        )  # fmt: skip
        found.append(
            new(
                "vm.device.VirtualDisk", key=keys.new(), backing=backing, controllerKey=controller.key,
                unitNumber=unit, capacityInKB=disk.disk_size * KILOBYTES,
            )
        )  # fmt: skip
    return found


def card(kind: str, backing: Any, keys: Keys, mac: str = "", *, passthrough: bool = False) -> Any:
    connectable = new(
        "vm.device.VirtualDevice.ConnectInfo", startConnected=True, connected=True, allowGuestControl=True
    )
    fields: dict[str, Any] = {"key": keys.new(), "backing": backing, "connectable": connectable}
    if mac:
        fields |= {"addressType": "manual", "macAddress": mac}
    if passthrough:
        fields["uptCompatibilityEnabled"] = True
    return new(f"vm.device.{CARDS[kind]}", **fields)


def usb(names: Iterable[str], keys: Keys) -> list[Any]:
    return [new(f"vm.device.{USB_CONTROLLERS[name]}", key=keys.new()) for name in names]


def iso_backing(path: str) -> Any:
    return new("vm.device.VirtualCdrom.IsoBackingInfo", fileName=path)


def empty_backing() -> Any:
    """A drive without a disc: the one of whoever looks at the screen."""
    return new("vm.device.VirtualCdrom.RemotePassthroughBackingInfo", deviceName="", exclusive=False)


def cdroms(existing: Sequence[Any], count: int, kind: str, keys: Keys) -> tuple[list[Any], list[Any]]:
    """Empty drives for a machine: new controllers where the existing ones are full, and the drives."""
    places = _places(existing, kind)
    added: list[Any] = []
    drives = []
    buses = len({key for key, _unit in places})
    for _ in range(count):
        if not places:
            name = "VirtualAHCIController" if kind == "sata" else "VirtualIDEController"
            controller = new(f"vm.device.{name}", key=keys.new(), busNumber=buses)
            buses += 1
            added.append(controller)
            places = [(controller.key, unit) for unit in range(30 if kind == "sata" else 2)]
        key, unit = places.pop(0)
        connectable = new(
            "vm.device.VirtualDevice.ConnectInfo", startConnected=True, connected=True, allowGuestControl=True
        )
        drives.append(
            new(
                "vm.device.VirtualCdrom", key=keys.new(), controllerKey=key, unitNumber=unit, backing=empty_backing(),
                connectable=connectable,
            )
        )  # fmt: skip
    return added, drives


def _places(existing: Sequence[Any], kind: str) -> list[tuple[int, int]]:
    """The free places of the controllers that a machine has."""
    name, size = ("vm.device.VirtualAHCIController", 30) if kind == "sata" else ("vm.device.VirtualIDEController", 2)
    taken = {(device.controllerKey, device.unitNumber) for device in existing}
    found = [device for device in existing if is_a(device, name)]
    return [(one.key, unit) for one in found for unit in range(size) if (one.key, unit) not in taken]


def floppy(path: str, keys: Keys) -> Any:
    backing = new("vm.device.VirtualFloppy.ImageBackingInfo", fileName=path)
    connectable = new(
        "vm.device.VirtualDevice.ConnectInfo", startConnected=True, connected=True, allowGuestControl=True
    )
    return new("vm.device.VirtualFloppy", key=keys.new(), backing=backing, connectable=connectable)


def of_kind(devices: Iterable[Any], name: str) -> list[Any]:
    return [device for device in devices if is_a(device, f"vm.device.{name}")]
