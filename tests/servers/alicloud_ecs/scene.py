"""What an action works on, and the table of actions."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from attrs import frozen

from servers.alicloud_ecs.wire import Json, Parameters, Refusal, invalid
from servers.alicloud_ecs.world import REGIONS, UNKNOWN, Thing, World


@frozen
class Scene:
    """One request: the world, its parameters, who asks, the API's version, and where (``cn-beijing``, or ``""``)."""

    world: World
    given: Parameters
    account: str
    version: str = ""

    @property
    def region(self) -> str:
        region = self.given.text("RegionId")
        if region and region not in REGIONS:
            raise Refusal(404, "InvalidRegionId.NotFound", "The specified RegionId does not exist.")
        return region

    def find(self, kind: str, parameter: str) -> Thing:
        """The thing that a parameter names."""
        return self.named(kind, self.given.need(parameter))

    def named(self, kind: str, identity: str) -> Thing:
        return self.world.find(kind, identity, self.region, self.account)

    def seen(self, kind: str, *, ids: list[str] | None = None, **facts: str) -> list[Thing]:
        """The account's things of a kind, restricted to ids, to facts that the request names, and to its tags."""
        found = self.world.seen(kind, self.region, self.account)
        wanted = self.given.tags()
        return [
            thing
            for thing in found
            if (ids is None or thing.id in ids)
            and all(
                thing.facts.get(fact) == self.given.text(name) for fact, name in facts.items() if name in self.given
            )
            and all(key in thing.tags and value in ("", thing.tags[key]) for key, value in wanted.items())
        ]

    def make(self, kind: str, facts: Json, **more: Any) -> Thing:
        thing = self.world.make(kind, self.region, self.account, facts, **more)
        thing.tags.update(self.given.tags())
        return thing

    def page(self, rows: list[Json], *, largest: int = 100) -> tuple[list[Json], Json]:
        """The rows of the page that is asked for, by number or by token, and what the answer says of it."""
        if "NextToken" in self.given or "MaxResults" in self.given:
            return self._by_token(rows)
        number, size = self.given.number("PageNumber", 1), self.given.number("PageSize", 10)
        if number < 1:
            raise invalid("PageNumber")
        if not 1 <= size <= largest:
            raise invalid("PageSize")
        about = {"TotalCount": len(rows), "PageNumber": number, "PageSize": size}
        return rows[(number - 1) * size : number * size], about

    def _by_token(self, rows: list[Json]) -> tuple[list[Json], Json]:
        start, size = 0, self.given.number("MaxResults", 10)
        if "NextToken" in self.given:
            try:
                start = int(base64.b64decode(self.given.text("NextToken"), validate=True))
            except (ValueError, binascii.Error):
                raise invalid("NextToken") from None
        token = base64.b64encode(str(start + size).encode()).decode() if start + size < len(rows) else ""
        return rows[start : start + size], {"TotalCount": len(rows), "NextToken": token}


Action = Callable[[Scene], Json]
ACTIONS: dict[str, Action] = {}


def action(*names: str) -> Callable[[Action], Action]:
    def register(function: Action) -> Action:
        ACTIONS.update(dict.fromkeys(names, function))
        return function

    return register


def tags_of(thing: Thing) -> Json:
    return {
        "Tag": [{"TagKey": key, "TagValue": value, "Key": key, "Value": value} for key, value in thing.tags.items()]
    }


def unknown(kind: str) -> Refusal:
    return Refusal(404, UNKNOWN[kind], f"The specified {kind} does not exist.")


def wrong_status(kind: str, thing: Thing, world: World, more: str = "") -> Refusal:
    """The refusal because of a status. Asking counts as a look, or a client that asks again would wait for ever."""
    code = {"instance": "IncorrectInstanceStatus", "eip": "IncorrectEipStatus", "disk": "IncorrectDiskStatus"}[
        kind
    ] + more
    status = world.look(thing)
    return Refusal(403, code, f"The current status of the resource ({status}) does not support this operation.")
