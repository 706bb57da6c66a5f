"""Calls that an API refuses at first."""

from __future__ import annotations

import pytest

from hclimg.errors import ApiError, Cancelled, TimedOut
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.retry import once_accepted


def is_busy(error: ApiError) -> bool:
    return error.code == "Busy"


def accepted(*answers: ApiError | str, timeout: float = 60.0, cancel: CancelToken | None = None) -> str:
    left = list(answers)

    def call() -> str:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, ApiError):
            raise answer
        return answer

    return once_accepted(call, is_busy, timeout=timeout, interval=0.0, cancel=cancel or CancelToken())


def test_it_is_made_again_until_it_is_accepted() -> None:
    assert accepted(ApiError("1", code="Busy"), ApiError("2", code="Busy"), "done") == "done"


def test_another_refusal_is_for_good() -> None:
    with pytest.raises(ApiError, match="no"):
        accepted(ApiError("1", code="Busy"), ApiError("no", code="Denied"), "done")


def test_the_refusal_is_told_when_it_stays() -> None:
    with pytest.raises(ApiError, match="still busy"):
        accepted(ApiError("still busy", code="Busy"), timeout=0.0)


def test_a_cancel_ends_it() -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        accepted(ApiError("1", code="Busy"), cancel=cancel)


def test_a_timeout_of_the_call_itself_is_told() -> None:
    def call() -> str:
        raise TimedOut("something else")

    with pytest.raises(TimedOut, match="something else"):
        once_accepted(call, is_busy, timeout=60.0, interval=0.0, cancel=CancelToken())
