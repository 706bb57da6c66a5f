"""Where one build works in a vCenter, and what it makes there: session, folders, a machine of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field, frozen

from hclimg.clouds.vsphere import inventory
from hclimg.clouds.vsphere.access import Endpoint
from hclimg.clouds.vsphere.artifact import machine_title
from hclimg.clouds.vsphere.client import Vcenter, identifier, is_a, log_in, new
from hclimg.clouds.vsphere.machines import (
    FINISHED,
    MARK,
    NEVER,
    UNMARKED,
    destroy,
    mark_of,
    named,
    options,
    reconfigure,
    when_made,
)
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
    marked: bool = True
    drives: list[int] = field(factory=list)

    @property
    def id(self) -> str:
        return identifier(self.ref)

    def finished_when(self, what: str) -> None:
        """Write down what tells from now on whether it is whole, should this process not live to see it."""
        self._record.made(**{FINISHED: what})

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


def folder_at(ctx: Context, api: Vcenter, place: inventory.Place, path: str) -> Any:
    """The folder for machines at a path; those that do not exist are made, and stay when something is in them."""
    parts = inventory.relative(path, api, place.vms)
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
def make_room(ctx: Context, site: Site, name: str, *, setting: str = "vm_name", force: bool = False) -> None:
    """Refuse a name that is taken; with ``force`` or ``-force`` delete the machine or template that has it."""
    found = inventory.at_path(site.api, site.folder, [name])
    if found is None:
        return
    machine = is_a(found, "VirtualMachine")
    if not machine or not (force or ctx.run.force):
        where = f"{site.place.name}/vm/{site.folder_path}".rstrip("/")
        what = "machine or template" if machine else "folder"
        hint = f"Set another {setting}{', or run with -force to replace it' if machine else ''}."
        raise BuildError(f'There is a {what} "{name}" in {where} already.', hint=hint)
    ctx.say(f'Deleting the old "{name}".')
    destroy(site.api, found, ctx.cancel, f'the old "{name}"')
    ctx.replaced(machine_title(site.identity, name, identifier(found)))


def owned(ctx: Context, site: Site, name: str, make: Callable[[list[Any]], Any]) -> Iterator[OwnedMachine]:
    """The life of a machine that ``make`` makes with the given marks in its configuration: the body of a step."""
    api, run = site.api, ctx.run.id
    record = ctx.journal.intend("vsphere/vm", **site.identity, name=name, folder=site.folder_path)
    try:
        ref = make(options({MARK: run}))
        marked = mark_of(api, ref) == run
    except BaseException:
        _forget(site, name, run, record)
        raise
    record.made(id=identifier(ref), **({} if marked else {FINISHED: NEVER}))  # a vCenter may have dropped the mark
    machine = OwnedMachine(ref, name, record)
    yield machine
    if not machine.kept and not machine.removed:
        if not machine.marked:
            machine.finished_when(NEVER)
        destroy(api, ref, ctx.cancel, name)
        record.gone()


@step("Taking the mark of this run off")
def unmark(ctx: Context, site: Site, machine: OwnedMachine, finished: str = UNMARKED) -> None:
    """Usually the last change of a machine; ``finished`` says what tells whether it is, when another one follows."""
    machine.finished_when(finished)
    machine.marked = False
    spec = new("vm.ConfigSpec", extraConfig=options({MARK: ""}))  # an empty value removes the entry
    reconfigure(site.api, machine.ref, f"configure {machine.name}", spec, ctx.cancel)


def _forget(site: Site, name: str, run: str, record: Record) -> None:
    """A request to make a machine failed: delete what it made all the same. What cannot be, stays in the journal."""
    try:
        moid = when_made(site.api, lambda: named(site.api, site.folder, name), run)
        if moid:
            destroy(site.api, site.api.object("VirtualMachine", moid), CancelToken(), name)
        record.gone()
    except ApiError:
        return
