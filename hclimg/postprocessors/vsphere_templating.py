"""From a machine in a vCenter to a template: snapshot, name, folder, and the mark or a new registration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import define

from hclimg.clouds.vsphere import inventory
from hclimg.clouds.vsphere.client import Vcenter, identifier
from hclimg.clouds.vsphere.machines import OFF, is_gone
from hclimg.clouds.vsphere.registration import register_again, register_as_template, way_back
from hclimg.clouds.vsphere.site import Site, folder_at, make_room, session
from hclimg.clouds.vsphere.snapshots import remove_snapshot, snapshots
from hclimg.errors import ApiError, BuildError
from hclimg.postprocessors.vsphere_template import VsphereTemplateConfig
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context
from hclimg.sdk.journal import Record
from hclimg.sdk.machine import Artifact
from hclimg.sdk.steps import step

BUILDER_ID = "packer.post-processor.vsphere-template"


@define
class Snapshot:
    """Removed with the scope until :meth:`keep`."""

    _record: Record
    kept: bool = False

    def keep(self) -> None:
        self.kept = True
        self._record.kept()


def make_template(ctx: Context, config: VsphereTemplateConfig, artifact: Artifact) -> Artifact:
    endpoint = config.access.endpoint()
    moid, old = machine_of(artifact, endpoint.server)
    api = session(ctx, endpoint)
    place = inventory.datacenter(api, config.datacenter)
    ref = api.object("VirtualMachine", moid)
    already = look_at(ctx, api, ref, old, snapshot=config.snapshot_enable)
    site = locate(ctx, config, api, place, ref)
    name = config.template_name or old
    if inventory.at_path(api, site.folder, [name]) != ref:
        make_room(ctx, site, name, setting="template_name", force=config.override)
    snapshot = take_snapshot(ctx, site, ref, config) if config.snapshot_enable else None
    if config.reregister_vm and not already:
        ref = reregister(ctx, site, ref, name)
    else:
        mark(ctx, site, ref, name, already=already)
    if snapshot:
        snapshot.keep()
    path = "/".join(filter(None, (inventory.path_of(api, site.folder), name)))
    return Artifact(
        builder=BUILDER_ID, component="post-processor/vsphere-template", id=name,
        description=f"{path} on {endpoint.server}", state={**site.identity, "vm": identifier(ref), "name": name},
    )  # fmt: skip


def machine_of(artifact: Artifact, server: str) -> tuple[str, str]:
    """The id and the name of the machine of an artifact. Raises BuildError when it has none on this server."""
    state = artifact.state
    if not state.get("vm") or not state.get("server"):
        hint = "Put it behind the post-processor vsphere, vsphere-clone or vsphere-iso (without destroy = true)."
        raise BuildError("The artifact is no machine in a vCenter.", hint=hint)
    if state["server"] != server:
        hint = "Set host to that address, as the step before has it."
        raise BuildError(f"The machine is on {state['server']}, not on {server}.", hint=hint)
    return str(state["vm"]), str(state["name"])


@step("Looking at the machine")
def look_at(_ctx: Context, api: Vcenter, ref: Any, name: str, *, snapshot: bool) -> bool:
    """Whether it is a template already. Raises BuildError when it cannot become one."""
    try:
        found = api.get(ref, "config.template", "runtime.powerState")
    except ApiError as error:
        if is_gone(error):
            raise BuildError(f'The machine "{name}" is gone.') from error
        raise
    if str(found.get("runtime.powerState", OFF)) != OFF:
        raise BuildError(f'"{name}" is running.', hint="Switch it off: only then it can become a template.")
    template = bool(found.get("config.template"))
    if template and snapshot:
        hint = "Leave convert_to_template out in the builder, or use its create_snapshot."
        raise BuildError(f'"{name}" is a template already, of which no snapshot can be made.', hint=hint)
    return template


@step("Looking up where the template goes")
def locate(ctx: Context, config: VsphereTemplateConfig, api: Vcenter, place: inventory.Place, ref: Any) -> Site:
    if config.folder:
        folder = folder_at(ctx, api, place, config.folder)
    else:
        folder = api.get(ref, "parent").get("parent", place.vms)
    return Site(
        api=api, place=place, where=inventory.Compute(None, None), datastore="", datastore_ref=None, folder=folder,
        folder_path=config.folder,
    )  # fmt: skip


@step("Making the snapshot", undo="Looking after the snapshot")
def take_snapshot(ctx: Context, site: Site, ref: Any, config: VsphereTemplateConfig) -> Iterator[Snapshot]:
    """It stays when all goes well."""
    name, text = config.snapshot_name, config.snapshot_description
    there = ",".join(snapshots(site.api, ref))
    record = ctx.journal.intend("vsphere/snapshot", **site.identity, name=name, vm=identifier(ref), before=there)
    try:
        made = site.api.run(
            f'make the snapshot "{name}"', lambda: ref.CreateSnapshot_Task(name, text, False, False), ctx.cancel
        )
    except ApiError:
        record.gone()
        raise
    record.made(id=identifier(made))
    snapshot = Snapshot(record)
    yield snapshot
    if snapshot.kept:
        return
    remove_snapshot(site.api, identifier(made), ctx.cancel)
    record.gone()


@step("Registering the machine as a template")
def reregister(ctx: Context, site: Site, ref: Any, name: str) -> Any:
    """Out of the inventory and in again. A machine that cannot become a template comes back as it was."""
    api = site.api
    back = way_back(api, site.place, ref)
    record = ctx.journal.intend("vsphere/registration", **site.identity, **back)
    try:
        api.call(f'take "{back["name"]}" out of the inventory', ref.UnregisterVM)
    except ApiError:
        record.gone()
        raise
    record.made()
    try:
        template = register_as_template(api, back, site.folder, name, ctx.cancel)
    except BaseException:
        register_again(api, back, CancelToken())
        record.gone()
        raise
    record.kept()
    return template


@step("Marking the machine as a template")
def mark(ctx: Context, site: Site, ref: Any, name: str, *, already: bool) -> None:
    api = site.api
    found = api.get(ref, "name", "parent")
    if already:
        ctx.say(f'"{found["name"]}" is a template already.')
    else:
        api.call(f'make a template of "{found["name"]}"', ref.MarkAsTemplate)
    if found["name"] != name:
        api.run(f'rename "{found["name"]}"', lambda: ref.Rename_Task(inventory.escaped(name)), ctx.cancel)
    if found.get("parent") != site.folder:
        api.run(f'move "{name}"', lambda: site.folder.MoveIntoFolder_Task([ref]), ctx.cancel)
