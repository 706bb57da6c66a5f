"""Removes what a dead run left in Alibaba Cloud. The credentials are those of the environment, or of the profile."""

from __future__ import annotations

from typing import Any

from hclimg.clouds.alicloud.access import access_of
from hclimg.clouds.alicloud.ecs import Ecs, open_api
from hclimg.clouds.alicloud.images import images, tags_of
from hclimg.clouds.alicloud.removal import THINGS, Thing
from hclimg.errors import BuildError, CleanupError
from hclimg.sdk.mark import RUN_TAG
from hclimg.sdk.remover import Cleaning, Left, Remover

RESULTS = ("image", "snapshot")


class AlicloudRemover(Remover):
    def __init__(self, ctx: Cleaning) -> None:
        super().__init__(ctx)
        self._apis: dict[tuple[str, ...], Ecs] = {}

    def remove(self, left: Left) -> None:
        thing = THINGS.get(left.thing)
        if thing is None:
            raise CleanupError(f"this version does not know how to remove a {left.thing} of Alibaba Cloud")
        try:
            ecs = self._api(left)
            for found in self._ids(ecs, thing, left):
                thing.remove(ecs, found, left.identity)
        except BuildError as error:
            raise CleanupError(f"{error.message} {error.hint}".strip()) from error

    def _ids(self, ecs: Ecs, thing: Thing, left: Left) -> list[str]:
        if not left.id:
            return thing.find(ecs, left.run, left.identity)
        if left.thing in RESULTS and _finished(ecs, left):
            self.ctx.finished(left)
            return []
        return [left.id]

    def _api(self, left: Left) -> Ecs:
        identity = dict(left.identity)
        known = ("region", "endpoint", "profile", "credentials_file", "instance_role", "role")
        where = tuple(identity.get(name, "") for name in known)
        if where not in self._apis:
            self._apis[where] = open_api(self.ctx, access_of(identity))
        api, account = self._apis[where], identity.get("account", "")
        if account and api.account() != account:
            other = api.account() or "an account that cannot be found out"
            raise CleanupError(f"it is in the account {account}, but the credentials are those of {other}")
        return api


def _finished(ecs: Ecs, left: Left) -> bool:
    """Images and snapshots whose mark was taken off are finished, even if that could not be written down."""

    def look() -> list[dict[str, Any]]:
        if left.thing == "image":
            return images(ecs, ImageId=left.id)
        return ecs.list("DescribeSnapshots", "Snapshots.Snapshot", SnapshotIds=f'["{left.id}"]')

    return any(tags_of(row).get(RUN_TAG) != left.run for row in ecs.found(look))
