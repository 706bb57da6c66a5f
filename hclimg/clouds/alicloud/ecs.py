"""The API of ECS in one region: calls that are tried again, lists, and waiting for what is not ready yet."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from attrs import evolve, frozen

from hclimg.clouds.alicloud.access import AlicloudAccess
from hclimg.clouds.alicloud.client import Answer, Session
from hclimg.clouds.alicloud.refusals import is_missing, may_be_fresh
from hclimg.errors import ApiError
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.retry import RetryPolicy, once_accepted, retry, wait_until

T = TypeVar("T")

ASK_TWICE = 2
PAGE = 50
FIRST_LOOK, LONGEST_LOOK = 0.3, 5.0  # seconds between two looks at what is not ready yet
SETTLE = 60.0  # seconds until a thing that was just made can be used everywhere
IN_USE = 300.0  # seconds that a thing may still be in use after what used it is gone
STAYING = 3.0  # seconds, when what uses it may be something that could not be removed


class Waiting(Protocol):
    """Of a context, what a call needs: its token, which changes when the context begins to clean up."""

    @property
    def cancel(self) -> CancelToken: ...


def _nothing(_error: BaseException, _delay: float) -> None: ...


@frozen(kw_only=True)
class Ecs:
    """The API in one region, asked on behalf of a context."""

    session: Session
    region: str
    ctx: Waiting
    told: Callable[[BaseException, float], None] = _nothing

    def at(self, region: str) -> Ecs:
        return evolve(self, region=region)

    def within(self, ctx: Waiting, told: Callable[[BaseException, float], None] | None = None) -> Ecs:
        """The same, for another context."""
        return evolve(self, ctx=ctx, told=told or self.told)

    @property
    def identity(self) -> dict[str, str]:
        """For the journal: what leads back here."""
        known = {"region": self.region, "account": self.session.account or "", **self.session.access.identity}
        return {name: value for name, value in known.items() if value}

    def account(self) -> str:
        """The account that asks; empty when nobody tells. Found out once."""
        if self.session.account is None:
            patience = evolve(self.session.policy, attempts=min(ASK_TWICE, self.session.policy.attempts))
            try:
                answer = self._call("Sts", "GetCallerIdentity", {}, patience)
            except ApiError:
                self.session.account = ""  # clouds that have the same API may have no STS
            else:
                self.session.account = str(answer.get("AccountId") or "")
        return self.session.account

    def call(self, action: str, *, product: str = "Ecs", **parameters: Any) -> Answer:
        """One action; empty and None parameters are left out, lists are numbered from 1.

        What the API throttles or fails at is tried again. Raises ApiError.
        """
        return self._call(product, action, flatten(parameters), self.session.policy)

    def _call(self, product: str, action: str, parameters: Mapping[str, str], policy: RetryPolicy) -> Answer:
        def attempt() -> Answer:
            return self.session.send(product, action, self.region, parameters)

        return retry(policy, attempt, self.ctx.cancel, self.told)

    def make(self, action: str, *, token: str = "", **parameters: Any) -> Answer:
        """Like :meth:`call`, for what makes something: however often it is sent, it is made once."""
        return self.call(action, ClientToken=token or str(uuid.uuid4()), **parameters)

    def maker(self, action: str, *busy: str, **parameters: Any) -> Callable[[], Answer]:
        """:meth:`make` to be called, with one token for all attempts: as soon as the API knows everything that the
        parameters name, and nothing of that is in one of the states that the codes ``busy`` tell of."""
        token = str(uuid.uuid4())

        def ask() -> Answer:
            return self.make(action, token=token, **parameters)

        return lambda: self.once_free(lambda: self.once_known(ask), *busy)

    def list(self, action: str, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """All of what an action lists at ``path`` of its answer (``Images.Image``), page by page."""
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            answer = self.call(action, RegionId=self.region, PageSize=PAGE, PageNumber=page, **parameters)
            items = dig(answer, path) or []
            found += items
            if len(items) < PAGE or len(found) >= int(answer.get("TotalCount") or 0):
                return found
            page += 1

    def until(self, what: str, ready: Callable[[], T | None], *, timeout: float, hint: str = "") -> T:
        """Look until ``ready`` gives something; raises TimedOut. ``timeout`` in seconds."""
        return wait_until(
            ready, what=what, timeout=timeout, interval=FIRST_LOOK, longest=LONGEST_LOOK, cancel=self.ctx.cancel,
            hint=hint,
        )  # fmt: skip

    def remove(self, action: str, **parameters: Any) -> None:
        """A call that removes something; fine when it is gone already."""

        def missing() -> bool:
            try:
                self.call(action, **parameters)
            except ApiError as error:
                if not is_missing(error.code):
                    raise
                return True
            return False

        self.gone_when(missing)

    def gone_when(self, missing: Callable[[], bool]) -> None:
        """Believe that something does not exist only when it is missing repeatedly: the API does not know everywhere
        at once what was just made. ``missing`` tries to remove it and says whether there was nothing."""
        for last in (False, False, True):
            if not missing() or last:
                return
            self.ctx.cancel.sleep(FIRST_LOOK)

    def found(self, look: Callable[[], Sequence[T]]) -> Sequence[T]:
        """What ``look`` lists. That there is nothing is believed only when it is so repeatedly, for the same reason."""
        for last in (False, False, True):
            if (listed := look()) or last:
                return listed
            self.ctx.cancel.sleep(FIRST_LOOK)
        return []

    def once_known(self, call: Callable[[], T]) -> T:
        """A call about something that was just made, which the API may not know everywhere yet."""
        return self._patiently(call, lambda error: may_be_fresh(error.code), SETTLE)

    def once_free(self, call: Callable[[], T], *codes: str) -> T:
        """A call that these codes refuse as long as the thing is busy, or something still uses it."""
        patience = STAYING if self.session.something_stays else IN_USE
        return self._patiently(call, lambda error: error.code.startswith(codes), patience)

    def _patiently(self, call: Callable[[], T], wait: Callable[[ApiError], bool], timeout: float) -> T:
        return once_accepted(
            call, wait, timeout=timeout, interval=FIRST_LOOK, longest=LONGEST_LOOK, cancel=self.ctx.cancel
        )


def open_api(ctx: Waiting, access: AlicloudAccess) -> Ecs:
    """Raises BuildError when there are no credentials or no region."""
    return Ecs(session=Session(access=access, login=access.login()), region=access.where(), ctx=ctx)


def flatten(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """As they are sent: ``Tag=[{"Key": "a"}]`` becomes ``Tag.1.Key``."""
    flat: dict[str, str] = {}
    for name, value in parameters.items():
        full = f"{prefix}{name}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{full}.")
        elif isinstance(value, list | tuple):
            flat |= flatten({str(number): item for number, item in enumerate(value, 1)}, f"{full}.")
        elif isinstance(value, bool):
            flat[full] = "true" if value else "false"
        elif value not in (None, ""):
            flat[full] = str(value)
    return flat


def dig(answer: Any, path: str) -> Any:
    """What is at a path of an answer, or None."""
    for name in path.split("."):
        answer = answer.get(name) if isinstance(answer, Mapping) else None
    return answer
