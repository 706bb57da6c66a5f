"""Retrying and polling: the only two loops that sleep, and what is made of them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from attrs import frozen

from hclimg.errors import ApiError, Cancelled, TimedOut
from hclimg.sdk.cancel import CancelToken

T = TypeVar("T")


@frozen(kw_only=True)
class RetryPolicy:
    """How often to try, and how long to wait in between: exponential backoff with jitter.

    ``delay``, ``max_delay`` in seconds; the wait after attempt n is ``delay * factor**(n-1)``, at most ``max_delay``,
    shortened by up to the share ``jitter``.
    """

    attempts: int = 1
    delay: float = 2.0
    factor: float = 2.0
    max_delay: float = 30.0
    jitter: float = 0.25
    retry_on: tuple[type[BaseException], ...] = (Exception,)

    def delay_after(self, attempt: int) -> float:
        full = min(self.delay * self.factor ** (attempt - 1), self.max_delay)
        return full * (1.0 - self.jitter * random.random())

    def allows(self, error: BaseException, attempt: int) -> bool:
        """Whether there is another attempt after this error of attempt number ``attempt`` (from 1)."""
        return attempt < self.attempts and isinstance(error, self.retry_on) and not isinstance(error, Cancelled)


ONCE = RetryPolicy()


def retry(
    policy: RetryPolicy,
    call: Callable[[], T],
    cancel: CancelToken,
    on_retry: Callable[[BaseException, float], None] = lambda _error, _delay: None,
) -> T:
    """Call until it succeeds or the policy ends; raises the last error."""
    attempt = 1
    while True:
        cancel.check()
        try:
            return call()
        except Exception as error:
            if not policy.allows(error, attempt):
                raise
            delay = policy.delay_after(attempt)
            on_retry(error, delay)
        cancel.sleep(delay)
        attempt += 1


def wait_until(
    ready: Callable[[], T | None],
    *,
    what: str,
    timeout: float,
    interval: float,
    cancel: CancelToken,
    hint: str = "",
    longest: float = 0.0,
) -> T:
    """Poll until ``ready`` gives something; raises TimedOut that names ``what``. Times in seconds.

    With ``longest``, each wait is half as long again as the one before, up to that.
    """
    deadline = time.monotonic() + timeout
    while (value := ready()) is None:
        if time.monotonic() >= deadline:
            raise TimedOut(f"Timed out after {timeout:g} s waiting for {what}.", hint=hint)
        cancel.sleep(min(interval, max(0.0, deadline - time.monotonic())))
        interval = min(interval * 1.5, longest) if longest else interval
    return value


def once_accepted(
    call: Callable[[], T],
    excused: Callable[[ApiError], bool],
    *,
    timeout: float,
    interval: float,
    cancel: CancelToken,
    longest: float = 0.0,
) -> T:
    """The result of a call to an API, which is made again for as long as it is refused for an excusable reason.

    Times as in :func:`wait_until`. Raises the refusal when it stays.
    """
    refusal: ApiError | None = None

    def attempt() -> tuple[T] | None:
        nonlocal refusal
        try:
            return (call(),)
        except ApiError as error:
            if not excused(error):
                raise
            refusal = error
            return None

    try:
        return wait_until(
            attempt, what="the API", timeout=timeout, interval=interval, cancel=cancel, longest=longest
        )[0]  # fmt: skip
    except TimedOut:
        if refusal is None:
            raise
        raise refusal from None
