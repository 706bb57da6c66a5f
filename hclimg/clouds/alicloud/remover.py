"""Removes what a dead run left in Alibaba Cloud. The credentials are those of the environment, or of the profile."""

from __future__ import annotations

from hclimg.clouds.alicloud.access import access_of
from hclimg.clouds.alicloud.client import Ecs, open_api
from hclimg.clouds.alicloud.removal import THINGS
from hclimg.errors import BuildError, CleanupError
from hclimg.sdk.remover import Cleaning, Left, Remover


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
            ids = [left.id] if left.id else thing.find(ecs, left.run, left.identity)
            for found in ids:
                thing.remove(ecs, found, left.identity)
        except BuildError as error:
            raise CleanupError(f"{error.message} {error.hint}".strip()) from error

    def _api(self, left: Left) -> Ecs:
        identity = dict(left.identity)
        known = ("region", "endpoint", "profile", "credentials_file", "instance_role", "role")
        where = tuple(identity.get(name, "") for name in known)
        if where not in self._apis:
            self._apis[where] = open_api(self.ctx, access_of(identity))
        return self._apis[where]
