"""What every step that makes something at AWS does: write it down first, and mark it with the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from hclimg.clouds.aws.refusals import is_taken
from hclimg.clouds.aws.watch import GivenUp, steady
from hclimg.errors import ApiError, BuildError, Cancelled, ConnectionLost, HclimgError
from hclimg.sdk.mark import RUN_TAG
from hclimg.sdk.retry import once_accepted

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context
    from hclimg.sdk.journal import Record

T = TypeVar("T")
PATIENCE = 120.0
"""Seconds until what was just made is known everywhere in AWS."""
_UNSURE = ("Internal", "Unavailable", "ServiceUnavailable", "Server.", "RequestTimeout", "Throttl")


@contextmanager
def making(ctx: Context, api: Service, thing: str, **identity: str) -> Iterator[Record]:
    """Inside, something is made. It was not when AWS refuses or was not asked; after anything else it may be there.

    A cancel waits until it is known what a call has made: then there is something to undo, rather than to look for.
    """
    ctx.cancel.check()
    record = ctx.journal.intend(f"aws/{thing}", **{**api.aws.identity, "region": api.region, **identity})
    try:
        with steady():
            yield record
    except (Cancelled, BuildError) as error:
        if not _may_be_there(error):
            record.gone()
        raise


def _may_be_there(error: HclimgError) -> bool:
    """Whether a call may have made something although it failed so. Cancelled is said between calls."""
    if isinstance(error, ApiError):
        return error.code.startswith(_UNSURE)
    return isinstance(error, GivenUp | ConnectionLost)


def made_once(make: Callable[[], T], found: Callable[[], T | None]) -> T:
    """What a call makes that has no token by which AWS knows a call that is tried again.

    When it says that there is one of that name already, but an earlier try got no answer, that try made it. Then
    ``found`` gives it; None: it belongs to somebody else after all.
    """
    try:
        return make()
    except ApiError as error:
        if not (error.retried and is_taken(error)):
            raise
        earlier = found()
        if earlier is None:
            raise
        return earlier


def marked_with(run: str, **more: str) -> list[dict[str, Any]]:
    """Filters for what this run made."""
    return [{"Name": f"tag:{RUN_TAG}", "Values": [run]}, *({"Name": k, "Values": [v]} for k, v in more.items())]


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as the APIs write them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_specifications(things: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """The tags of what one call makes, by the type of resource."""
    return [{"ResourceType": kind, "Tags": tag_list(tags)} for kind, tags in things.items()]


def once_known(ctx: Context, call: Callable[[], T], *excuses: str, timeout: float = PATIENCE) -> T:
    """The result of a call that is refused for as long as something is not known everywhere in AWS.

    ``excuses`` are beginnings of error codes, or parts of messages, that mean this. Raises the refusal when it stays.
    """

    def excused(error: ApiError) -> bool:
        return any(error.code.startswith(excuse) or excuse in error.message for excuse in excuses)

    return once_accepted(call, excused, timeout=timeout, interval=3.0, cancel=ctx.cancel)
