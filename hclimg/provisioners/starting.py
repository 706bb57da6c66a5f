"""Before and after a script: trying to start it on a machine that is not quite there yet, and the pause behind it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from hclimg.errors import ConnectionLost
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from hclimg.units import show_duration

T = TypeVar("T")
RETRY_PAUSE = 2.0  # seconds


def until_started(
    ctx: Context,
    communicator: Communicator,
    patience: timedelta,
    attempt: Callable[[], T],
    gone: Callable[[ConnectionLost], T],
) -> T:
    """What ``attempt`` gives. When the connection breaks before the script could start, it is tried again, for as long
    as ``patience`` says; when it breaks afterwards, ``gone`` decides. Raises ConnectionLost, TimedOut, Cancelled.
    """
    deadline = time.monotonic() + patience.total_seconds()
    while True:
        try:
            return attempt()
        except ConnectionLost as error:
            ctx.cancel.check()
            if error.started:
                return gone(error)
            left = deadline - time.monotonic() - RETRY_PAUSE
            if left <= 0:
                raise
            ctx.warn(f"{error.message} The script had not started; trying again.")
        ctx.sleep(RETRY_PAUSE)
        communicator.reconnect(timedelta(seconds=left))


@contextmanager
def before_start() -> Iterator[None]:
    """Inside, a connection that breaks is one that broke before the script could start."""
    try:
        yield
    except ConnectionLost as error:
        raise ConnectionLost(error.message, started=False, hint=error.hint) from error


def pause(ctx: Context, duration: timedelta) -> None:
    if duration > timedelta():
        ctx.say(f"Waiting {show_duration(duration)}")
        ctx.sleep(duration.total_seconds())
