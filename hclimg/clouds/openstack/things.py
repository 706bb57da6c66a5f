"""What a build makes in the cloud (:data:`THINGS`): deleting it and waiting until it is gone, and finding it by the
mark of its run: for builds that end, and for those that were killed.

Each copes with a thing in whatever state: half made, being copied, in use by something that goes away, gone. Servers,
volumes and images carry the mark in their metadata, floating IPs in their description; a key pair is known by the key.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from hclimg.clouds.openstack.client import OpenStack
from hclimg.clouds.openstack.refusals import is_busy, is_missing
from hclimg.errors import ApiError, BuildError
from hclimg.sdk.mark import RUN_TAG

PATIENCE = timedelta(minutes=10)
GONE = ("DELETED", "SOFT_DELETED")
"""A cloud with soft deletion keeps a server for a while, which is its way of being gone."""
DELETABLE = ("available", "error", "error_restoring", "error_extending", "error_managing", "awaiting-transfer")
TRIES = 20
SERVER_HINT = "The cloud's administrators can find out why."
STUCK_HINT = "Its state has to be reset by the cloud's administrator: openstack volume set --state error ID."


def delete_server(cloud: OpenStack, server: str, *, force: bool = False) -> None:
    """``force`` is for clouds that only hide deleted servers at first; not every user may do so.

    A server that is deleted while it is being made may end in the state ERROR instead, and is deleted again then.
    """
    what, tries = f"server {server}", 0

    def delete() -> None:
        cloud.remove(f"the removal of {what}", lambda sdk: sdk.compute.delete_server(server, force=force))

    def gone() -> bool | None:
        nonlocal tries
        found = cloud.find(what, lambda sdk: sdk.compute.get_server(server))
        if found is None or found.status in GONE:
            return True
        if found.status == "ERROR" and not found.task_state:
            tries += 1
            if tries > TRIES:
                raise BuildError(f"OpenStack cannot remove {what}: it stays in the state ERROR.", hint=SERVER_HINT)
            delete()
        return None

    delete()
    cloud.wait(f"{what} to go", gone, PATIENCE)


def delete_image(cloud: OpenStack, image: str) -> None:
    cloud.remove(f"the removal of image {image}", lambda sdk: sdk.image.delete_image(image, ignore_missing=False))

    def gone() -> bool | None:
        return True if cloud.find(f"image {image}", lambda sdk: sdk.image.get_image(image)) is None else None

    cloud.wait(f"image {image} to go", gone, PATIENCE)


def delete_key_pair(cloud: OpenStack, name: str) -> None:
    def delete(sdk: Any) -> None:
        sdk.compute.delete_keypair(name, ignore_missing=False)

    cloud.remove(f"the removal of key pair {name}", delete)


def delete_floating_ip(cloud: OpenStack, address: str) -> None:
    """``address`` is its id."""
    what = f"the removal of floating IP {address}"
    cloud.remove(what, lambda sdk: sdk.network.delete_ip(address, ignore_missing=False))


def delete_volume(cloud: OpenStack, volume: str) -> None:
    """Wait until nothing happens to it any more, then delete it. Raises TimedOut when something always does."""

    def deleted() -> bool | None:
        found = cloud.find(f"volume {volume}", lambda sdk: sdk.block_storage.get_volume(volume))
        if found is None:
            return True
        if found.status not in DELETABLE:
            return None
        try:
            cloud.make(
                f"the removal of volume {volume}",
                lambda sdk: sdk.block_storage.delete_volume(volume, ignore_missing=False, cascade=True),
            )
        except ApiError as error:
            if not is_missing(error) and not is_busy(error):
                raise
        return None

    cloud.wait(f"volume {volume} to go", deleted, PATIENCE, hint=STUCK_HINT)



# -- finding ----------------------------------------------------------------------

Identity = Mapping[str, str]
"""What was written down of a thing before it was made: its ``name``, and the ``fingerprint`` of a key pair."""


def run_mark(run: str) -> str:
    """The description of what has no metadata."""
    return f"{RUN_TAG}={run}"


def fingerprint(public: str) -> str:
    """Of a key, a line as in authorized_keys; as ssh-keygen writes it."""
    digest = sha256(b64decode(public.split()[1])).digest()
    return f"SHA256:{b64encode(digest).decode().rstrip('=')}"


def _named(found: Iterable[Any], identity: Identity) -> list[Any]:
    """Runs make several things of a kind; each is found as itself only."""
    return [thing for thing in found if thing.name == identity.get("name")]


def _marked_servers(cloud: OpenStack, run: str, identity: Identity) -> list[str]:
    servers = cloud.ask("the servers", lambda sdk: list(sdk.compute.servers()))
    return [it.id for it in _named(servers, identity) if (it.metadata or {}).get(RUN_TAG) == run]


def _marked_volumes(cloud: OpenStack, run: str, identity: Identity) -> list[str]:
    volumes = cloud.ask("the volumes", lambda sdk: list(sdk.block_storage.volumes()))
    return [it.id for it in _named(volumes, identity) if (it.metadata or {}).get(RUN_TAG) == run]


def _marked_images(cloud: OpenStack, run: str, identity: Identity) -> list[str]:
    images = cloud.ask("the images", lambda sdk: list(sdk.image.images(name=identity.get("name", ""))))
    return [it.id for it in _named(images, identity) if has_mark(it, run)]


def has_mark(image: Any, run: str) -> bool:
    return (image.properties or {}).get(RUN_TAG) == run


def _marked_addresses(cloud: OpenStack, run: str, _identity: Identity) -> list[str]:
    addresses = cloud.ask("the floating IPs", lambda sdk: list(sdk.network.ips()))
    return [it.id for it in addresses if it.description == run_mark(run)]


def _own_key_pairs(cloud: OpenStack, _run: str, identity: Identity) -> list[str]:
    name = identity.get("name", "")
    pair = cloud.find(f"key pair {name}", lambda sdk: sdk.compute.get_keypair(name))
    return [name] if pair and fingerprint(pair.public_key) == identity.get("fingerprint") else []


class Thing(NamedTuple):
    """``find`` gives the ids of those that a run may have made; ``delete`` takes one of them."""

    find: Callable[[OpenStack, str, Identity], list[str]]
    delete: Callable[[OpenStack, str], None]


THINGS: Mapping[str, Thing] = {
    "key-pair": Thing(_own_key_pairs, delete_key_pair),
    "server": Thing(_marked_servers, delete_server),
    "volume": Thing(_marked_volumes, delete_volume),
    "image": Thing(_marked_images, delete_image),
    "floating-ip": Thing(_marked_addresses, delete_floating_ip),
}
"""By the kind in the journal, after ``openstack/``."""
