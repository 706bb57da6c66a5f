"""Takes machines out of the inventory and back: their files stay where they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hclimg.clouds.vsphere import inventory
from hclimg.clouds.vsphere.client import Vcenter, identifier
from hclimg.errors import ApiError
from hclimg.sdk.cancel import CancelToken


def way_back(api: Vcenter, place: inventory.Place, ref: Any) -> dict[str, str]:
    """What :func:`register_again` needs, as text for a journal."""
    found = api.get(ref, "name", "config.files.vmPathName", "runtime.host", "resourcePool", "parent")
    pool = found.get("resourcePool")
    return {
        "name": str(found["name"]), "path": str(found["config.files.vmPathName"]),
        "host": identifier(found["runtime.host"]), "pool": identifier(pool) if pool is not None else "",
        "folder": identifier(found["parent"]) if found.get("parent") is not None else identifier(place.vms),
    }  # fmt: skip


def register_as_template(api: Vcenter, back: Mapping[str, str], folder: Any, name: str, cancel: CancelToken) -> Any:
    """The template. Raises ApiError when it is refused."""
    host = api.object("HostSystem", back["host"])
    what = f'register "{name}" as a template'
    return api.run(what, lambda: folder.RegisterVM_Task(back["path"], name, True, None, host), cancel)


def register_again(api: Vcenter, back: Mapping[str, str], cancel: CancelToken) -> None:
    """Bring a machine back as it was. One that is in the inventory already, in whatever form, is fine."""
    folder = api.object("Folder", back["folder"])
    host, pool = api.object("HostSystem", back["host"]), api.object("ResourcePool", back["pool"])
    what = f'register "{back["name"]}" again'
    try:
        api.run(what, lambda: folder.RegisterVM_Task(back["path"], back["name"], False, pool, host), cancel)
    except ApiError as error:
        if error.code != "AlreadyExists":
            raise
