"""Version numbers and constraints as templates write them: ``>= 1.7.0, < 2.0.0``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

import attrs

_VERSION = re.compile(
    r"v?([0-9]+(?:\.[0-9]+)*)"
    r"(?:-([0-9][0-9A-Za-z~-]*(?:\.[0-9A-Za-z~-]+)*)|-?([A-Za-z~-][0-9A-Za-z~-]*(?:\.[0-9A-Za-z~-]+)*))?"
    r"(?:\+[0-9A-Za-z~-]+(?:\.[0-9A-Za-z~-]+)*)?"
)
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
    """``key`` orders versions: at least three numbers, then releases after their pre-releases."""

    key: tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]
    given: int = attrs.field(eq=False, order=False)

    @property
    def numbers(self) -> tuple[int, ...]:
        return self.key[0]

    @property
    def is_prerelease(self) -> bool:
        return not self.key[1]


def parse_version(text: str) -> Version:
    """Raises ValueError for anything that is not a version number."""
    found = _VERSION.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text}" is not a version number')
    numbers = tuple(int(part) for part in found[1].split("."))
    padded = numbers + (0,) * (3 - len(numbers))
    while len(padded) > 3 and padded[-1] == 0:
        padded = padded[:-1]
    text = found[2] or found[3] or ""
    parts = text.split(".") if text else []
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
    if sign in ("=", "!="):
        return _COMPARE[sign](have, wanted)
    if have.is_prerelease and not (wanted.is_prerelease and have.numbers == wanted.numbers):
        return False  # a pre-release is only what was asked for when one of the same version is named
    if sign != "~>":
        return _COMPARE[sign](have, wanted)
    if wanted.is_prerelease and not have.is_prerelease:
        return False
    # ~> 1.2.3 allows the last number that was written to grow, and nothing before it to change.
    fixed = wanted.given - 1
    return have >= wanted and have.numbers[:fixed] == wanted.numbers[:fixed]
