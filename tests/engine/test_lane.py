"""The token of a lane, which many nodes and connections share."""

from __future__ import annotations

import threading

import pytest

from hclimg.engine.lane import LaneToken
from hclimg.errors import Cancelled
from hclimg.sdk.cancel import CancelToken, LinkedToken


def test_an_attempt_passes_its_cancel_on() -> None:
    token, work = LaneToken(), CancelToken()
    closed = []
    with token.attempt(work), token.closing(lambda: closed.append(1)):
        assert not token.cancelled
        work.cancel()
        assert token.cancelled
    assert closed == [1]


def test_the_next_attempt_begins_fresh() -> None:
    token, first = LaneToken(), CancelToken()
    with token.attempt(first):
        first.cancel()
    with token.attempt(CancelToken()):
        token.check()
    token.check()


def test_a_cancel_that_comes_too_late_does_not_meet_the_next_attempt() -> None:
    """The closer was taken from the list before the attempt ended, and is called after the next one began."""
    token, first = LaneToken(), CancelToken()
    with token.attempt(first):
        (late,) = first._closers.values()
    with token.attempt(CancelToken()):
        late()
        token.check()


def test_an_attempt_that_is_cancelled_before_it_begins() -> None:
    token, work = LaneToken(), CancelToken()
    work.cancel()
    with token.attempt(work), pytest.raises(Cancelled):
        token.sleep(60)


def test_the_next_attempt_waits_until_the_last_cancel_has_closed_everything() -> None:
    token, work, closing, go = LaneToken(), CancelToken(), threading.Event(), threading.Event()

    def close() -> None:
        closing.set()
        go.wait(30)

    with token.attempt(work), token.closing(close):
        canceller = threading.Thread(target=work.cancel)
        canceller.start()
        assert closing.wait(30)
    begun = threading.Event()

    def begin() -> None:
        with token.attempt(CancelToken()):
            token.check()
            begun.set()

    following = threading.Thread(target=begin)
    following.start()
    assert not begun.wait(0.05)
    go.set()
    assert begun.wait(30)
    canceller.join()
    following.join()


def test_a_linked_token_follows_its_parent_there_and_back() -> None:
    parent, work = LaneToken(), CancelToken()
    child = LinkedToken(parent)
    with parent.attempt(work):
        waiter = threading.Timer(0.01, work.cancel)
        waiter.start()
        assert child.wait(60)
        with pytest.raises(Cancelled):
            child.sleep(60)
    with parent.attempt(CancelToken()):
        child.check()
        assert not child.wait(0)
        threading.Timer(0.01, child.cancel).start()
        assert child.wait(60)
        parent.check()
    with parent.attempt(CancelToken()):
        assert child.cancelled, "its own cancel is for good"
