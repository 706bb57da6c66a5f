"""The place in a vCenter where one build works: session, datacenter, folder, pool, datastore."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from hclimg.builders.vsphere.config import CommonConfig, LocationConfig
from hclimg.clouds.vsphere import files, inventory
from hclimg.clouds.vsphere.access import Endpoint
from hclimg.clouds.vsphere.client import Found, Vcenter, identifier, is_a, log_in
from hclimg.clouds.vsphere.machines import MARK, destroy, named, options, when_made
from hclimg.clouds.vsphere.paths import DatastorePath
from hclimg.errors import ApiError, BuildError
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context
from hclimg.sdk.journal import Record
from hclimg.sdk.steps import step


@frozen(kw_only=True)
class Site:
    """``datastore`` is empty when the template's is used. ``folder_path`` is below the datacenter's folder."""

    api: Vcenter
    place: inventory.Place
    where: inventory.Compute
    datastore: str
    datastore_ref: Any
    folder: Any
    folder_path: str

    @property
    def identity(self) -> dict[str, str]:
        """For the journal."""
        return {**self.api.endpoint.identity, "datacenter": self.place.name}


@define(eq=False)
class OwnedMachine:
    """A machine in the making. Until :meth:`keep` it is temporary, and closing the scope deletes it."""

    ref: Any
    name: str
    _record: Record
    kept: bool = False
    removed: bool = False
    drives: list[int] = field(factory=list)

    @property
    def id(self) -> str:
        return identifier(self.ref)

    def keep(self) -> None:
        """It is the result."""
        self.kept = True
        self._record.kept()

    def gone(self) -> None:
        self.removed = True
        self._record.gone()


@step("Connecting to the vCenter", undo="Logging out of the vCenter")
def session(ctx: Context, endpoint: Endpoint) -> Iterator[Vcenter]:
    ctx.redact.add(endpoint.password.reveal())
    api = log_in(endpoint, f"hclimg-{ctx.run.id}")
    yield api
    api.close()


@step("Looking up where the machine goes")
def locate(ctx: Context, config: CommonConfig, api: Vcenter) -> Site:
    """Everything that the template names, before anything is made."""
    wanted = config.location
    place = inventory.datacenter(api, config.access.datacenter)
    where = inventory.compute(api, place, cluster=wanted.cluster, host=wanted.host, pool=wanted.resource_pool)
    store: Found | None
    if wanted.datastore_cluster:
        pod = inventory.find(api, place, "StoragePod", wanted.datastore_cluster)
        store = inventory.fullest(api, pod, wanted.datastore_cluster)
        ctx.say(f'Of the datastore cluster "{wanted.datastore_cluster}", "{store.name}" has the most free space.')
    else:
        store = inventory.datastore(api, place, wanted.datastore, where)
    folder = _folder(ctx, api, place, wanted)
    return Site(
        api=api, place=place, where=where, folder=folder, folder_path=wanted.folder,
        datastore=store.name if store else "", datastore_ref=store.ref if store else None,
    )  # fmt: skip


def _folder(ctx: Context, api: Vcenter, place: inventory.Place, wanted: LocationConfig) -> Any:
    parts = inventory.relative(wanted.folder, api, place.vms)
    folder = place.vms
    for number, part in enumerate(parts, 1):
        child = inventory.at_path(api, folder, [part])
        if child is not None and not is_a(child, "Folder"):
            raise BuildError(f'"{"/".join(parts[:number])}" in {place.name} is no folder.', hint="Set another folder.")
        folder = child if child is not None else _new_folder(ctx, api, place, folder, parts[:number])
    return folder


@step("Making a folder", undo="Looking after the folder")
def _new_folder(ctx: Context, api: Vcenter, place: inventory.Place, parent: Any, parts: list[str]) -> Iterator[Any]:
    """One that stays empty is removed again."""
    path = "/".join(parts)
    record = ctx.journal.intend("vsphere/folder", **api.endpoint.identity, datacenter=place.name, name=path)
    try:
        folder = api.call(f'make the folder "{path}"', lambda: parent.CreateFolder(inventory.escaped(parts[-1])))
    except ApiError as error:
        record.gone()
        if error.code != "DuplicateName":
            raise
        yield inventory.at_path(api, parent, parts[-1:])  # another build was faster
        return
    record.made(id=identifier(folder))
    yield folder
    if api.get(folder, "childEntity").get("childEntity"):
        record.kept()
        return
    api.run(f'delete the folder "{path}"', folder.Destroy_Task, ctx.cancel)
    record.gone()


# -- the machine ------------------------------------------------------------------


@step("Making room for the machine")
def make_room(ctx: Context, site: Site, name: str) -> None:
    """Refuse a name that is taken; with ``-force`` delete who has it."""
    found = inventory.at_path(site.api, site.folder, [name])
    others = [found] if found is not None else []
    for ref in others:
        if not ctx.run.force or not is_a(ref, "VirtualMachine"):
            where = f"{site.place.name}/vm/{site.folder_path}".rstrip("/")
            what = "machine or template" if is_a(ref, "VirtualMachine") else "folder"
            hint = (
                "Set another vm_name, or run with -force to replace it." if what != "folder" else "Set another vm_name."
            )
            raise BuildError(f'There is a {what} "{name}" in {where} already.', hint=hint)
        ctx.say(f'Deleting the old "{name}".')
        destroy(site.api, ref, ctx.cancel, f'the old "{name}"')


def owned(ctx: Context, site: Site, name: str, make: Callable[[list[Any]], Any]) -> Iterator[OwnedMachine]:
    """The life of a machine that ``make`` makes with the given marks in its configuration: the body of a step."""
    api, run = site.api, ctx.run.id
    record = ctx.journal.intend("vsphere/vm", **site.identity, name=name, folder=site.folder_path)
    try:
        ref = make(options({MARK: run}))
    except BaseException:
        _forget(site, name, run, record)
        raise
    record.made(id=identifier(ref))
    machine = OwnedMachine(ref, name, record)
    yield machine
    if not machine.kept and not machine.removed:
        destroy(api, ref, ctx.cancel, name)
        record.gone()


def _forget(site: Site, name: str, run: str, record: Record) -> None:
    """A request to make a machine failed: delete what it made all the same. What cannot be, stays in the journal."""
    try:
        moid = when_made(site.api, lambda: named(site.api, site.folder, name), run)
        if moid:
            destroy(site.api, site.api.object("VirtualMachine", moid), CancelToken(), name)
        record.gone()
    except ApiError:
        return


# -- files on datastores ----------------------------------------------------------


@step("Uploading file", undo="Deleting uploaded file")
def temporary_file(ctx: Context, site: Site, source: Path, target: DatastorePath, host: str) -> Iterator[DatastorePath]:
    """A file on a datastore that does not outlive the build."""
    record = ctx.journal.intend("vsphere/file", **site.identity, path=str(target))
    files.make_folder(site.api, site.place.ref, target.folder)
    files.upload(ctx, site.api, site.place.name, source, target, host)
    record.made()
    yield target
    files.delete(site.api, site.place.ref, target, ctx)
    record.gone()


@step("Uploading ISO")
def cached_file(ctx: Context, site: Site, source: Path, target: DatastorePath, host: str, *, replace: bool) -> None:
    """A file on a datastore that later builds use again. One of another size is not it."""
    browser = site.api.get(site.datastore_ref, "browser")["browser"]
    have = files.size_of(site.api, browser, target, ctx)
    if have == source.stat().st_size and not replace:
        ctx.say(f"{target} is there already.")
        return
    record = ctx.journal.intend("vsphere/file", **site.identity, path=str(target))
    files.make_folder(site.api, site.place.ref, target.folder)
    try:
        files.upload(ctx, site.api, site.place.name, source, target, host)
    except BaseException:
        files.delete_with(site.api, site.place.ref, target, CancelToken())
        record.gone()
        raise
    record.kept()
