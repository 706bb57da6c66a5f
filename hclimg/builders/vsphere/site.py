"""The place in a vCenter that a template of the vSphere builders names, and the files that they put on datastores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hclimg.builders.vsphere.config import CommonConfig
from hclimg.clouds.vsphere import files, inventory
from hclimg.clouds.vsphere.client import Found, Vcenter
from hclimg.clouds.vsphere.paths import DatastorePath
from hclimg.clouds.vsphere.site import Site, folder_at
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context
from hclimg.sdk.journal import Record
from hclimg.sdk.steps import step


@step("Looking up where the machine goes")
def locate(ctx: Context, config: CommonConfig, api: Vcenter) -> Site:
    """Everything that the template names, before anything is made. The datastore of a cluster is chosen later: it
    depends on what the machine is (``placement``)."""
    wanted = config.location
    place = inventory.datacenter(api, config.access.datacenter)
    where = inventory.compute(api, place, cluster=wanted.cluster, host=wanted.host, pool=wanted.resource_pool)
    store: Found | None = None
    if wanted.datastore_cluster:
        inventory.find(api, place, "StoragePod", wanted.datastore_cluster)
    else:
        store = inventory.datastore(api, place, wanted.datastore, where)
    folder = folder_at(ctx, api, place, wanted.folder)
    return Site(
        api=api, place=place, where=where, folder=folder, folder_path=wanted.folder,
        datastore=store.name if store else "", datastore_ref=store.ref if store else None,
    )  # fmt: skip


# -- files on datastores ----------------------------------------------------------


@step("Uploading file", undo="Deleting uploaded file")
def temporary_file(ctx: Context, site: Site, source: Path, target: DatastorePath, host: str) -> Iterator[DatastorePath]:
    """A file on a datastore that does not outlive the build."""
    record = _send(ctx, site, source, target, host)
    record.made()
    yield target
    files.delete(site.api, site.place.ref, target, ctx)
    record.gone()


@step("Uploading ISO")
def cached_file(
    ctx: Context, site: Site, store: Any, source: Path, target: DatastorePath, host: str, *, replace: bool
) -> None:
    """A file on a datastore that later builds use again. One of another size is not it."""
    browser = site.api.get(store, "browser")["browser"]
    have = files.size_of(site.api, browser, target, ctx)
    if have == source.stat().st_size and not replace:
        ctx.say(f"{target} is there already.")
        return
    _send(ctx, site, source, target, host).kept()


def _send(ctx: Context, site: Site, source: Path, target: DatastorePath, host: str) -> Record:
    """Upload a file. Nothing stays of one that fails."""
    record = ctx.journal.intend("vsphere/file", **site.identity, path=str(target))
    try:
        files.make_folder(site.api, site.place.ref, target.folder)
        files.upload(ctx, site.api, site.place.name, source, target, host)
    except BaseException:
        files.delete_with(site.api, site.place.ref, target, CancelToken())
        record.gone()
        raise
    return record
