"""Data source ``vsphere-virtualmachine``: finds a machine or template of a vCenter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from hclimg.clouds.vsphere.access import VsphereAccess
from hclimg.config.fields import Checker, block, config, embed, setting
from hclimg.errors import BuildError
from hclimg.sdk.components import DataSource

if TYPE_CHECKING:
    from hclimg.clouds.vsphere.client import Found, Vcenter
    from hclimg.clouds.vsphere.inventory import Place
    from hclimg.sdk.context import Context

SHOWN = 10  # names in a message


@config
class TagConfig:
    """A tag that the machine must have."""

    name: str = setting("The tag.")
    category: str = setting("The category of the tag.")


@config
class VsphereVirtualMachineConfig:
    """Finds a machine or template of a vCenter. Exactly one must match, or several with `latest`."""

    access: VsphereAccess = embed(VsphereAccess)
    name: str = setting("The name, or a pattern with `*` and `?`.", default="", example='"debian-12-*"')
    name_regex: str = setting("A regular expression that must be found in the name.", default="")
    template: bool = setting("Whether only templates are looked at.", default=False)
    host: str = setting("The ESXi host that it is on.", default="")
    tag: tuple[TagConfig, ...] = block("A tag that it has; of several, all.", many=True, default=())
    latest: bool = setting("Whether the newest is taken when several match.", default=False)

    def check(self, problems: Checker) -> None:
        try:
            re.compile(self.name_regex)
        except re.error as error:
            problems.error("Invalid regular expression", f'"{self.name_regex}": {error}.', "name_regex")


@config
class VsphereVirtualMachineOutput:
    """The machine."""

    vm_name: str = setting("The name of the machine or template.")


class VsphereVirtualMachineDataSource(DataSource[VsphereVirtualMachineConfig]):
    Config: ClassVar[type] = VsphereVirtualMachineConfig
    Output: ClassVar[type | None] = VsphereVirtualMachineOutput

    def summary(self) -> str:
        return self.config.name or self.config.name_regex

    def uses(self) -> dict[str, int]:
        return {"vsphere": 1}

    def read(self, ctx: Context) -> dict[str, Any]:
        from hclimg.clouds.vsphere import inventory
        from hclimg.clouds.vsphere.client import logged_in

        endpoint = self.config.access.endpoint()
        ctx.redact.add(endpoint.password.reveal())
        with logged_in(endpoint, f"hclimg-{ctx.run.id}") as api:
            place = inventory.datacenter(api, self.config.access.datacenter)
            return {"vm_name": _chosen(self.config, place, _matching(self.config, api, place)).name}


def _matching(config: VsphereVirtualMachineConfig, api: Vcenter, place: Place) -> list[Found]:
    from fnmatch import fnmatchcase

    from hclimg.clouds.vsphere import inventory
    from hclimg.clouds.vsphere.client import identifier

    paths = ("config.template", "config.createDate", "runtime.host")
    found = [
        one
        for one in api.listing("VirtualMachine", *paths, below=place.vms)
        if (not config.name or fnmatchcase(one.name, config.name))
        and re.search(config.name_regex, one.name)
        and (one.props.get("config.template") or not config.template)
    ]
    if config.host:
        host = inventory.find(api, place, "HostSystem", config.host)
        found = [one for one in found if one.props.get("runtime.host") == host]
    if config.tag:
        from hclimg.clouds.vsphere.rest import Rest
        from hclimg.clouds.vsphere.tags import tagged_machines

        with Rest(api) as rest:
            for tag in config.tag:
                having = tagged_machines(rest, tag.category, tag.name)
                found = [one for one in found if identifier(one.ref) in having]
    return found


def _chosen(config: VsphereVirtualMachineConfig, place: Place, found: list[Found]) -> Found:
    what = "template" if config.template else "machine or template"
    if not found:
        hint = "Look at name, name_regex, host and tag; a machine counts only without template = true."
        raise BuildError(f"No {what} in {place.name} matches.", hint=hint)
    if len(found) == 1:
        return found[0]
    names = ", ".join(sorted(one.name for one in found)[:SHOWN])
    if not config.latest:
        hint = "Say more of it, or set latest = true for the newest."
        raise BuildError(f"{len(found)} things in {place.name} match: {names}.", hint=hint)
    dated = [one for one in found if one.props.get("config.createDate") is not None]
    if not dated:
        raise BuildError(f"The vCenter does not know when these were made: {names}.", hint="Say more of the one.")
    return max(dated, key=lambda one: one.props["config.createDate"])
