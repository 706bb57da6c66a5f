"""Bad days on order: which request gets what instead of its answer, or in addition to it."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase

from attrs import define, field

from servers.alicloud_ecs.wire import Call, Refusal

REFUSALS = {
    "throttle": Refusal(400, "Throttling.User", "Request was denied due to user flow control."),
    "unavailable": Refusal(
        503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."
    ),
    "internal": Refusal(500, "InternalError", "The request processing has failed due to some unknown error."),
    "forbidden": Refusal(403, "Forbidden.RAM", "User not authorized to operate on the specified resource."),
}


@define
class Fault:
    """``what``: a name in REFUSALS; ``cut`` (the connection breaks before anything was done), ``lost`` (it was done,
    and the connection breaks before the answer), ``half`` (it was done, and half of the answer arrives); or a refusal.
    """

    what: str | Refusal
    action: str
    times: int | None
    skip: int = 0

    def hits(self, call: Call) -> bool:
        if self.times == 0 or not fnmatchcase(call.action, self.action):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@define
class Faults:
    ordered: list[Fault] = field(factory=list)
    once: tuple[str, ...] = ()
    by_request: bool = False
    _seen: Counter[object] = field(factory=Counter)

    def order(self, what: str | Refusal, action: str = "*", *, times: int | None = 1, skip: int = 0) -> None:
        """``times`` times (None: always) for the actions that match, after ``skip`` that go well."""
        self.ordered.append(Fault(what, action, times, skip))

    def each_once(self, *what: str, by_request: bool = False) -> None:
        """Each action's first calls fail, one with each of ``what``; by request: those of each set of parameters."""
        self.once, self.by_request = what, by_request
        self._seen.clear()

    def take(self, call: Call) -> str | Refusal | None:
        ordered = next((fault.what for fault in self.ordered if fault.hits(call)), None)
        if ordered or not self.once:
            return ordered
        key: object = call.action
        if self.by_request:
            given = {name: value for name, value in call.given.items() if name != "ClientToken"}
            key = (call.action, tuple(sorted(given.items())))
        at = self._seen[key]
        self._seen[key] += 1
        return self.once[at] if at < len(self.once) else None
