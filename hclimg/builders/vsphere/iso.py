"""Makes a new machine, which is installed from an ISO."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hclimg.builders.vsphere import devices
from hclimg.builders.vsphere.clone import card_backing
from hclimg.builders.vsphere.devices import Keys, change
from hclimg.builders.vsphere.iso_config import InstallConfig, VsphereIsoConfig
from hclimg.builders.vsphere.launch import key_pair, special_devices, start
from hclimg.builders.vsphere.placement import place_new
from hclimg.builders.vsphere.site import cached_file, locate, temporary_file
from hclimg.clouds.vsphere import inventory
from hclimg.clouds.vsphere.client import is_a, new
from hclimg.clouds.vsphere.machines import reconfigure
from hclimg.clouds.vsphere.paths import DatastorePath
from hclimg.clouds.vsphere.site import OwnedMachine, Site, make_room, owned, session
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.download import IsoConfig, fetch_image
from hclimg.sdk.machine import Machine
from hclimg.sdk.steps import step

DEFAULT_MEMORY = 1024  # MB


def fetch(ctx: Context, config: InstallConfig) -> str:
    """The ISO on this host, checked; empty when the machine is installed from iso_paths."""
    if not config.urls:
        return ""
    wanted = IsoConfig(
        iso_urls=config.urls, iso_checksum=config.iso_checksum, iso_target_path=config.iso_target_path,
        iso_target_extension=config.iso_target_extension,
    )  # fmt: skip
    return str(fetch_image(ctx, wanted))


def launch(ctx: Context, config: VsphereIsoConfig, iso: str) -> Machine:
    common = config.common
    api = session(ctx, common.access.endpoint())
    site = locate(ctx, common, api)
    if not site.datastore and not common.location.datastore_cluster:
        raise BuildError("It is not said on which datastore the machine's files go.", hint=_datastores(site))
    backings = [_backing(site, adapter.network) for adapter in config.network_adapters]
    if common.location.datastore_cluster:
        site = place_new(ctx, site, common.location.datastore_cluster, machine_spec(config, site.datastore, backings))
    key = key_pair(ctx, common.running)
    make_room(ctx, site, common.location.vm_name)
    isos = (_on_datastore(ctx, site, config, Path(iso)),) if iso else ()
    machine = create(ctx, site, config, backings)
    existing = api.get(machine.ref, "config.hardware.device").get("config.hardware.device", [])
    special = special_devices(common.hardware, existing, Keys())
    if special:
        spec = new("vm.ConfigSpec", deviceChange=special)
        reconfigure(api, machine.ref, f"configure {machine.name}", spec, ctx.cancel)
    return start(ctx, common, site, machine, key, isos, power=True)


def _datastores(site: Site) -> str:
    refs = site.api.get(site.where.host or site.where.resource, "datastore").get("datastore", ())
    names = sorted(one.name for one in site.api.get_all(refs, "name"))
    return f"Set datastore to one of {', '.join(names)}."


def _on_datastore(ctx: Context, site: Site, config: VsphereIsoConfig, iso: Path) -> str:
    install, location = config.install, config.common.location
    store, ref = site.datastore, site.datastore_ref
    if install.remote_cache_datastore:
        store = install.remote_cache_datastore
        ref = inventory.find(site.api, site.place, "Datastore", store)
    target = DatastorePath(store, f"{install.remote_cache_path.strip('/')}/{iso.name}")
    host = location.host if location.set_host_for_datastore_uploads else ""
    if install.remote_cache_cleanup:
        return str(temporary_file(ctx, site, iso, target, host))
    cached_file(ctx, site, ref, iso, target, host, replace=install.remote_cache_overwrite)
    return str(target)


@step("Creating the machine", undo="Deleting the machine")
def create(ctx: Context, site: Site, config: VsphereIsoConfig, backings: list[Any]) -> Iterator[OwnedMachine]:
    name = config.common.location.vm_name

    def make(marks: list[Any]) -> Any:
        spec = machine_spec(config, site.datastore, backings)
        spec.extraConfig = [*(spec.extraConfig or ()), *marks]
        pool, host = site.where.pool, site.where.host
        what = f'make the machine "{name}"'
        return site.api.run(what, lambda: site.folder.CreateVM_Task(spec, pool, host), ctx.cancel)

    yield from owned(ctx, site, name, make)


def machine_spec(config: VsphereIsoConfig, datastore: str, backings: list[Any]) -> Any:
    """What the API is told to make. Without a datastore, for Storage DRS to choose one."""
    common = config.common
    keys = Keys()
    spec = devices.config_spec(common.hardware, common.flags, common.parameters, common.result.notes)
    spec.name = common.location.vm_name
    spec.guestId = config.guest_os_type
    spec.files = new("vm.FileInfo", vmPathName=f"[{datastore}]" if datastore else "")
    spec.numCPUs = common.hardware.CPUs or 1
    spec.memoryMB = common.hardware.RAM or DEFAULT_MEMORY
    if config.vm_version:
        spec.version = f"vmx-{config.vm_version:02}"
    attached = devices.controllers(common.disks.controllers, keys)
    made = devices.disks(common.disks.storage, attached, keys, datastore)
    cards = [
        devices.card(adapter.network_card, backing, keys, adapter.mac_address, passthrough=adapter.passthrough)
        for adapter, backing in zip(config.network_adapters, backings, strict=True)
    ]
    others = [*attached, *devices.usb(config.usb_controller, keys), *cards]
    spec.deviceChange = [change(one) for one in others] + [change(disk, file="create") for disk in made]
    return spec


def _backing(site: Site, name: str) -> Any:
    if name:
        return card_backing(site, inventory.network(site.api, site.place, name, site.where.resource))
    refs = site.api.get(site.where.host or site.where.resource, "network").get("network", [])
    usable = [ref for ref in refs if not _is_uplink(site, ref)]
    if len(usable) != 1:
        names = sorted(str(site.api.get(ref, "name").get("name")) for ref in usable)
        hint = f"Set network of network_adapters to one of {', '.join(names)}."
        raise BuildError(
            f"It is not said to which network a card is connected; {site.where.name} has several.", hint=hint
        )
    return card_backing(site, usable[0])


def _is_uplink(site: Site, ref: Any) -> bool:
    return is_a(ref, "dvs.DistributedVirtualPortgroup") and bool(
        site.api.get(ref, "config.uplink").get("config.uplink")
    )
