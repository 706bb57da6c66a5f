"""How large things may become that an expression makes. Within these bounds every evaluation ends, in bounded memory.

A template is small, but what it says need not be: a string that is used twice in a string that is used twice, and so
on, soon fills any memory.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hclimg.diagnostics import Diagnostics, Range
    from hclimg.lang.values import Value

LARGEST_TEXT = 128 << 20
"""Characters of a string."""

MOST_VALUES = 1_000_000
"""Values in one value, itself included."""

DEEPEST = 250
"""How far values nest in each other: deep enough for anybody, and for all code that walks them without a thought."""

MOST_BLOCKS = 50_000
"""Blocks and builds that repetition makes of one template."""

MOST_ROUNDS = 250_000
"""Elements that the loops of one evaluation go through altogether."""

TOO_LONG = f"the result would be longer than {LARGEST_TEXT >> 20} Mi characters"
TOO_MANY = f"the result would hold more than {MOST_VALUES:,} values"


class TooLarge(Exception):
    """A result is beyond its limit; the message says which, without a full stop."""


def joined(pieces: Iterable[str], separator: str = "") -> str:
    """The pieces as one text; raises TooLarge before it gets too long."""
    kept: list[str] = []
    size = 0
    for piece in pieces:
        size += len(piece) + len(separator)
        if size > LARGEST_TEXT + len(separator):
            raise TooLarge(TOO_LONG)
        kept.append(piece)
    return separator.join(kept)


def check_length(size: int) -> None:
    """Raise TooLarge if a text of this size must not be made."""
    if size > LARGEST_TEXT:
        raise TooLarge(TOO_LONG)


def check_count(count: int) -> None:
    """Raise TooLarge if a value with so many parts must not be made."""
    if count > MOST_VALUES:
        raise TooLarge(TOO_MANY)


def excess(value: Value) -> str:
    """What is too much about a value, as a verb with all that belongs to it; "" when nothing is."""
    count, depth = value.size
    if count > MOST_VALUES:
        return f"holds more than {MOST_VALUES:,} values"
    return f"is nested more than {DEEPEST} deep" if depth > DEEPEST else ""


# -- loops ----------------------------------------------------------------------

_rounds: ContextVar[list[int] | None] = ContextVar("rounds", default=None)


class _Shared:
    """An amount of something. What is entered inside of another one shares what is left of that."""

    __slots__ = ("_amount", "_left", "_token")

    def __init__(self, left: ContextVar[list[int] | None], amount: int) -> None:
        self._left = left
        self._amount = amount

    def __enter__(self) -> None:
        self._token = self._left.set([self._amount]) if self._left.get() is None else None

    def __exit__(self, *_error: object) -> None:
        if self._token is not None:
            self._left.reset(self._token)


class Rounds(_Shared):
    """The rounds that loops may still make, in one evaluation."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(_rounds, MOST_ROUNDS)


def next_round() -> bool:
    """Count a round of a loop; false when there were too many."""
    left = _rounds.get()
    if left is None:
        return True
    left[0] -= 1
    return left[0] >= 0


# -- blocks ---------------------------------------------------------------------

_blocks: ContextVar[list[int] | None] = ContextVar("blocks", default=None)


class Blocks(_Shared):
    """The blocks that repetition may still make, in one template."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(_blocks, MOST_BLOCKS)


def next_block(diags: Diagnostics, subject: Range, context: str = "") -> bool:
    """Count a block that comes from repetition; false, after one report, when there were too many."""
    left = _blocks.get()
    if left is None:
        return True
    left[0] -= 1
    if left[0] == -1:
        detail = f"for_each and dynamic blocks make more than {MOST_BLOCKS:,} blocks of this template."
        diags.error("Too many blocks", detail, subject=subject, context=context)
    return left[0] >= 0


def has_blocks_left() -> bool:
    left = _blocks.get()
    return left is None or left[0] >= 0
