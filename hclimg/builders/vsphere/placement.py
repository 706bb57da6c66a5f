"""Which datastore of a datastore cluster a machine gets: Storage DRS is asked, which knows of load and of rules.

Where it is off, or does not say, the datastore that has most free space is taken.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from hclimg.builders.vsphere import devices
from hclimg.clouds.vsphere import inventory
from hclimg.clouds.vsphere.client import Found, new
from hclimg.clouds.vsphere.site import Site
from hclimg.errors import ApiError
from hclimg.sdk.context import Context
from hclimg.sdk.steps import step


@step("Choosing a datastore")
def place_clone(ctx: Context, site: Site, cluster: str, source: Any, name: str) -> Site:
    """For a clone of ``source``."""
    spec = new("vm.CloneSpec", location=new("vm.RelocateSpec", pool=site.where.pool), powerOn=False, template=False)
    if site.where.host is not None:
        spec.location.host = site.where.host
    return _placed(ctx, site, cluster, "clone", [], vm=source, cloneName=name, cloneSpec=spec)


@step("Choosing a datastore")
def place_new(ctx: Context, site: Site, cluster: str, spec: Any) -> Site:
    """For a new machine."""
    disks = devices.of_kind([one.device for one in spec.deviceChange], "VirtualDisk")
    return _placed(ctx, site, cluster, "create", disks, configSpec=spec)


def _placed(ctx: Context, site: Site, cluster: str, what: str, disks: list[Any], **request: Any) -> Site:
    pod = inventory.find(site.api, site.place, "StoragePod", cluster)
    found = _recommended(ctx, site, pod, what, disks, request)
    if found is None:
        found = inventory.fullest(site.api, pod, cluster)
        ctx.say(f'Of the datastore cluster "{cluster}", "{found.name}" has the most free space.')
    else:
        ctx.say(f'Storage DRS of "{cluster}" recommends "{found.name}".')
    return evolve(site, datastore=found.name, datastore_ref=found.ref)


def _recommended(
    ctx: Context, site: Site, pod: Any, what: str, disks: list[Any], request: dict[str, Any]
) -> Found | None:
    locators = [
        new("storageDrs.PodSelectionSpec.DiskLocator", diskId=disk.key, diskBackingInfo=disk.backing) for disk in disks
    ]
    placement = new("storageDrs.PodSelectionSpec.VmPodConfig", storagePod=pod, disk=locators)
    selection = new("storageDrs.PodSelectionSpec", initialVmConfig=[placement], storagePod=pod)
    spec = new(
        "storageDrs.StoragePlacementSpec", type=what, podSelectionSpec=selection, folder=site.folder,
        resourcePool=site.where.pool, **request,
    )  # fmt: skip
    if site.where.host is not None:
        spec.host = site.where.host
    manager = site.api.content.storageResourceManager
    try:
        said = site.api.call("recommend a datastore", lambda: manager.RecommendDatastores(spec), again=True)
    except ApiError as error:
        ctx.say(f"Storage DRS does not help: {error.message}")
        return None
    actions = [action for one in said.recommendations or () for action in one.action or ()]
    chosen = next((action.destination for action in actions if getattr(action, "destination", None)), None)
    return site.api.get_all([chosen], "name")[0] if chosen is not None else None
