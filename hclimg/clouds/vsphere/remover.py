"""Removes what dead runs left in a vCenter: machines, files on datastores, empty folders, leases."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hclimg.clouds.vsphere import files, inventory
from hclimg.clouds.vsphere.access import endpoint_of
from hclimg.clouds.vsphere.client import Vcenter, identifier, log_in
from hclimg.clouds.vsphere.machines import FINISHED, TEMPLATE, destroy, is_finished, is_gone, mark_of, named
from hclimg.clouds.vsphere.paths import parse_path
from hclimg.clouds.vsphere.registration import register_again
from hclimg.clouds.vsphere.snapshots import remove_snapshot, snapshots
from hclimg.errors import ApiError, BuildError, CleanupError
from hclimg.sdk.remover import Cleaning, Left, Remover

BUSY = ("TaskInProgress", "InvalidState", "ResourceInUse")
WAIT, ROUNDS = 5.0, 72  # seconds between two tries while something else holds a machine; an unused lease ends in 5 min


class VsphereRemover(Remover):
    """Logs in once for each vCenter and account; the password comes from the environment."""

    def __init__(self, ctx: Cleaning) -> None:
        super().__init__(ctx)
        self._sessions: dict[tuple[str, str], Vcenter] = {}

    def remove(self, left: Left) -> None:
        try:
            api = self._session(left)
            known = {
                "vm": self._machine, "file": self._file, "folder": self._folder, "lease": self._lease,
                "item": self._item, "snapshot": self._snapshot, "registration": self._registration,
            }  # fmt: skip
            remove = known.get(left.thing)
            if remove is None:
                raise CleanupError(f'this version of hclimg does not know "{left.kind}"')
            remove(api, left)
        except BuildError as error:
            raise CleanupError(" ".join(filter(None, (error.message, error.hint)))) from error

    def _session(self, left: Left) -> Vcenter:
        endpoint = endpoint_of(left.identity)
        key = (endpoint.server, endpoint.username)
        if key not in self._sessions:
            self._sessions[key] = log_in(endpoint, f"hclimg-cleanup-{left.run}")
        return self._sessions[key]

    def close(self) -> None:
        """Log out."""
        for api in self._sessions.values():
            api.close()

    def _machine(self, api: Vcenter, left: Left) -> None:
        """By its id, unless it is finished; without one, by its name and the mark of the run."""
        name = left.identity.get("name", "")
        found = [api.object("VirtualMachine", left.id)] if left.id else self._marked(api, left, name)
        if left.id and is_finished(api, found[0], left.identity.get(FINISHED, ""), left.run):
            self.ctx.finished(left)
            return
        for ref in found:
            self._patiently(partial(destroy, api, ref, self.ctx.cancel, name))

    def _marked(self, api: Vcenter, left: Left, name: str) -> list[Any]:
        place = inventory.datacenter(api, left.identity.get("datacenter", ""))
        return [one.ref for one in named(api, place.ref, name) if mark_of(api, one.ref) == left.run]

    def _patiently(self, remove: Callable[[], None]) -> None:
        """What a dead process held is let go by the server after some minutes."""
        for attempt in range(1, ROUNDS + 1):
            try:
                remove()
                return
            except ApiError as error:
                if error.code not in BUSY or attempt == ROUNDS:
                    raise
            self.ctx.sleep(WAIT)

    def _file(self, api: Vcenter, left: Left) -> None:
        place = inventory.datacenter(api, left.identity.get("datacenter", ""))
        path = parse_path(left.identity["path"])
        files.delete_with(api, place.ref, path, self.ctx.cancel)

    def _folder(self, api: Vcenter, left: Left) -> None:
        """Only an empty one: others may have put something into it."""
        place = inventory.datacenter(api, left.identity.get("datacenter", ""))
        parts = inventory.relative(left.identity.get("name", ""), api, place.vms)
        ref = inventory.at_path(api, place.vms, parts)
        if ref is None or (left.id and identifier(ref) != left.id):
            return
        if any(mark_of(api, one.ref) == left.run for one in api.listing("VirtualMachine", below=ref)):
            raise CleanupError("a machine of this run is still in it")  # another build's; this is tried again
        if api.get(ref, "childEntity").get("childEntity"):
            self.ctx.finished(left)
            return
        api.run(f"delete the folder {'/'.join(parts)}", ref.Destroy_Task, self.ctx.cancel)

    def _lease(self, api: Vcenter, left: Left) -> None:
        """A lease of a session that is over ends by itself, and often cannot be seen by another one."""
        if not left.id:
            return
        lease = api.object("HttpNfcLease", left.id)
        try:
            api.call("end a transfer", lambda: lease.HttpNfcLeaseAbort())
        except ApiError as error:
            if error.code not in ("ManagedObjectNotFound", "InvalidState", "Timedout"):
                raise

    def _snapshot(self, api: Vcenter, left: Left) -> None:
        """By its id; without one, what has its name and was not there before. One of a template is finished: it was
        made of a machine."""
        machine = api.object("VirtualMachine", left.identity["vm"])
        try:
            there = snapshots(api, machine)
            if is_finished(api, machine, TEMPLATE, left.run):
                self.ctx.finished(left)
                return
        except ApiError as error:
            if is_gone(error):
                return
            raise
        before = left.identity.get("before", "").split(",")
        name = left.identity.get("name", "")
        for moid in [left.id] if left.id else [m for m, called in there.items() if called == name and m not in before]:
            if moid in there:
                self._patiently(partial(remove_snapshot, api, moid, self.ctx.cancel))

    def _registration(self, api: Vcenter, left: Left) -> None:
        """A machine was out of the inventory, to come back as a template: it comes back as it was."""
        register_again(api, left.identity, self.ctx.cancel)

    def _item(self, api: Vcenter, left: Left) -> None:
        """An item of a content library. One that was written over was there before the run."""
        from hclimg.clouds.vsphere.library import Library

        if left.identity.get("kept"):
            return
        with Library(api) as items:
            item = left.id or items.item(items.find(left.identity["library"]), left.identity["name"])
            if item:
                items.delete(item)
