"""From a machine that exists to one that one can log in to: the same for both builders."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from hclimg.builders.vsphere import devices
from hclimg.builders.vsphere.config import CommonConfig, RunConfig
from hclimg.builders.vsphere.devices import Keys, change
from hclimg.builders.vsphere.guest import wait_for_address
from hclimg.builders.vsphere.hardware import BOOT_DEVICES, HardwareConfig
from hclimg.builders.vsphere.keyboard import type_boot_command
from hclimg.builders.vsphere.site import temporary_file
from hclimg.clouds.vsphere.client import new
from hclimg.clouds.vsphere.machines import reconfigure
from hclimg.clouds.vsphere.paths import DatastorePath, parse_path
from hclimg.clouds.vsphere.site import OwnedMachine, Site
from hclimg.communicators.connect import connect
from hclimg.communicators.facts import machine_facts
from hclimg.communicators.loading import load_ahead
from hclimg.communicators.none import NoCommunicator
from hclimg.errors import BuildError
from hclimg.sdk.cdrom import cd_image
from hclimg.sdk.context import Context
from hclimg.sdk.disk import private_directory
from hclimg.sdk.floppy import floppy_disk
from hclimg.sdk.http import http_server
from hclimg.sdk.machine import Communicator, Machine
from hclimg.sdk.ssh_keys import KeyPair, temporary_key_pair
from hclimg.sdk.steps import step
from hclimg.sdk.surroundings import Surroundings


@frozen(kw_only=True)
class Running:
    """What the capture needs to know of the launch."""

    site: Site
    owned: OwnedMachine
    public_key: str = ""


def key_pair(ctx: Context, config: RunConfig) -> KeyPair | None:
    """A key for this build, unless the user has a way to log in."""
    how = config.communicator
    if how.communicator != "ssh" or how.ssh_private_key_file or how.ssh_agent_auth or how.ssh_password.reveal():
        return None
    return temporary_key_pair(
        ctx, name=how.temporary_key_pair_name, key_type=how.temporary_key_pair_type, bits=how.temporary_key_pair_bits
    )


def start(
    ctx: Context, config: CommonConfig, site: Site, owned: OwnedMachine, key: KeyPair | None, isos: tuple[str, ...],
    *, power: bool,
) -> Machine:  # fmt: skip
    """Give the machine its media, switch it on (``power``), type, wait, log in."""
    running = config.running
    _media(ctx, config, site, owned, isos)
    around = _surroundings(ctx, running, site, key)
    if not power:
        return _machine(ctx, config, owned, site, NoCommunicator(), "", around, key)
    power_on(ctx, site, owned)
    load_ahead(running.communicator.communicator)
    if running.boot.boot_command:
        type_boot_command(ctx, site, owned.ref, running.boot, around.data(owned.name))
    if running.communicator.communicator == "none":
        return _machine(ctx, config, owned, site, NoCommunicator(), "", around, key)
    how = running.communicator
    host = how.host or wait_for_address(ctx, site, owned.ref, running.ip)
    communicator = connect(ctx, how, host=host, port=how.port, private_key=key.private if key else None)
    return _machine(ctx, config, owned, site, communicator, host, around, key)


@step("Starting the machine")
def power_on(ctx: Context, site: Site, owned: OwnedMachine) -> None:
    """Switched off with the machine's removal, or by the shutdown."""
    site.api.run(f"switch {owned.name} on", lambda: owned.ref.PowerOnVM_Task(), ctx.cancel)


def _surroundings(ctx: Context, config: RunConfig, site: Site, key: KeyPair | None) -> Surroundings:
    port = 0
    host = config.http_ip
    if config.http.wanted:
        address = http_server(ctx, config.http)
        port, host = address.port, host or address.host
    host = host or address_towards(site.api.endpoint.host, site.api.endpoint.port)
    return Surroundings(http_ip=host, http_port=port, public_key=key.public if key else "")


def address_towards(host: str, port: int) -> str:
    """The address of this host that a machine near the vCenter would reach it at."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(address)
            return str(probe.getsockname()[0])
    except OSError as error:
        raise BuildError(f"No address of this host leads to {host}: {error.strerror}.", hint="Set http_ip.") from error


def _machine(
    ctx: Context, config: CommonConfig, owned: OwnedMachine, site: Site, communicator: Communicator, host: str,
    around: Surroundings, key: KeyPair | None,
) -> Machine:  # fmt: skip
    how = config.running.communicator
    port = how.port if host else 0
    facts = {**machine_facts(ctx, how, machine_id=owned.name, host=host, port=port, key=key), **around.facts()}
    handle = Running(site=site, owned=owned, public_key=around.public_key)
    return Machine(id=owned.name, communicator=communicator, facts=facts, handle=handle)


# -- media and order --------------------------------------------------------------


def _media(ctx: Context, config: CommonConfig, site: Site, owned: OwnedMachine, isos: tuple[str, ...]) -> None:
    """CD drives, floppy and boot order, in one change of the machine."""
    running = config.running
    found = site.api.get(owned.ref, "config.hardware.device", "config.files.vmPathName")
    existing = found.get("config.hardware.device", [])
    folder = parse_path(str(found.get("config.files.vmPathName", f"[{site.datastore}] {owned.name}/x"))).folder
    paths = [*isos, *running.cdrom.iso_paths]
    work = private_directory(ctx) if running.cd.wanted or running.floppy.wanted else Path()
    host = config.location.host if config.location.set_host_for_datastore_uploads else ""
    if running.cd.wanted:
        image = cd_image(ctx, running.cd, work / "cd.iso")
        target = DatastorePath(folder.datastore, f"{folder.path}/hclimg-{ctx.run.id}-cd.iso")
        paths.append(str(temporary_file(ctx, site, image, target, host)))
    keys, changes = Keys(), []
    added, drives = devices.cdroms(existing, len(paths), running.cdrom.cdrom_type, keys)
    for drive, path in zip(drives, paths, strict=True):
        drive.backing = devices.iso_backing(path)
    changes += [change(device) for device in (*added, *drives)]
    floppy = running.floppy_img_path
    if running.floppy.wanted:
        image = floppy_disk(ctx, running.floppy, work / "floppy.flp")
        target = DatastorePath(folder.datastore, f"{folder.path}/hclimg-{ctx.run.id}-floppy.flp")
        floppy = str(temporary_file(ctx, site, image, target, host))
    if floppy:
        changes.append(change(devices.floppy(floppy, keys)))
    if changes:
        reconfigure(
            site.api, owned.ref, f"attach media to {owned.name}", new("vm.ConfigSpec", deviceChange=changes), ctx.cancel
        )
    order = running.order.order
    if not order and not isos:
        return
    set_boot_order(ctx, site, owned, order or ("disk", "cdrom"))


def set_boot_order(ctx: Context, site: Site, owned: OwnedMachine, order: tuple[str, ...]) -> None:
    """Empty: vSphere's own order."""
    existing = site.api.get(owned.ref, "config.hardware.device").get("config.hardware.device", [])
    wanted = [device for name in order for device in _bootable(name, existing, order)]
    spec = new("vm.ConfigSpec", bootOptions=new("vm.BootOptions", bootOrder=wanted))
    reconfigure(site.api, owned.ref, f"set the boot order of {owned.name}", spec, ctx.cancel)


def _bootable(name: str, existing: list[Any], order: tuple[str, ...]) -> list[Any]:
    if name == "-":
        return [item for other in BOOT_DEVICES if other not in order for item in _bootable(other, existing, order)]
    if name == "disk":
        keys = [device.key for device in devices.of_kind(existing, "VirtualDisk")]
        return [new("vm.BootOptions.BootableDiskDevice", deviceKey=key) for key in keys]
    if name == "ethernet":
        keys = [device.key for device in devices.of_kind(existing, "VirtualEthernetCard")]
        return [new("vm.BootOptions.BootableEthernetDevice", deviceKey=key) for key in keys]
    if name == "cdrom":
        return [new("vm.BootOptions.BootableCdromDevice")] if devices.of_kind(existing, "VirtualCdrom") else []
    return [new("vm.BootOptions.BootableFloppyDevice")] if devices.of_kind(existing, "VirtualFloppy") else []


# -- devices that depend on the host ----------------------------------------------


def special_devices(hardware: HardwareConfig, existing: list[Any], keys: Keys) -> list[Any]:
    """TPM, GPU, PCI passthrough, clock, and changes of the screen."""
    changes = []
    if hardware.vTPM and not devices.of_kind(existing, "VirtualTPM"):
        changes.append(change(new("vm.device.VirtualTPM", key=keys.new())))
    if hardware.precision_clock and hardware.precision_clock != "none":
        protocol = hardware.precision_clock
        backing = new("vm.device.VirtualPrecisionClock.SystemClockBackingInfo", protocol=protocol)
        changes.append(change(new("vm.device.VirtualPrecisionClock", key=keys.new(), backing=backing)))
    if hardware.vgpu_profile:
        backing = new("vm.device.VirtualPCIPassthrough.VmiopBackingInfo", vgpu=hardware.vgpu_profile)
        changes.append(change(new("vm.device.VirtualPCIPassthrough", key=keys.new(), backing=backing)))
    if hardware.pci_passthrough_allowed_device:
        allowed = [_allowed(one) for one in hardware.pci_passthrough_allowed_device]
        backing = new("vm.device.VirtualPCIPassthrough.DynamicBackingInfo", allowedDevice=allowed, deviceName="")
        changes.append(change(new("vm.device.VirtualPCIPassthrough", key=keys.new(), backing=backing)))
    changes += [change(screen, "edit") for screen in _screens(hardware, existing)]
    return changes


def _allowed(one: Any) -> Any:
    numbers = {
        "vendorId": one.vendor_id, "deviceId": one.device_id, "subVendorId": one.sub_vendor_id,
        "subDeviceId": one.sub_device_id,
    }  # fmt: skip
    given = {name: int(text, 16) for name, text in numbers.items() if text}
    given = {"vendorId": 0, "deviceId": 0, **given}
    return new("vm.device.VirtualPCIPassthrough.AllowedDevice", **given)


def _screens(hardware: HardwareConfig, existing: list[Any]) -> Iterator[Any]:
    if not hardware.video_ram and not hardware.displays:
        return
    for screen in devices.of_kind(existing, "VirtualVideoCard")[:1]:
        if hardware.video_ram:
            screen.videoRamSizeInKB = hardware.video_ram
        if hardware.displays:
            screen.numDisplays = hardware.displays
        screen.useAutoDetect = False
        yield screen
