"""Making something in the cloud: in the journal before it is made, marked, and removed whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve, frozen

from hclimg.clouds.alicloud.access import AlicloudAccess
from hclimg.clouds.alicloud.client import Unanswered
from hclimg.clouds.alicloud.ecs import Ecs, open_api
from hclimg.clouds.alicloud.removal import THINGS
from hclimg.errors import ApiError, HclimgError
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context
from hclimg.sdk.journal import Record

KIND = "alicloud/{}"


def api_for(ctx: Context, access: AlicloudAccess) -> Ecs:
    """The API on behalf of a context. Raises BuildError when there are no credentials or no region."""
    ecs = open_api(ctx, access)
    ctx.redact.add(*ecs.session.login.secrets)
    return within(ctx, ecs)


def within(ctx: Context, ecs: Ecs) -> Ecs:
    """The same for another context, which also tells when something is tried again."""

    def told(error: BaseException, delay: float) -> None:
        from hclimg.events import ApiRetrying

        ctx.emit(ApiRetrying(error=str(error), delay=delay))

    return evolve(ecs, ctx=ctx, told=told)


@frozen(kw_only=True)
class Made:
    """Something that was made, and its record in the journal. ``answer`` is what the API said when it made it."""

    ecs: Ecs
    kind: str
    id: str
    identity: dict[str, str]
    record: Record
    answer: Any

    def remove(self) -> None:
        THINGS[self.kind].remove(self.ecs, self.id, self.identity)
        self.record.gone()

    def keep(self) -> None:
        """It has become a result, or a part of one."""
        self.record.kept()


def make(ctx: Context, ecs: Ecs, kind: str, key: str, create: Callable[[], Any], /, **identity: str) -> Made:
    """Make something of a kind of :data:`THINGS`. ``create`` asks the API; ``key`` names the id in its answer."""
    ecs.account()
    known = {**ecs.identity, "build": ctx.lane, **{name: value for name, value in identity.items() if value}}
    record = ctx.journal.intend(KIND.format(kind), **known)
    try:
        answer = create()
    except BaseException as error:
        refused = isinstance(error, ApiError) and not isinstance(error, Unanswered)
        if (refused and not THINGS[kind].in_parts) or _forget(ctx, ecs, kind, known):
            record.gone()
        raise
    record.made(id=str(answer[key]))
    return Made(ecs=ecs, kind=kind, id=str(answer[key]), identity=known, record=record, answer=answer)


def _forget(ctx: Context, ecs: Ecs, kind: str, identity: dict[str, str]) -> bool:
    """The request may have been carried out although its answer never came; whether nothing is left of it."""
    thing, calm = THINGS[kind], evolve(ecs, ctx=evolve(ctx, cancel=CancelToken()))
    try:
        for found in thing.find(calm, ctx.run.id, identity):
            thing.remove(calm, found, identity)
    except HclimgError as error:
        ctx.warn(f"It is not known whether a {kind} was made; `hclimg cleanup` will look for it. {error}")
        return False
    return True
