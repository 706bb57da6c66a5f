"""Removes what dead runs left in an OpenStack. Credentials come from the environment or ``clouds.yaml``.

What has no id is found by the mark of the run: servers, volumes and images carry it in their metadata, floating IPs in
their description, and key pairs have a name that is written down before they are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from hclimg.clouds.openstack import things
from hclimg.clouds.openstack.client import OpenStack, reconnect
from hclimg.errors import CleanupError
from hclimg.sdk.mark import RUN_TAG
from hclimg.sdk.remover import Cleaning, Left, Remover

THING = ("id", "name", things.FINISHING)
"""What of an identity is about the thing itself."""


class OpenstackRemover(Remover):
    """Keeps one connection for each cloud and project of the run."""

    def __init__(self, ctx: Cleaning) -> None:
        super().__init__(ctx)
        self._clouds: dict[tuple[tuple[str, str], ...], OpenStack] = {}

    def remove(self, left: Left) -> None:
        cloud = self._cloud(left)
        match left.thing:
            case "key-pair":
                things.delete_key_pair(cloud, left.identity["name"])
            case "server":
                for server in _ids(left, lambda: _marked_servers(cloud, left)):
                    things.delete_server(cloud, server)
            case "volume":
                for volume in _ids(left, lambda: _marked_volumes(cloud, left)):
                    things.delete_volume(cloud, volume)
            case "image":
                self._remove_image(cloud, left)
            case "floating-ip":
                for address in _ids(left, lambda: _marked_addresses(cloud, left)):
                    things.delete_floating_ip(cloud, address)
            case other:
                raise CleanupError(f'nothing here knows how to remove a "{other}"')

    def _remove_image(self, cloud: OpenStack, left: Left) -> None:
        """One that is being made may have no mark yet; one that was being finished has none once it is."""
        if things.FINISHING in left.identity and _has_no_mark(cloud, left.id):
            self.ctx.finished(left)
            return
        for image in _ids(left, lambda: _marked_images(cloud, left)):
            things.delete_image(cloud, image)

    def _cloud(self, left: Left) -> OpenStack:
        """Reached by what the identity says besides which thing it is."""
        where = {name: value for name, value in sorted(left.identity.items()) if name not in THING}
        key = tuple(where.items())
        if key not in self._clouds:
            self._clouds[key] = reconnect(self.ctx, where)
        return self._clouds[key]


def _has_no_mark(cloud: OpenStack, image: str) -> bool:
    """False also for one that is not there."""
    found = cloud.find("the image", lambda sdk: sdk.image.get_image(image))
    return found is not None and RUN_TAG not in (found.properties or {})


def _ids(left: Left, marked: Callable[[], list[str]]) -> list[str]:
    """The thing that was written down; without an id, those of its name that have the mark of the run."""
    return [left.id] if left.id else marked()


def run_mark(run: str) -> str:
    """The description of what has no metadata."""
    return f"{RUN_TAG}={run}"


def _named(left: Left, found: Iterable[Any]) -> list[Any]:
    """Runs make several things of a kind; those that were written down with ids are removed by their own entries."""
    return [thing for thing in found if thing.name == left.identity.get("name")]


def _marked_servers(cloud: OpenStack, left: Left) -> list[str]:
    servers = cloud.ask("the servers", lambda sdk: list(sdk.compute.servers()))
    return [it.id for it in _named(left, servers) if (it.metadata or {}).get(RUN_TAG) == left.run]


def _marked_volumes(cloud: OpenStack, left: Left) -> list[str]:
    volumes = cloud.ask("the volumes", lambda sdk: list(sdk.block_storage.volumes()))
    return [it.id for it in _named(left, volumes) if (it.metadata or {}).get(RUN_TAG) == left.run]


def _marked_images(cloud: OpenStack, left: Left) -> list[str]:
    name = left.identity.get("name", "")
    images = cloud.ask("the images", lambda sdk: list(sdk.image.images(name=name)))
    return [it.id for it in _named(left, images) if (it.properties or {}).get(RUN_TAG) == left.run]


def _marked_addresses(cloud: OpenStack, left: Left) -> list[str]:
    addresses = cloud.ask("the floating IPs", lambda sdk: list(sdk.network.ips()))
    return [it.id for it in addresses if it.description == run_mark(left.run)]
