"""Ownership of temporary things: a scope undoes what was done in it, last first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import define, field, frozen

if TYPE_CHECKING:
    from hclimg.sdk.context import Context


@frozen
class Undo:
    title: str
    call: Callable[[Context], None]


@define
class Scope:
    """A stack of undos. Used by one thread at a time."""

    _undos: list[Undo] = field(factory=list)

    def push(self, title: str, call: Callable[[Context], None]) -> None:
        self._undos.append(Undo(title, call))

    @property
    def titles(self) -> tuple[str, ...]:
        """What would be undone, in the order in which it would be."""
        return tuple(undo.title for undo in reversed(self._undos))

    def abandon(self) -> tuple[str, ...]:
        """Forget everything without undoing it (``-on-error=abort``); says what is left."""
        left = self.titles
        self._undos.clear()
        return left

    def close(self, run: Callable[[Undo], None]) -> list[Exception]:
        """Undo everything. One failure never stops the rest; all failures are returned, first one first."""
        failures: list[Exception] = []
        while self._undos:
            try:
                run(self._undos.pop())
            except Exception as error:  # noqa: BLE001 - the caller gets every failure
                failures.append(error)
        return failures
