"""Virtual machines as a build owns them: marked with the run, powered, removed.

A machine in the making carries its run in ``extraConfig`` from its first moment, so that a later process can tell it
from any other machine of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hclimg.clouds.vsphere.client import Found, Vcenter, identifier, new
from hclimg.errors import ApiError
from hclimg.sdk.cancel import CancelToken

MARK = "hclimg.run"
ON = "poweredOn"
OFF = "poweredOff"


def options(values: Mapping[str, str]) -> list[Any]:
    """``extraConfig`` of a machine."""
    return [new("option.OptionValue", key=name, value=value) for name, value in values.items()]


def mark_of(api: Vcenter, ref: Any) -> str:
    """The run that makes this machine, or nothing. The last of several values counts."""
    found = ""
    for option in api.get(ref, "config.extraConfig").get("config.extraConfig", ()):
        if option.key == MARK:
            found = str(option.value)
    return found


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
