"""Making something in the cloud: in the journal before it is made, with its id after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from attrs import evolve

from hclimg.clouds.openstack.client import OpenStack
from hclimg.clouds.openstack.refusals import did_nothing, is_unanswered
from hclimg.clouds.openstack.things import THINGS
from hclimg.errors import HclimgError
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context
from hclimg.sdk.journal import Record

T = TypeVar("T")


def make_recorded(
    ctx: Context, cloud: OpenStack, kind: str, what: str, change: Callable[[Any], T], key: Callable[[T], str],
    **identity: str,
) -> tuple[T, Record]:  # fmt: skip
    """Make one of :data:`THINGS`; what the cloud answered, and the record. ``key`` is the id in the answer; by
    ``identity`` and the mark of the run it is found when there was no answer.

    What a service refuses was not made. When it has trouble, or the connection breaks, it may have been: it is looked
    for and removed, and its record stays open when it may yet come.
    """
    record = ctx.journal.intend(f"openstack/{kind}", **identity, **cloud.identity)
    try:
        made = cloud.make(what, change)
    except BaseException as error:
        if did_nothing(error) or _forgotten(ctx, cloud, kind, identity, complete=not is_unanswered(error)):
            record.gone()
        raise
    record.made(id=key(made))
    return made, record


def _forgotten(ctx: Context, cloud: OpenStack, kind: str, identity: dict[str, str], *, complete: bool) -> bool:
    """Remove what was made all the same; whether nothing of it is left, nor will come. ``complete``: no service is at
    work on it any more.
    """
    calm = cloud.within(evolve(ctx, cancel=CancelToken()))
    try:
        found = THINGS[kind].find(calm, ctx.run.id, identity)
        for thing in found:
            THINGS[kind].delete(calm, thing)
    except HclimgError as error:
        ctx.warn(f"It is not known whether a {kind} was made; `hclimg cleanup` will look for it. {error}")
        return False
    return complete or bool(found)
