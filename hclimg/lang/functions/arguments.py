"""What function bodies need to read their arguments, and shorthands for common kinds of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.lang.functions.model import ArgumentError, Function, FunctionError, Parameter
from hclimg.lang.types import NUMBER, STRING, ListType, SetType, TupleType
from hclimg.lang.values import Unknown, Value, boolean, string

if TYPE_CHECKING:
    from collections.abc import Callable

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
WHOLE = f"value must be a whole number, between {_LOWEST} and {_HIGHEST}"


def text_parameter(name: str) -> Parameter:
    return Parameter(name, STRING)


def number_parameter(name: str) -> Parameter:
    return Parameter(name, NUMBER)


def whole(value: Value, prefix: str = "", index: int | None = None) -> int:
    """The number as an int; raises an error that begins with ``prefix``, about the argument ``index`` if given."""
    raw = value.raw
    if isinstance(raw, int) and _LOWEST <= raw <= _HIGHEST:
        return raw
    if isinstance(raw, float) and raw == 0:
        return 0
    message = f"{prefix}{WHOLE}"
    raise FunctionError(message) if index is None else ArgumentError(index, message)


def is_sequence(value: Value) -> bool:
    return isinstance(value.type, ListType | SetType | TupleType)


def is_unknown(value: Value) -> bool:
    return type(value.raw) is Unknown


def text_function(name: str, function: Callable[..., str], *names: str) -> Function:
    """A function from strings to a string."""
    return Function(name, _on_raw(function, string), *map(text_parameter, names), result=STRING)


def test_function(name: str, function: Callable[..., bool], *names: str) -> Function:
    """A function from strings to a bool."""
    from hclimg.lang.types import BOOL

    return Function(name, _on_raw(function, boolean), *map(text_parameter, names), result=BOOL)


def _on_raw(function: Callable[..., object], make: Callable[..., Value]) -> Callable[..., Value]:
    def body(*values: Value) -> Value:
        return make(function(*[v.raw for v in values]))

    body.__doc__ = function.__doc__
    return body
