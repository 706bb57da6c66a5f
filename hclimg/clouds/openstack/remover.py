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
                for image in _ids(left, lambda: _marked_images(cloud, left)):
                    things.delete_image(cloud, image)
            case "floating-ip":
                for address in _ids(left, lambda: _marked_addresses(cloud, left)):
                    things.delete_floating_ip(cloud, address)
            case other:
                raise CleanupError(f'nothing here knows how to remove a "{other}"')

    def _cloud(self, left: Left) -> OpenStack:
        where = {name: left.identity[name] for name in sorted(left.identity) if name not in ("id", "name")}
        key = tuple(where.items())
        if key not in self._clouds:
            self._clouds[key] = reconnect(self.ctx, where)
        return self._clouds[key]


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
