"""Removes what dead runs left in an OpenStack. Credentials come from the environment or ``clouds.yaml``.

What has no id is found by the mark of the run. An image may be a result: one without the mark is finished, and stays
whatever the journal says.
"""

from __future__ import annotations

from hclimg.clouds.openstack.client import OpenStack, reconnect
from hclimg.clouds.openstack.things import THINGS, has_mark
from hclimg.errors import CleanupError
from hclimg.sdk.remover import Cleaning, Left, Remover

ABOUT_IT = ("id", "name", "fingerprint")
"""What of an identity is about the thing itself."""


class OpenstackRemover(Remover):
    """Keeps one connection for each cloud and project of the run."""

    def __init__(self, ctx: Cleaning) -> None:
        super().__init__(ctx)
        self._clouds: dict[tuple[tuple[str, str], ...], OpenStack] = {}

    def remove(self, left: Left) -> None:
        if left.thing not in THINGS:
            raise CleanupError(f'nothing here knows how to remove a "{left.thing}"')
        cloud, thing = self._cloud(left), THINGS[left.thing]
        if left.thing == "image" and left.id and _is_finished(cloud, left):
            self.ctx.finished(left)
            return
        for found in [left.id] if left.id else thing.find(cloud, left.run, left.identity):
            thing.delete(cloud, found)

    def _cloud(self, left: Left) -> OpenStack:
        """Reached by what the identity says besides which thing it is."""
        where = {name: value for name, value in sorted(left.identity.items()) if name not in ABOUT_IT}
        key = tuple(where.items())
        if key not in self._clouds:
            self._clouds[key] = reconnect(self.ctx, where)
        return self._clouds[key]


def _is_finished(cloud: OpenStack, left: Left) -> bool:
    """False also for one that is not there."""
    found = cloud.find("the image", lambda sdk: sdk.image.get_image(left.id))
    return found is not None and not has_mark(found, left.run)
