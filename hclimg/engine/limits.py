"""Named limits, and the nodes that wait for them.

Used by the scheduler's thread only, so plain integers are enough. It knows nothing of nodes: a claim is the place of a
node in the plan and the slots that it wants. Slots are taken all or nothing, so two claims can never wait for each
other. A claim that cannot be admitted waits at one limit that it lacks, and is looked at again only when that limit has
room: each slot that is given back wakes one claim, and a woken claim that does not use the slot wakes the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heappop, heappush

from attrs import define, field

Wants = Mapping[str, int]
Claim = tuple[int, Wants]
"""The place in the plan, which is also the priority, and the slots."""


DEFAULTS: Mapping[str, int] = {"aws.ec2": 50, "alicloud.ecs": 50, "openstack": 20, "vsphere": 16}
"""How many nodes may work with an API at once, where the user does not say.

A node that provisions does not count, so these are machines that are launched or captured at the same time. The calls
of so many stay below what the public clouds refill per second, with the retries of their SDKs for the first burst; a
private cloud has to start the machines too, and vCenter copies disks for them."""


@define
class Admission:
    """A name that is not in ``capacity`` is unlimited. A wish for more than there is gets all that there is."""

    capacity: Mapping[str, int] = field()
    used: dict[str, int] = field(factory=dict)
    _may_fit: list[Claim] = field(factory=list)
    _waiting: dict[str, list[Claim]] = field(factory=dict)

    @capacity.validator
    def _at_least_one(self, _: object, capacity: Mapping[str, int]) -> None:
        for name, count in capacity.items():
            if count < 1:
                raise ValueError(f"the limit {name} must be at least 1, not {count}")

    def limited(self, wants: Wants) -> Wants:
        """The part of a wish that counts: what is limited, and no more than there is."""
        return {name: min(n, self.capacity[name]) for name, n in wants.items() if name in self.capacity and n > 0}

    def ask(self, place: int, wants: Wants) -> None:
        """Want slots, as :meth:`limited` made them; :meth:`admit` tells when it has them."""
        heappush(self._may_fit, (place, wants))

    def admit(self) -> Claim | None:
        """Take the slots of the first claim in the plan for which there is room; None when there is none."""
        while self._may_fit:
            claim = heappop(self._may_fit)
            lacking = self._lacking(claim)
            if lacking is None:
                self._take(claim)
            else:
                heappush(self._waiting.setdefault(lacking, []), claim)
            for name in claim[1]:
                self._wake(name)
            if lacking is None:
                return claim
        return None

    def overrule(self) -> Claim | None:
        """Admit the first of the claims that wait, limits or not: the way out when nothing else can go on."""
        queues = [queue for queue in self._waiting.values() if queue]
        if not queues:
            return None
        claim = heappop(min(queues))
        self._take(claim)
        return claim

    def release(self, slots: Wants) -> None:
        """Return slots."""
        for name, n in slots.items():
            self.used[name] -= n
        for name in slots:
            self._wake(name)

    def withdraw(self) -> list[int]:
        """Take back every claim that waits; their places in order."""
        places = [place for queue in (self._may_fit, *self._waiting.values()) for place, _ in queue]
        self._may_fit.clear()
        self._waiting.clear()
        return sorted(places)

    def _lacking(self, claim: Claim) -> str | None:
        for name, n in claim[1].items():
            if not self._has_room(name, n):
                return name
        return None

    def _has_room(self, name: str, n: int) -> bool:
        return self.used.get(name, 0) + n <= self.capacity[name]

    def _take(self, claim: Claim) -> None:
        for name, n in claim[1].items():
            self.used[name] = self.used.get(name, 0) + n

    def _wake(self, name: str) -> None:
        queue = self._waiting.get(name)
        if queue and self._has_room(name, queue[0][1][name]):
            heappush(self._may_fit, heappop(queue))
