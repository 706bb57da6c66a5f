"""Version numbers and constraints as templates write them: ``>= 1.7.0, < 2.0.0``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

import attrs

_VERSION = re.compile(r"v?(\d+(?:\.\d+)*)(?:-([0-9A-Za-z.~-]+))?(?:\+[0-9A-Za-z.~-]+)?")
_CONSTRAINT = re.compile(r"\s*(>=|<=|!=|~>|>|<|=)?\s*(\S+)\s*")
_COMPARE: dict[str, Callable[[Version, Version], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@attrs.frozen(order=True)
class Version:
    """``key`` orders versions: numbers padded to three, then releases after their pre-releases."""

    key: tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]
    given: int = attrs.field(eq=False, order=False)

    @property
    def numbers(self) -> tuple[int, ...]:
        return self.key[0]


def parse_version(text: str) -> Version:
    """Raises ValueError for anything that is not a version number."""
    found = _VERSION.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text}" is not a version number')
    numbers = tuple(int(part) for part in found[1].split("."))
    padded = numbers + (0,) * (3 - len(numbers))
    parts = found[2].split(".") if found[2] else []
    pre = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts)
    return Version((padded, not pre, pre), len(numbers))


def satisfies(version: str, constraint: str) -> bool:
    """Whether the version meets every part of the constraint. Raises ValueError when it cannot be read."""
    have = parse_version(version)
    met = [_meets(have, part) for part in constraint.split(",")]
    return all(met)


def _meets(have: Version, part: str) -> bool:
    found = _CONSTRAINT.fullmatch(part)
    if found is None:
        raise ValueError(f'"{part.strip()}" is not a version constraint; write one like ">= 1.7.0" or "~> 1.2"')
    sign, wanted = found[1] or "=", parse_version(found[2])
    if sign != "~>":
        return _COMPARE[sign](have, wanted)
    # ~> 1.2.3 allows the last number that was written to grow, and nothing before it to change.
    fixed = max(wanted.given - 1, 1)
    return have >= wanted and have.numbers[:fixed] == wanted.numbers[:fixed]
