"""Deleting what a build makes, and waiting until it is gone: for builds that end, and for those that were killed.

Each copes with a thing in whatever state: half made, being copied, in use by something that goes away, gone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hclimg.clouds.openstack.client import OpenStack
from hclimg.clouds.openstack.refusals import is_busy, is_missing
from hclimg.errors import ApiError, BuildError

PATIENCE = timedelta(minutes=10)
GONE = ("DELETED", "SOFT_DELETED")
"""A cloud with soft deletion keeps a server for a while, which is its way of being gone."""
DELETABLE = ("available", "error", "error_restoring", "error_extending", "error_managing", "awaiting-transfer")
FINISHING = "finishing"
"""In the identity of an image from which the mark of its run is being taken, its last change."""
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

