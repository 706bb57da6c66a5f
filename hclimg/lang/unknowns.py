"""What is known of a value that is not known yet: that it is not null, a range of numbers, how a string begins.

A comparison can so have an answer before the build runs: ``length(x) >= 0``, ``"web-${x}" == "db-1"``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from hclimg.lang import numbers

if TYPE_CHECKING:
    Bound: TypeAlias = "tuple[numbers.Number, bool]"
    """A number, and whether it is in the range itself."""

_LONGEST_PREFIX = 128
# No character that follows makes one with these; "<", "=" and ">" have combined forms.
_SEPARATE = frozenset(" \t\n-_:;/\\,.(){}[]|?!~@#$%^&*+\"'`")


class Unknown:
    """The raw data of a value that is not known yet. Most are :data:`UNKNOWN` or :data:`UNKNOWN_NOT_NULL`."""

    __slots__ = ("high", "longest", "low", "not_null", "prefix", "shortest")

    def __init__(
        self,
        *,
        not_null: bool = False,
        low: Bound | None = None,
        high: Bound | None = None,
        prefix: str = "",
        shortest: int = 0,
        longest: int | None = None,
    ) -> None:
        self.not_null = not_null
        self.low = low
        self.high = high
        self.prefix = prefix
        self.shortest = shortest
        self.longest = longest

    def _parts(self) -> tuple[Any, ...]:
        return self.not_null, self.low, self.high, self.prefix, self.shortest, self.longest

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Unknown) and self._parts() == other._parts())

    def __hash__(self) -> int:
        return hash(self._parts())

    def __repr__(self) -> str:
        if self == self.plain:
            return "UNKNOWN_NOT_NULL" if self.not_null else "UNKNOWN"
        return f"Unknown{self._parts()}"

    @property
    def plain(self) -> Unknown:
        """What is still true after a conversion to another type."""
        return UNKNOWN_NOT_NULL if self.not_null else UNKNOWN


UNKNOWN: Final = Unknown()
UNKNOWN_NOT_NULL: Final = Unknown(not_null=True)
NOT_NEGATIVE: Final = Unknown(not_null=True, low=(0, True))


def beginning_with(text: str) -> Unknown:
    """A string that begins with a text; its last character may still become another one by what follows."""
    text = text[:_LONGEST_PREFIX]
    if text and text[-1] not in _SEPARATE:
        from hclimg.lang.functions.graphemes import clusters

        text = "".join(clusters(text)[:-1])
    return Unknown(not_null=True, prefix=text) if text else UNKNOWN_NOT_NULL


# -- numbers --------------------------------------------------------------------


def between(first: numbers.Number, second: numbers.Number) -> Unknown:
    """One of two numbers."""
    low, high = sorted((first, second))
    return Unknown(not_null=True, low=(low, True), high=(high, True))


def _range(raw: Any) -> tuple[Bound, Bound]:
    if not isinstance(raw, Unknown):
        return (raw, True), (raw, True)
    return raw.low or (-numbers.INFINITY, True), raw.high or (numbers.INFINITY, True)


def is_less(left: Any, right: Any, *, or_equal: bool) -> bool | None:
    """Whether one number is below another; None when their ranges do not tell."""
    (left_low, low_closed), (left_high, high_closed) = _range(left)
    (right_low, right_low_closed), (right_high, right_high_closed) = _range(right)
    if left_high < right_low or (left_high == right_low and (or_equal or not (high_closed and right_low_closed))):
        return True
    touch = left_low == right_high and (not or_equal or not (low_closed and right_high_closed))
    return False if left_low > right_high or touch else None


# -- equality -------------------------------------------------------------------


def may_be_equal(left: Any, right: Any) -> bool:
    """Whether two raw values, of which one is unknown at least, may turn out to be equal (if neither is null)."""
    if _is_number(left) or _is_number(right):
        return is_less(left, right, or_equal=False) is not True and is_less(right, left, or_equal=False) is not True
    a, b = _prefix(left), _prefix(right)
    if not a.startswith(b) and not b.startswith(a):
        return False
    if (isinstance(left, str) and len(left) < len(b)) or (isinstance(right, str) and len(right) < len(a)):
        return False
    (a_least, a_most), (b_least, b_most) = _lengths(left), _lengths(right)
    return not (a_most is not None and a_most < b_least) and not (b_most is not None and b_most < a_least)


def _is_number(raw: Any) -> bool:
    if isinstance(raw, Unknown):
        return raw.low is not None or raw.high is not None
    return not isinstance(raw, str | bool | tuple | dict)


def _prefix(raw: Any) -> str:
    return raw.prefix if isinstance(raw, Unknown) else raw if isinstance(raw, str) else ""


def _lengths(raw: Any) -> tuple[int, int | None]:
    if isinstance(raw, Unknown):
        return raw.shortest, raw.longest
    return (len(raw), len(raw)) if isinstance(raw, tuple | dict) else (0, None)
