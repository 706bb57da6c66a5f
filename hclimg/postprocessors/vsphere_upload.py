"""From an OVF package to a machine in a vCenter: its hardware is imported, its files are sent through the lease."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from attrs import define

from hclimg.clouds.vsphere import inventory
from hclimg.clouds.vsphere.client import Found, Vcenter, new
from hclimg.clouds.vsphere.files import send
from hclimg.clouds.vsphere.lease import Lease
from hclimg.clouds.vsphere.site import OwnedMachine, Site, folder_at, make_room, owned, session, unmark
from hclimg.errors import BuildError, ConnectionLost
from hclimg.postprocessors.ovf_package import Package, package_of
from hclimg.postprocessors.vsphere import HARDWARE, VsphereConfig, parse_options
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact
from hclimg.sdk.steps import step

BUILDER_ID = "packer.post-processor.vsphere"
STREAM = "application/x-vnd.vmware-streamVmdk"
PAUSE = 0.5  # seconds before another attempt, doubled each time


@define
class Import:
    """``spec`` is what the vCenter made of the descriptor; ``lease`` comes when the machine is there."""

    spec: Any
    files: list[Any]
    lease: Lease | None = None


def upload(ctx: Context, config: VsphereConfig, artifact: Artifact) -> Artifact:
    package, stem = package_of(ctx, artifact)
    name = config.vm_name or stem
    package.verify(ctx)
    api = session(ctx, config.access.endpoint())
    site = locate(ctx, config, api)
    plan = plan_import(ctx, site, config, package, name)
    make_room(ctx, site, name, force=config.overwrite)
    machine = register(ctx, site, plan, name)
    transfer(ctx, plan, package, config.max_retries)
    unmark(ctx, site, machine)
    machine.keep()
    place = "/".join(filter(None, (site.place.name, "vm", site.folder_path, name)))
    return Artifact(
        builder=BUILDER_ID, component="post-processor/vsphere", id=f"{site.datastore}::{config.vm_folder}::{name}",
        description=f"{place} on {api.endpoint.server}", state={**site.identity, "vm": machine.id, "name": name},
    )  # fmt: skip


@step("Looking up where the machine goes")
def locate(ctx: Context, config: VsphereConfig, api: Vcenter) -> Site:
    """Everything that the template names, before anything is made."""
    place = inventory.datacenter(api, config.datacenter)
    where = inventory.compute(api, place, cluster=config.cluster, host=config.esxi_host, pool=config.resource_pool)
    store: Found | None
    if config.datastore_cluster:
        pod = inventory.find(api, place, "StoragePod", config.datastore_cluster)
        store = inventory.fullest(api, pod, config.datastore_cluster)
    else:
        store = inventory.datastore(api, place, config.datastore, where)
    if store is None:
        refs = api.get(where.host or where.resource, "datastore").get("datastore", ())
        names = ", ".join(sorted(one.name for one in api.get_all(refs, "name"))) or "none"
        raise BuildError(f"{where.name} has no one datastore to choose.", hint=f"Set datastore; there is {names}.")
    return Site(
        api=api, place=place, where=where, datastore=store.name, datastore_ref=store.ref, folder_path=config.vm_folder,
        folder=folder_at(ctx, api, place, config.vm_folder),
    )  # fmt: skip


@step("Describing the machine to the vCenter")
def plan_import(ctx: Context, site: Site, config: VsphereConfig, package: Package, name: str) -> Import:
    wanted = parse_options(config.options)
    params = new(
        "OvfManager.CreateImportSpecParams", entityName=name, locale="", deploymentOption=wanted.deployment,
        diskProvisioning=config.disk_mode, networkMapping=_networks(site, config, wanted.networks, package),
        propertyMapping=[new("KeyValue", key=key, value=value) for key, value in wanted.properties.items()],
    )  # fmt: skip
    if site.where.host is not None:
        params.hostSystem = site.where.host
    manager = site.api.content.ovfManager
    found = site.api.call(
        f"import {package.path.name}",
        lambda: manager.CreateImportSpec(package.descriptor, site.where.pool, site.datastore_ref, params), again=True,
    )  # fmt: skip
    for problem in found.warning or ():
        ctx.warn(f"The vCenter says of {package.path.name}: {_words(problem)}.")
    if found.error:
        said = "; ".join(_words(problem) for problem in found.error)
        raise BuildError(f"The vCenter cannot import {package.path.name}: {said}.")
    plan = Import(found.importSpec, list(found.fileItem or ()))
    for item in plan.files:
        if item.compressionMethod or item.chunkSize:
            raise BuildError(f"{item.path} is compressed or in parts.", hint="Write the OVF with plain VMDK files.")
        with package.file(item.path):
            pass  # missing files are told before anything is made
    _limit_version(plan.spec.configSpec, config.hardware_version)
    return plan


def _words(problem: Any) -> str:
    return str(getattr(problem, "msg", "") or getattr(problem, "localizedMessage", "") or problem).rstrip(".")


def _limit_version(spec: Any, newest: str) -> None:
    limit, have = HARDWARE.fullmatch(newest), HARDWARE.fullmatch(str(spec.version or ""))
    if limit and (have is None or int(have[2]) > int(limit[2])):
        spec.version = f"vmx-{int(limit[2]):02}"


def _networks(site: Site, config: VsphereConfig, mapped: dict[str, str], package: Package) -> list[Any]:
    """Where the networks of the descriptor are in this vCenter; those that nobody names are looked for by name."""
    names = package.networks()
    for name in mapped:
        if name not in names:
            hint = f"It has {', '.join(names) or 'none'}."
            raise BuildError(f'{package.path.name} has no network "{name}".', hint=hint)
    found = []
    for name in names:
        target = config.vm_network or mapped.get(name, "")
        if target:
            ref = inventory.network(site.api, site.place, target, site.where.resource)
        else:
            same = inventory.candidates(site.api, site.place, "Network", name)
            if len(same) != 1:
                continue  # the vCenter chooses, or refuses
            ref = same[0]
        found.append(new("OvfManager.NetworkMapping", name=name, network=ref))
    return found


@step("Importing the machine", undo="Deleting the machine")
def register(ctx: Context, site: Site, plan: Import, name: str) -> Iterator[OwnedMachine]:
    """The machine, whose disks are still empty, and the lease for them."""

    def make(marks: list[Any]) -> Any:
        plan.spec.configSpec.extraConfig = [*(plan.spec.configSpec.extraConfig or ()), *marks]
        pool, folder, host = site.where.pool, site.folder, site.where.host
        plan.lease = Lease.start(ctx, site, "import", name, lambda: pool.ImportVApp(plan.spec, folder, host))
        return plan.lease.info.entity

    for machine in owned(ctx, site, name, make):
        yield machine
        if plan.lease:
            plan.lease.abort()  # no transfer began; a machine under a lease cannot be deleted


@step("Uploading the disks")
def transfer(ctx: Context, plan: Import, package: Package, retries: int) -> None:
    lease = plan.lease
    if lease is None:
        raise BuildError("The import has no lease.")
    urls = {device.importKey: str(device.url) for device in lease.info.deviceUrl}
    with lease.to_the_end(), lease.pulse() as pulse:
        for number, item in enumerate(plan.files, 1):
            if item.deviceId not in urls:
                raise BuildError(f"The vCenter does not say where {item.path} goes.")
            ctx.say(f"Uploading {item.path}.")
            _send(ctx, lease.api, package, item, urls[item.deviceId], retries)
            pulse.percent = min(99, 100 * number // len(plan.files))


def _send(ctx: Context, api: Vcenter, package: Package, item: Any, url: str, retries: int) -> None:
    """One file. A server cannot go on in the middle of one: when the connection breaks it is sent again."""
    target = urlsplit(url.replace("*", api.endpoint.server, 1))
    method = "PUT" if item.create else "POST"
    headers = {"Cookie": api.cookie, "Overwrite": "t", "Content-Type": STREAM}
    path = target.path + (f"?{target.query}" if target.query else "")
    for attempt in range(retries + 1):
        try:
            with package.file(item.path) as (stream, size):
                send(ctx, api, method, target.netloc, path, stream, headers, f"uploading {item.path}", size)
            return
        except ConnectionLost as error:
            if attempt == retries:
                raise
            ctx.warn(f"{error.message} Trying again.")
            ctx.sleep(PAUSE * 2**attempt)
