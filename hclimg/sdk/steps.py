"""``@step``: a function that does one visible thing, and optionally knows how to undo it.

    @step("Creating temporary key pair")
    def temporary_key_pair(ctx, ec2, name):
        key = ec2.create_key_pair(name)
        yield key                          # the value that the caller gets
        ec2.delete_key_pair(key.name)      # always runs, when the scope closes

The convention of pytest's fixtures: what follows the ``yield`` is the undo; no try/finally is needed, and the undo
never sees the failure of anything else. A step that fails before its ``yield`` undoes nothing: it acquires one thing.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

if TYPE_CHECKING:  # `validate` imports modules with steps, but runs none
    from hclimg.sdk.context import Context
from hclimg.sdk.scope import Undo

P = ParamSpec("P")
T = TypeVar("T")
_GENERATOR = 0x20  # inspect.CO_GENERATOR, without the import


class _Decorator(Protocol):
    @overload
    def __call__(
        self, fn: Callable[Concatenate[Context, P], Iterator[T]], /
    ) -> Callable[Concatenate[Context, P], T]: ...
    @overload
    def __call__(self, fn: Callable[Concatenate[Context, P], T], /) -> Callable[Concatenate[Context, P], T]: ...


def step(title: str, *, undo: str = "") -> _Decorator:
    """``title`` says what happens ("Creating temporary key pair"), ``undo`` what the clean-up does ("Deleting …")."""

    def decorate(fn: Callable[..., Any]) -> Callable[..., Any]:
        acquires = bool(fn.__code__.co_flags & _GENERATOR)

        @functools.wraps(fn)
        def run(ctx: Context, *args: Any, **kwargs: Any) -> Any:
            ctx.cancel.check()
            _debug_pause(ctx, title)
            if acquires:
                return _timed(ctx, title, lambda: _acquire(ctx, undo or title, fn(ctx, *args, **kwargs)))
            return _timed(ctx, title, lambda: fn(ctx, *args, **kwargs))

        return run

    return decorate


def _acquire(ctx: Context, title: str, generator: Iterator[T]) -> T:
    value = next(generator)

    def undo(closing: Context) -> None:
        # The generator still holds the context that it started with. What was cancelled was the work, not its
        # clean-up, so that context now waits and speaks as the closing one.
        ctx.cancel, ctx.node = closing.cancel, closing.node
        next(generator, None)

    ctx.scope.push(title, undo)
    return value


def _timed(ctx: Context, title: str, call: Callable[[], T], *, undo: bool = False) -> T:
    from hclimg.events import StepFinished, StepStarted

    ctx.emit(StepStarted(title=title, undo=undo))
    started, ok = time.monotonic(), False
    try:
        value = call()
        ok = True
        return value
    finally:
        ctx.emit(StepFinished(title=title, ok=ok, seconds=time.monotonic() - started, undo=undo))


def _debug_pause(ctx: Context, title: str) -> None:
    if ctx.run.debug:
        ctx.ask(f"Next: {title}. Press enter to continue.")


def close_scope(
    ctx: Context, on_failure: Callable[[str, Exception], None] = lambda _title, _error: None
) -> list[Exception]:
    """Undo everything that the context's scope owns; the failures, if any, each told with the title of its undo."""

    def run(undo: Undo) -> None:
        try:
            _timed(ctx, undo.title, lambda: undo.call(ctx), undo=True)
        except Exception as error:
            on_failure(undo.title, error)
            raise

    return ctx.scope.close(run)
