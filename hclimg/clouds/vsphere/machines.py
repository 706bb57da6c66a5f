"""Virtual machines as a build owns them: marked with the run, powered, removed.

A machine in the making carries its run in ``extraConfig`` from its first moment, so that a later process can tell it
from any other machine of that name. Without it a machine is finished, unless the journal says otherwise
(:data:`FINISHED`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hclimg.clouds.vsphere.client import Found, Vcenter, identifier, new
from hclimg.errors import ApiError
from hclimg.sdk.cancel import CancelToken

MARK = "hclimg.run"
FINISHED = "finished_when"
"""In the identity of a machine: by what a later process knows that it is whole. Without it: :data:`UNMARKED`."""
UNMARKED, TEMPLATE, NEVER = "unmarked", "template", "never"
"""It has no mark any more; it is a template; it is not whole, whatever it looks like."""
ON = "poweredOn"
OFF = "poweredOff"


def options(values: Mapping[str, str]) -> list[Any]:
    """``extraConfig`` of a machine."""
    return [new("option.OptionValue", key=name, value=value) for name, value in values.items()]


def mark_of(api: Vcenter, ref: Any) -> str:
    """The run that makes this machine, or nothing."""
    return _mark(api.get(ref, "config.extraConfig"))


def _mark(found: Mapping[str, Any]) -> str:
    """The last of several values counts."""
    values = [str(option.value) for option in found.get("config.extraConfig", ()) if option.key == MARK]
    return values[-1] if values else ""


def is_finished(api: Vcenter, ref: Any, when: str, run: str) -> bool:
    """Whether a machine that a run made is whole; ``when`` is what its journal says under :data:`FINISHED`.

    False for one that is gone, and for one whose configuration the server cannot read.
    """
    try:
        found = api.get(ref, "config.template", "config.extraConfig")
    except ApiError as error:
        if is_gone(error):
            return False
        raise
    if when == NEVER or "config.template" not in found:
        return False
    return bool(found["config.template"]) if when == TEMPLATE else _mark(found) != run


def power_state(api: Vcenter, ref: Any) -> str:
    return str(api.get(ref, "runtime.powerState").get("runtime.powerState", OFF))


def reconfigure(api: Vcenter, ref: Any, what: str, spec: Any, cancel: CancelToken) -> None:
    """``what`` finishes "the vCenter refused to …"."""
    api.run(what, lambda: ref.ReconfigVM_Task(spec), cancel)


def destroy(api: Vcenter, ref: Any, cancel: CancelToken, name: str) -> None:
    """Switch a machine off and delete it with its disks. One that is gone already is fine."""
    try:
        if power_state(api, ref) != OFF:
            switch_off(api, ref, cancel, name)
        api.run(f"delete {name}", ref.Destroy_Task, cancel)
    except ApiError as error:
        if not is_gone(error):
            raise


def switch_off(api: Vcenter, ref: Any, cancel: CancelToken, name: str) -> None:
    """Pull the plug; a machine that went off meanwhile is fine."""
    try:
        api.run(f"switch {name} off", ref.PowerOffVM_Task, cancel)
    except ApiError as error:
        if error.code != "InvalidPowerState" or power_state(api, ref) != OFF:
            raise


def is_gone(error: ApiError) -> bool:
    return error.code == "ManagedObjectNotFound"


def named(api: Vcenter, folder: Any, name: str) -> list[Found]:
    """The machines of a folder (and the folders below it) with a name."""
    return [one for one in api.listing("VirtualMachine", "config.template", below=folder) if one.name == name]


def when_made(api: Vcenter, look: Callable[[], list[Found]], run: str) -> str:
    """The id of the machine of a run among those that ``look`` finds, or nothing."""
    return next((identifier(one.ref) for one in look() if mark_of(api, one.ref) == run), "")
