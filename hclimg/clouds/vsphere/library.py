"""Content libraries: vCenter's REST interface, which the SDK does not cover. 6.5 to 8.0 have these paths."""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any, Self

from hclimg.clouds.vsphere.client import Vcenter, trust
from hclimg.diagnostics import did_you_mean
from hclimg.errors import ApiError, BuildError

OVF, TEMPLATE = "ovf", "vm-template"
SESSION = "/rest/com/vmware/cis/session"
LIBRARY = "/rest/com/vmware/content/library"
ITEM = "/rest/com/vmware/content/library/item"
OVF_ITEM = "/rest/com/vmware/vcenter/ovf/library-item"
TEMPLATE_ITEM = "/rest/vcenter/vm-template/library-items"
TIMEOUT = 3600.0  # seconds: a request that makes an item answers when the item is whole


class Library:
    """A session of its own for as long as the block lasts."""

    def __init__(self, api: Vcenter) -> None:
        self._api = api
        self._token = ""

    def __enter__(self) -> Self:
        endpoint = self._api.endpoint
        account = base64.b64encode(f"{endpoint.username}:{endpoint.password.reveal()}".encode()).decode()
        self._token = str(self._ask("log in", "POST", SESSION, headers={"Authorization": f"Basic {account}"}))
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._ask("log out", "DELETE", SESSION)
        except ApiError:
            return  # it ends by itself

    def find(self, name: str) -> str:
        """The id of a library. Raises BuildError with the nearest names."""
        known = {}
        for one in self._ask("list the content libraries", "GET", LIBRARY) or ():
            known[str(self._ask("read a content library", "GET", f"{LIBRARY}/id:{one}")["name"])] = str(one)
        if name in known:
            return known[name]
        names = sorted(known)
        hint = did_you_mean(name, names).strip() or (f"There are {', '.join(names)}." if names else "")
        raise BuildError(f'There is no content library "{name}".', hint=hint)

    def item(self, library: str, name: str) -> str:
        """The id of an item, or nothing."""
        for one in self._ask("list a content library", "GET", f"{ITEM}?library_id={library}") or ():
            if self._ask("read an item of a library", "GET", f"{ITEM}/id:{one}")["name"] == name:
                return str(one)
        return ""

    def capture_ovf(self, library: str, item: str, machine: str, name: str, text: str, flags: list[str]) -> str:
        """Make an OVF template of a machine, or write it over the item; the item's id."""
        target = {"library_id": library, **({"library_item_id": item} if item else {})}
        spec = {"name": name, "description": text, "flags": flags}
        body = {"source": {"type": "VirtualMachine", "id": machine}, "target": target, "create_spec": spec}
        made = self._ask(f'make the OVF template "{name}"', "POST", OVF_ITEM, body)
        if not made.get("succeeded", True):
            raise ApiError(f'The OVF template "{name}" could not be made: {json.dumps(made.get("error"))}.')
        return str(made.get("ovf_library_item_id") or item)

    def capture_template(self, library: str, machine: str, name: str, text: str, more: dict[str, Any]) -> str:
        """Make a VM template of a machine; the item's id."""
        spec = {"source_vm": machine, "library": library, "name": name, "description": text, **more}
        return str(self._ask(f'make the VM template "{name}"', "POST", TEMPLATE_ITEM, {"spec": spec}))

    def delete(self, item: str) -> None:
        """One that is gone is fine."""
        try:
            self._ask("delete an item of a library", "DELETE", f"{ITEM}/id:{item}")
        except ApiError as error:
            if error.code != "404":
                raise

    def _ask(
        self, what: str, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Any:
        """The ``value`` of the answer. ``what`` finishes "the vCenter refused to …"."""
        endpoint = self._api.endpoint
        connection = http.client.HTTPSConnection(endpoint.host, endpoint.port, context=trust(endpoint), timeout=TIMEOUT)
        sent = {"Content-Type": "application/json", "vmware-api-session-id": self._token, **(headers or {})}
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, sent)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(f"{endpoint.server} does not answer, when asked to {what}: {error}.") from error
        finally:
            connection.close()
        if answer.status >= 400:
            message = f"{endpoint.server} refused to {what}: {answer.status} {answer.reason} {text[:300]}"
            raise ApiError(f"{message.strip()}.", code=str(answer.status))
        return json.loads(text).get("value") if text.strip() else None
