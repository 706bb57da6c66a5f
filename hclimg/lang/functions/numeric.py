"""Functions on numbers."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from hclimg.lang import numbers
from hclimg.lang.functions import doubles
from hclimg.lang.functions.arguments import number_parameter, whole
from hclimg.lang.functions.model import ArgumentError, Function, FunctionError, Parameter
from hclimg.lang.types import NUMBER, STRING, Type, friendly_name
from hclimg.lang.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hclimg.lang.functions.catalog import Surroundings

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOST_DIGITS = 10_000


def abs_(value: Value) -> Value:
    """The number without its sign."""
    return Value(NUMBER, numbers.negate(value.raw)) if numbers.is_negative(value.raw) else value


def ceil(value: Value) -> Value:
    """The next whole number above."""
    return _whole(value, math.ceil)


def floor(value: Value) -> Value:
    """The next whole number below."""
    return _whole(value, math.floor)


def _whole(value: Value, function: object) -> Value:
    assert callable(function)
    if isinstance(value.raw, float) and numbers.is_special(value.raw):
        return value if value.raw else Value(NUMBER, 0)
    return Value(NUMBER, function(value.raw))


def signum(value: Value) -> Value:
    """-1, 0 or 1 by the sign of a whole number."""
    number = whole(value)
    return Value(NUMBER, (number > 0) - (number < 0))


def max_(*values: Value) -> Value:
    """The largest number."""
    if not values:
        raise FunctionError("must pass at least one number")
    return max(values, key=lambda v: v.raw)


def min_(*values: Value) -> Value:
    """The smallest number."""
    if not values:
        raise FunctionError("must pass at least one number")
    return min(values, key=lambda v: v.raw)


def log(value: Value, base: Value) -> Value:
    """The logarithm to a base."""
    top, bottom = doubles.log(_double(value)), doubles.log(_double(base))
    return _computed(_quotient(top, bottom))


def _quotient(top: float, bottom: float) -> float:
    if bottom != 0:
        return top / bottom
    return math.nan if top == 0 or math.isnan(top) else math.copysign(math.inf, top) * math.copysign(1, bottom)


def pow_(value: Value, power: Value) -> Value:
    """A number to a power."""
    return _computed(doubles.power(_double(value), _double(power)))


def _double(value: Value) -> float:
    try:
        return float(value.raw)
    except OverflowError:
        return -math.inf if value.raw < 0 else math.inf


def _computed(result: float) -> Value:
    if math.isnan(result):
        raise FunctionError("the result is not a number")
    return Value(NUMBER, numbers.from_double(result))


def parseint(text: Value, base: Value) -> Value:
    """The whole number that a string means in a base."""
    _parseint_type((text, base))
    radix = base.raw
    if not isinstance(radix, int) or not 2 <= radix <= 62:
        raise ArgumentError(1, "base must be a whole number between 2 and 62 inclusive")
    result = _parsed(text.raw, radix)
    if result is None:
        raise ArgumentError(0, f'cannot parse "{text.raw}" as a base {radix} integer')
    return Value(NUMBER, result)


def _parseint_type(arguments: Sequence[Value]) -> Type:
    if arguments[0].type is not STRING:
        what = friendly_name(arguments[0].type)
        raise ArgumentError(0, f"first argument must be a string, not {what}")
    return NUMBER


def _parsed(text: str, base: int) -> int | None:
    match = re.fullmatch(r"([+-]?)([0-9A-Za-z]+)", text, re.ASCII)
    if match is None or len(text) > _MOST_DIGITS:
        return None
    # Up to 36 letters count the same in both cases; beyond that they are different digits.
    digits = match[2].lower() if base <= 36 else match[2]
    result = 0
    for digit in digits:
        value = _DIGITS.index(digit)
        if value >= base:
            return None
        result = result * base + value
    return -result if match[1] == "-" else result


_NUM = number_parameter("num")
_NUMBERS = number_parameter("numbers")

_FUNCTIONS = (
    Function("abs", abs_, _NUM, result=NUMBER),
    Function("ceil", ceil, _NUM, result=NUMBER),
    Function("floor", floor, _NUM, result=NUMBER),
    Function("log", log, _NUM, number_parameter("base"), result=NUMBER),
    Function("max", max_, variadic=_NUMBERS, result=NUMBER),
    Function("min", min_, variadic=_NUMBERS, result=NUMBER),
    Function("parseint", parseint, Parameter("number"), number_parameter("base"), result=_parseint_type),
    Function("pow", pow_, _NUM, number_parameter("power"), result=NUMBER),
    Function("signum", signum, _NUM, result=NUMBER),
)


def functions(_surroundings: Surroundings) -> dict[str, Function]:
    return {function.name: function for function in _FUNCTIONS}
