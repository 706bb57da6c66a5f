"""Makes a machine by cloning a template."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from hclimg.builders.vsphere import devices
from hclimg.builders.vsphere.clone_config import CustomizeConfig, VsphereCloneConfig
from hclimg.builders.vsphere.customization import customization
from hclimg.builders.vsphere.devices import KILOBYTES, Keys, change
from hclimg.builders.vsphere.launch import key_pair, special_devices, start
from hclimg.builders.vsphere.placement import place_clone
from hclimg.builders.vsphere.site import locate
from hclimg.clouds.vsphere import inventory
from hclimg.clouds.vsphere.client import is_a, new
from hclimg.clouds.vsphere.machines import OFF, reconfigure
from hclimg.clouds.vsphere.site import OwnedMachine, Site, make_room, owned, session
from hclimg.diagnostics import did_you_mean
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine
from hclimg.sdk.steps import step


@frozen(kw_only=True)
class Source:
    """The template. ``snapshot`` is its current one, if it has any."""

    ref: Any
    name: str
    devices: list[Any]
    snapshot: Any
    properties: list[Any]


def launch(ctx: Context, config: VsphereCloneConfig) -> Machine:
    common = config.common
    api = session(ctx, common.access.endpoint())
    site = locate(ctx, common, api)
    source = find_source(ctx, site, config)
    if common.location.datastore_cluster:
        name = common.location.vm_name
        site = place_clone(ctx, site, common.location.datastore_cluster, source.ref, name)
    backing = _backing(site, config.network) if config.network else None
    key = key_pair(ctx, common.running)
    make_room(ctx, site, common.location.vm_name)
    machine = clone(ctx, site, config, source)
    configure(ctx, site, config, machine, source, backing, key.public if key else "")
    if config.customize:
        customize(ctx, site, config.customize, machine)
    running = common.running
    power = running.communicator.communicator != "none" or bool(running.boot.boot_command)
    return start(ctx, common, site, machine, key, (), power=power)


@step("Looking up the template")
def find_source(ctx: Context, site: Site, config: VsphereCloneConfig) -> Source:
    ref = inventory.find(site.api, site.place, "VirtualMachine", config.template)
    found = site.api.get(ref, "name", "config.hardware.device", "snapshot.currentSnapshot",
                         "config.vAppConfig.property", "config.template", "runtime.powerState")  # fmt: skip
    existing = found.get("config.hardware.device", [])
    source = Source(
        ref=ref, name=found["name"], devices=existing, snapshot=found.get("snapshot.currentSnapshot"),
        properties=list(found.get("config.vAppConfig.property", [])),
    )  # fmt: skip
    if not found.get("config.template"):
        _warn_of_machine(ctx, source.name, on=str(found.get("runtime.powerState", OFF)) != OFF)
    if config.linked_clone and source.snapshot is None:
        hint = "Make a snapshot of it (create_snapshot = true in its own build), or set linked_clone = false."
        raise BuildError(f'"{source.name}" has no snapshot, which a linked clone is made from.', hint=hint)
    if config.disk_size:
        _check_size(source, config.disk_size)
    if (config.network or config.mac_address) and not devices.of_kind(existing, "VirtualEthernetCard"):
        hint = "Leave network and mac_address out, or add a card to the template."
        raise BuildError(f'"{source.name}" has no network card.', hint=hint)
    return source


def _warn_of_machine(ctx: Context, name: str, *, on: bool) -> None:
    """A machine can be cloned like a template, but nothing keeps it from changing."""
    what = "It is running: the image gets its disks as if it lost power now." if on else "It can change between builds."
    ctx.warn(f'"{name}" is a machine and no template. {what}')


def _check_size(source: Source, wanted: int) -> None:
    found = devices.of_kind(source.devices, "VirtualDisk")
    if not found:
        raise BuildError(f'"{source.name}" has no disk.', hint="Leave disk_size out, or write a storage block.")
    have = found[0].capacityInKB
    if wanted * KILOBYTES < have:
        message = f'disk_size ({wanted} MB) is smaller than the disk of "{source.name}" ({have // KILOBYTES} MB).'
        raise BuildError(message, hint="A disk cannot be made smaller; raise disk_size or leave it out.")


@step("Cloning the template", undo="Deleting the machine")
def clone(ctx: Context, site: Site, config: VsphereCloneConfig, source: Source) -> Iterator[OwnedMachine]:
    name = config.common.location.vm_name

    def make(marks: list[Any]) -> Any:
        where = new("vm.RelocateSpec", pool=site.where.pool)
        if site.where.host is not None:
            where.host = site.where.host
        if site.datastore_ref is not None:
            where.datastore = site.datastore_ref
        spec = new("vm.CloneSpec", location=where, powerOn=False, template=False)
        spec.config = new("vm.ConfigSpec", extraConfig=marks)
        if config.linked_clone:
            where.diskMoveType = "createNewChildDiskBacking"
            spec.snapshot = source.snapshot
        return site.api.run(
            f'clone "{source.name}"', lambda: source.ref.CloneVM_Task(site.folder, name, spec), ctx.cancel,
            lambda percent: ctx.progress("cloning", percent, 100, unit="%"),
        )  # fmt: skip

    yield from owned(ctx, site, name, make)


@step("Configuring the machine")
def configure(
    ctx: Context, site: Site, config: VsphereCloneConfig, machine: OwnedMachine, source: Source, backing: Any,
    public_key: str,
) -> None:  # fmt: skip
    """Everything that the template says, in one change."""
    existing = site.api.get(machine.ref, "config.hardware.device").get("config.hardware.device", [])
    spec = changes_of(config, existing, backing, site.datastore)
    if properties := properties_of(config, source, public_key):
        spec.vAppConfig = new("vApp.VmConfigSpec", property=properties)
    reconfigure(site.api, machine.ref, f"configure {machine.name}", spec, ctx.cancel)


def changes_of(config: VsphereCloneConfig, existing: list[Any], backing: Any, datastore: str) -> Any:
    """What the API is told to change of a machine with these devices; ``backing`` is of the first card's new network,
    ``datastore`` where new disks go, if not beside the machine. Makes no requests."""
    common, keys = config.common, Keys()
    spec = devices.config_spec(common.hardware, common.flags, common.parameters, common.result.notes)
    changes = special_devices(common.hardware, existing, keys)
    if config.disk_size:
        disk = devices.of_kind(existing, "VirtualDisk")[0]
        if disk.capacityInKB != config.disk_size * KILOBYTES:
            disk.capacityInKB, disk.capacityInBytes = config.disk_size * KILOBYTES, config.disk_size * KILOBYTES * 1024
            changes.append(change(disk, "edit"))
    if config.network or config.mac_address:
        changes.append(change(_card(config, existing, backing), "edit"))
    changes += _more_disks(config, existing, keys, datastore)
    if changes:
        spec.deviceChange = changes
    return spec


def _card(config: VsphereCloneConfig, existing: list[Any], backing: Any) -> Any:
    card = devices.of_kind(existing, "VirtualEthernetCard")[0]
    if backing is not None:
        card.backing = backing
    if config.mac_address:
        card.addressType, card.macAddress = "manual", config.mac_address
    return card


def _more_disks(config: VsphereCloneConfig, existing: list[Any], keys: Keys, datastore: str) -> list[Any]:
    storage = config.common.disks
    if not storage.storage:
        return []
    family = ("VirtualSCSIController", "VirtualAHCIController", "VirtualNVMEController", "VirtualIDEController")
    have = {kind: len(devices.of_kind(existing, kind)) for kind in family}
    attached = devices.controllers(storage.controllers, keys)
    for controller in attached:
        controller.busNumber += next(count for kind, count in have.items() if is_a(controller, f"vm.device.{kind}"))
    disks = devices.disks(storage.storage, attached, keys, datastore)
    return [change(one) for one in attached] + [change(disk, file="create") for disk in disks]


def properties_of(config: VsphereCloneConfig, source: Source, public_key: str) -> list[Any]:
    """Values for the properties that the template declares."""
    wanted = dict(config.vapp.properties) if config.vapp else {}
    known = {prop.id: prop for prop in source.properties}
    for name in wanted:
        if name not in known:
            hint = did_you_mean(name, list(known)).strip() or f"It declares {', '.join(sorted(known)) or 'none'}."
            raise BuildError(f'"{source.name}" declares no vApp property "{name}".', hint=hint)
    if public_key and "public-keys" in known and "public-keys" not in wanted:
        wanted["public-keys"] = public_key
    changed = []
    for name, value in wanted.items():
        prop = known[name]
        prop.value = value
        changed.append(new("vApp.PropertySpec", operation="edit", info=prop))
    return changed


def _backing(site: Site, name: str) -> Any:
    return card_backing(site, inventory.network(site.api, site.place, name, site.where.resource))


def card_backing(site: Site, network: Any) -> Any:
    """How a card is plugged into a network: by port group of a distributed switch, opaque network, or name."""
    if is_a(network, "dvs.DistributedVirtualPortgroup"):
        found = site.api.get(network, "key", "config.distributedVirtualSwitch", "config.uplink", "name")
        if found.get("config.uplink"):
            raise BuildError(f'"{found["name"]}" is an uplink of its switch, to which no machine can be connected.')
        uuid = site.api.get(found["config.distributedVirtualSwitch"], "uuid")["uuid"]
        port = new("dvs.PortConnection", portgroupKey=found["key"], switchUuid=uuid)
        return new("vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo", port=port)
    if is_a(network, "OpaqueNetwork"):
        summary = site.api.get(network, "summary")["summary"]
        return new(
            "vm.device.VirtualEthernetCard.OpaqueNetworkBackingInfo", opaqueNetworkId=summary.opaqueNetworkId,
            opaqueNetworkType=summary.opaqueNetworkType,
        )  # fmt: skip
    name = site.api.get(network, "name")["name"]
    return new("vm.device.VirtualEthernetCard.NetworkBackingInfo", deviceName=name, network=network)


# -- customization ----------------------------------------------------------------


@step("Customizing the guest")
def customize(ctx: Context, site: Site, config: CustomizeConfig, machine: OwnedMachine) -> None:
    """vSphere hands this to the guest at its first start."""
    found = site.api.get(machine.ref, "config.hardware.device").get("config.hardware.device", [])
    cards = len(devices.of_kind(found, "VirtualEthernetCard"))
    if len(config.network_interface) > cards:
        message = (
            f"customize has {len(config.network_interface)} network_interface blocks, but the machine {cards} cards."
        )
        raise BuildError(message, hint="Write a block for each card, in their order.")
    spec = customization(config, machine.name, cards)
    what = f"customize {machine.name}"
    site.api.run(what, lambda: machine.ref.CustomizeVM_Task(spec), ctx.cancel)
