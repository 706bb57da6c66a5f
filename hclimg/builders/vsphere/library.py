"""Puts a finished machine into a content library."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from hclimg.builders.vsphere.config import LibraryConfig
from hclimg.clouds.vsphere import inventory
from hclimg.clouds.vsphere.client import identifier
from hclimg.clouds.vsphere.library import OVF, TEMPLATE, Library
from hclimg.clouds.vsphere.site import OwnedMachine, Site
from hclimg.errors import ApiError, BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.journal import Record
from hclimg.sdk.steps import step


@frozen
class Item:
    """In the library until :meth:`remove`. ``state`` leads to it again: ``library``, ``name``, ``id``, ``kind``.
    ``new`` is false for one that was written over."""

    state: dict[str, str]
    new: bool
    _site: Site
    _record: Record

    def keep(self) -> None:
        self._record.kept()

    def remove(self, ctx: Context) -> None:
        """The build failed after all. What it wrote over is not to be had back."""
        try:
            if self.new:
                with Library(self._site.api) as items:
                    items.delete(self.state["id"])
            self._record.gone()
        except ApiError as error:
            ctx.warn(f'The item "{self.state["name"]}" stays in the library "{self.state["library"]}": {error.message}')


@step("Putting the machine into the content library")
def put_into_library(ctx: Context, site: Site, owned: OwnedMachine, config: LibraryConfig) -> Item:
    """The item, which the caller keeps or removes. Nothing stays of one that failed."""
    now = datetime.fromtimestamp(ctx.run.started, UTC)
    name = config.name or f"{owned.name}{now:%Y-%m-%d-%H-%M-%S}"
    kind = OVF if config.ovf else TEMPLATE
    with Library(site.api) as items:
        library = items.find(config.library)
        old = items.item(library, name)
        if old and not config.ovf:
            if not ctx.run.force:
                hint = "Set another name, or run with -force to replace it."
                raise BuildError(f'The library "{config.library}" has an item "{name}" already.', hint=hint)
            items.delete(old)
        record = ctx.journal.intend(
            "vsphere/item", **site.identity, library=config.library, name=name, kept="true" if old else ""
        )
        try:
            made = _make(site, owned, config, items, library, old, name)
        except BuildError:
            if not old and (half := items.item(library, name)):
                items.delete(half)
            record.gone()
            raise
        record.made(id=made)
    state = {"library": config.library, "name": name, "id": made, "kind": kind}
    return Item(state, not old, site, record)


def _make(
    site: Site, owned: OwnedMachine, config: LibraryConfig, items: Library, library: str, old: str, name: str
) -> str:
    """The id of the new item. An OVF template is written over the item ``old``, if there is one."""
    text = config.description or f"Made by hclimg from {owned.name}"
    if config.ovf:
        return items.capture_ovf(library, old, owned.id, name, text, list(config.ovf_flags))
    return items.capture_template(library, owned.id, name, text, _placement(site, config))


def _placement(site: Site, config: LibraryConfig) -> dict[str, Any]:
    """The request's ``placement`` and ``vm_home_storage``, where the template says something."""
    api, place = site.api, site.place
    placement: dict[str, str] = {"folder": identifier(site.folder)}
    if config.folder:
        placement["folder"] = identifier(inventory.find(api, place, "Folder", config.folder))
    if config.cluster or config.host or config.resource_pool:
        cluster = config.cluster or ("" if config.host else identifier(site.where.resource))
        where = inventory.compute(api, place, cluster=cluster, host=config.host, pool=config.resource_pool)
    else:
        where = site.where
    placement["resource_pool"] = identifier(where.pool)
    if where.host is not None and config.host:
        placement["host"] = identifier(where.host)
    found: dict[str, Any] = {"placement": placement}
    if config.datastore:
        store = identifier(inventory.find(api, place, "Datastore", config.datastore))
        found["vm_home_storage"] = {"datastore": store}
        found["disk_storage"] = {"datastore": store}
    return found
