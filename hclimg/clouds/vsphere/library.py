"""Content libraries: vCenter's REST interface, which the SDK does not cover. 6.5 to 8.0 have these paths."""

from __future__ import annotations

import json
from typing import Any, Self

from hclimg.clouds.vsphere.client import Vcenter
from hclimg.clouds.vsphere.rest import Rest
from hclimg.diagnostics import did_you_mean
from hclimg.errors import ApiError, BuildError

OVF, TEMPLATE = "ovf", "vm-template"
LIBRARY = "/rest/com/vmware/content/library"
ITEM = "/rest/com/vmware/content/library/item"
OVF_ITEM = "/rest/com/vmware/vcenter/ovf/library-item"
TEMPLATE_ITEM = "/rest/vcenter/vm-template/library-items"


class Library:
    """A session of its own for as long as the block lasts."""

    def __init__(self, api: Vcenter) -> None:
        self._rest = Rest(api)

    def __enter__(self) -> Self:
        self._rest.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._rest.close()

    def find(self, name: str) -> str:
        """The id of a library. Raises BuildError with the nearest names."""
        known = {}
        for one in self._rest.ask("list the content libraries", "GET", LIBRARY) or ():
            known[str(self._rest.ask("read a content library", "GET", f"{LIBRARY}/id:{one}")["name"])] = str(one)
        if name in known:
            return known[name]
        names = sorted(known)
        hint = did_you_mean(name, names).strip() or (f"There are {', '.join(names)}." if names else "")
        raise BuildError(f'There is no content library "{name}".', hint=hint)

    def item(self, library: str, name: str) -> str:
        """The id of an item, or nothing."""
        for one in self._rest.ask("list a content library", "GET", f"{ITEM}?library_id={library}") or ():
            if self._rest.ask("read an item of a library", "GET", f"{ITEM}/id:{one}")["name"] == name:
                return str(one)
        return ""

    def capture_ovf(self, library: str, item: str, machine: str, name: str, text: str, flags: list[str]) -> str:
        """Make an OVF template of a machine, or write it over the item; the item's id."""
        target = {"library_id": library, **({"library_item_id": item} if item else {})}
        spec = {"name": name, "description": text, "flags": flags}
        body = {"source": {"type": "VirtualMachine", "id": machine}, "target": target, "create_spec": spec}
        made = self._rest.ask(f'make the OVF template "{name}"', "POST", OVF_ITEM, body)
        if not made.get("succeeded", True):
            raise ApiError(f'The OVF template "{name}" could not be made: {json.dumps(made.get("error"))}.')
        return str(made.get("ovf_library_item_id") or item)

    def capture_template(self, library: str, machine: str, name: str, text: str, more: dict[str, Any]) -> str:
        """Make a VM template of a machine; the item's id."""
        spec = {"source_vm": machine, "library": library, "name": name, "description": text, **more}
        return str(self._rest.ask(f'make the VM template "{name}"', "POST", TEMPLATE_ITEM, {"spec": spec}))

    def delete(self, item: str) -> None:
        """One that is gone is fine."""
        try:
            self._rest.ask("delete an item of a library", "DELETE", f"{ITEM}/id:{item}")
        except ApiError as error:
            if error.code != "404":
                raise
