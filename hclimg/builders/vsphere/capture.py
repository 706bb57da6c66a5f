"""From a running machine to what the template asks for: a machine, a template, files, an item of a library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hclimg.builders.vsphere import devices
from hclimg.builders.vsphere.config import CommonConfig, ResultConfig
from hclimg.builders.vsphere.devices import Keys, change
from hclimg.builders.vsphere.guest import shut_down
from hclimg.builders.vsphere.launch import Running
from hclimg.clouds.vsphere.client import is_a, new
from hclimg.clouds.vsphere.machines import NEVER, OFF, TEMPLATE, UNMARKED, destroy, power_state, reconfigure
from hclimg.clouds.vsphere.site import OwnedMachine, Site, unmark
from hclimg.communicators.connect import clear_authorized_keys
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact, Machine
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.builders.vsphere.export import Files
    from hclimg.builders.vsphere.library import Item

BUILDER_ID = "jetbrains.vsphere"


def capture(ctx: Context, config: CommonConfig, machine: Machine, component: str) -> Artifact:
    running: Running = machine.handle
    site, owned, result = running.site, running.owned, config.result
    if running.public_key and power_state(site.api, owned.ref) != OFF:
        clear_authorized_keys(ctx, config.running.communicator, machine.communicator, running.public_key)
    shut_down(ctx, site, owned.ref, config.running, machine.communicator)
    clean_devices(ctx, site, owned, config)
    if result.create_snapshot:
        make_snapshot(ctx, site, owned, result.snapshot_name)
    if _copies_mark(result):
        unmark(ctx, site, owned, NEVER)
    state: dict[str, Any] = {**site.identity, "vm": "" if result.destroyed else owned.id, "name": owned.name}
    exported, item = _export(ctx, site, owned, config), None
    try:
        if item := _library(ctx, site, owned, result):
            item.keep()
            state["library"] = item.state
        files = exported.keep() if exported else ()
        if result.destroyed:
            remove(ctx, site, owned)
        else:
            finish(ctx, site, owned, template=result.convert_to_template)
    except BaseException:
        if item:
            item.remove(ctx)
        if exported:
            exported.remove()
        raise
    return Artifact(
        builder=BUILDER_ID, component=component, id=owned.name, description=owned.name, files=files, state=state
    )


def _export(ctx: Context, site: Site, owned: OwnedMachine, config: CommonConfig) -> Files | None:
    if config.result.export is None:
        return None
    from hclimg.builders.vsphere.export import export

    return export(ctx, site, owned, config.result.export)


def _library(ctx: Context, site: Site, owned: OwnedMachine, result: ResultConfig) -> Item | None:
    if result.library is None:
        return None
    from hclimg.builders.vsphere.library import put_into_library

    return put_into_library(ctx, site, owned, result.library)


def _copies_mark(result: ResultConfig) -> bool:
    """Whether something is made of the machine that gets all of its configuration."""
    return bool(result.library or (result.export and "extraconfig" in result.export.options))


@step("Cleaning the machine's devices")
def clean_devices(ctx: Context, site: Site, owned: OwnedMachine, config: CommonConfig) -> None:
    """No file of the build stays attached: drives are emptied or taken out, the floppy is taken out."""
    cdrom, running = config.running.cdrom, config.running
    existing = site.api.get(owned.ref, "config.hardware.device").get("config.hardware.device", [])
    drives = devices.of_kind(existing, "VirtualCdrom")
    changes = []
    if cdrom.remove_cdrom or cdrom.reattach_cdroms:
        changes += [change(drive, "remove") for drive in drives]
    else:
        full = [drive for drive in drives if is_a(drive.backing, "vm.device.VirtualCdrom.IsoBackingInfo")]
        changes += [change(_emptied(drive), "edit") for drive in full]
    if running.floppy.wanted or running.floppy_img_path:
        changes += [change(floppy, "remove") for floppy in devices.of_kind(existing, "VirtualFloppy")]
    if running.adapters.remove_network_adapter:
        changes += [change(card, "remove") for card in devices.of_kind(existing, "VirtualEthernetCard")]
    if cdrom.reattach_cdroms:
        staying = [one for one in existing if one not in drives]
        added, fresh = devices.cdroms(staying, cdrom.reattach_cdroms, cdrom.cdrom_type, Keys())
        changes += [change(device) for device in (*added, *fresh)]
    if changes:
        spec = new("vm.ConfigSpec", deviceChange=changes)
        reconfigure(site.api, owned.ref, f"clean the devices of {owned.name}", spec, ctx.cancel)


def _emptied(drive: Any) -> Any:
    drive.backing = devices.empty_backing()
    if drive.connectable is not None:
        drive.connectable.connected = drive.connectable.startConnected = False
    return drive


@step("Making the snapshot")
def make_snapshot(ctx: Context, site: Site, owned: OwnedMachine, name: str) -> None:
    what = f"make a snapshot of {owned.name}"
    site.api.run(what, lambda: owned.ref.CreateSnapshot_Task(name, "", False, False), ctx.cancel)


def finish(ctx: Context, site: Site, owned: OwnedMachine, *, template: bool) -> None:
    """Its last change, by which a later process knows that it is whole, and the journal's word for it."""
    finished = TEMPLATE if template else UNMARKED
    if owned.marked:
        unmark(ctx, site, owned, finished)
    else:
        owned.finished_when(finished)
    if template:
        mark_as_template(ctx, site, owned)
    owned.keep()


@step("Converting the machine to a template")
def mark_as_template(_ctx: Context, site: Site, owned: OwnedMachine) -> None:
    site.api.call(f"make a template of {owned.name}", owned.ref.MarkAsTemplate)


@step("Deleting the machine")
def remove(ctx: Context, site: Site, owned: OwnedMachine) -> None:
    """Asked for by ``destroy``: the result is somewhere else."""
    destroy(site.api, owned.ref, ctx.cancel, owned.name)
    owned.gone()
