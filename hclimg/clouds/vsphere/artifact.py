"""A finished image in a vCenter, of builders and post-processors: what it consists of, and its removal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hclimg.clouds.vsphere.access import endpoint_of
from hclimg.clouds.vsphere.client import logged_in
from hclimg.clouds.vsphere.machines import destroy as destroy_machine
from hclimg.sdk.components import remove_files
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact


def machine_title(where: Mapping[str, Any], name: str, moid: str) -> str:
    """A machine or template as lists of artifacts show it."""
    return f"{where['server']}: {where['datacenter']}/vm: {name} ({moid})"


def contents(artifact: Artifact) -> tuple[str, ...]:
    state = artifact.state
    found = list(artifact.files)
    if state.get("vm"):
        found.append(machine_title(state, str(state["name"]), str(state["vm"])))
    if library := state.get("library"):
        found.append(f"{state['server']}: {library['library']}: {library['name']}")
    return tuple(found)


def destroy(ctx: Context, artifact: Artifact) -> None:
    """Delete the machine or template, the item in the library, and the exported files."""
    state = artifact.state
    if state.get("vm") or state.get("library"):
        with logged_in(endpoint_of(state), f"hclimg-{ctx.run.id}") as api:
            if state.get("vm"):
                machine = api.object("VirtualMachine", str(state["vm"]))
                destroy_machine(api, machine, ctx.cancel, str(state["name"]))
            if library := state.get("library"):
                from hclimg.clouds.vsphere.library import Library

                with Library(api) as items:
                    items.delete(str(library["id"]))
    remove_files(ctx, artifact)
