"""Functions that set, remove and ask for the sensitive mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.lang.functions.model import KEPT, Function, Parameter
from hclimg.lang.types import BOOL
from hclimg.lang.values import SENSITIVE, Value, boolean, unknown

if TYPE_CHECKING:
    from hclimg.lang.functions.catalog import Surroundings


def sensitive(value: Value) -> Value:
    """Hides a value in all output."""
    return value.with_marks(frozenset((SENSITIVE,)))


def nonsensitive(value: Value) -> Value:
    """Shows a value that was hidden."""
    return Value(value.type, value.raw, value.marks - {SENSITIVE})


def issensitive(value: Value) -> Value:
    """Whether a value is hidden."""
    if not value.is_sensitive and not value.is_known:
        return unknown(BOOL, not_null=True)
    return boolean(value.is_sensitive)


_ANYTHING = Parameter("value", null=True, unknown=True, marks=KEPT)

_FUNCTIONS = (
    Function("issensitive", issensitive, _ANYTHING, result=BOOL),
    Function("nonsensitive", nonsensitive, _ANYTHING),
    Function("sensitive", sensitive, _ANYTHING),
)


def functions(_surroundings: Surroundings) -> dict[str, Function]:
    return {function.name: function for function in _FUNCTIONS}
