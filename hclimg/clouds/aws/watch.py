"""What goes on while the SDK works at a call: it may be tried again, unless nobody wants it any more.

The SDK calls back; whose call it is stands in a context variable, because lanes share clients.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from attrs import define

from hclimg.errors import Cancelled
from hclimg.events import ApiRetrying
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context


class Caller(Protocol):
    """Who calls: its token is looked up anew each time, since a scope that closes brings another one."""

    @property
    def cancel(self) -> CancelToken: ...


@define
class _Call:
    """``problem`` is what became of the last try."""

    caller: Caller
    operation: str
    problem: str = ""


_call: ContextVar[_Call | None] = ContextVar("call", default=None)
_steady: ContextVar[bool] = ContextVar("steady", default=False)


class GivenUp(Cancelled):
    """A call was cancelled after a try whose outcome nobody knows: what it makes may be there."""


@contextmanager
def steady() -> Iterator[None]:
    """Inside, a cancel does not keep a call from its first try, and so from an answer that says what was made."""
    token = _steady.set(True)
    try:
        yield
    finally:
        _steady.reset(token)


@contextmanager
def calling(caller: Caller, operation: str) -> Iterator[None]:
    """Inside, the SDK works at this call. Raises Cancelled when it is not wanted (any more)."""
    if not _steady.get():
        caller.cancel.check()
    token = _call.set(_Call(caller, operation))
    try:
        yield
    finally:
        _call.reset(token)


def watch(client: Any) -> None:
    """Have a new client tell what it does."""
    client.meta.events.register("request-created", _begun)
    client.meta.events.register("response-received", _ended)


def _begun(**_: Any) -> None:
    """Before each try of a request."""
    call = _call.get()
    if call is None:
        return
    if call.problem and call.caller.cancel.cancelled:
        raise GivenUp("cancelled")
    if not _steady.get():
        call.caller.cancel.check()
    if call.problem and isinstance(call.caller, Context):
        call.caller.emit(ApiRetrying(error=f"{call.operation}: {call.problem}", delay=0.0))


def _ended(parsed_response: Mapping[str, Any] | None = None, exception: Exception | None = None, **_: Any) -> None:
    """After each try of a request."""
    call = _call.get()
    if call is not None:
        error = (parsed_response or {}).get("Error", {})
        text = str(exception) if exception else str(error.get("Code", ""))
        call.problem = text if not text or text.endswith(".") else f"{text}."
