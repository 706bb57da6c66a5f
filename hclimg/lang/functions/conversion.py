"""Explicit conversions, with more to say than an implicit one when they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.lang.convert import ConversionError, convert, convertible
from hclimg.lang.functions.model import SHALLOW, ArgumentError, Function, Parameter
from hclimg.lang.show import quoted
from hclimg.lang.types import ANY, BOOL, NUMBER, STRING, ListType, MapType, SetType, Type, friendly_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hclimg.lang.functions.catalog import Surroundings
    from hclimg.lang.values import Value

_HINTS: dict[Type, str] = {
    BOOL: 'only the strings "true" or "false" are allowed',
    NUMBER: "given string must be a decimal representation of a number",
}
_TARGETS: dict[str, Type] = {
    "tobool": BOOL,
    "tolist": ListType(ANY),
    "tomap": MapType(ANY),
    "tonumber": NUMBER,
    "toset": SetType(ANY),
    "tostring": STRING,
}


def _conversion(name: str, target: Type) -> Function:
    def body(value: Value) -> Value:
        _check(value, target)
        try:
            return convert(value, target)
        except ConversionError as error:
            raise ArgumentError(0, _problem(value, target, error)) from None

    body.__doc__ = f"Converts a value to {friendly_name(target)}."
    parameter = Parameter("v", null=True, marks=SHALLOW)
    return Function(name, body, parameter, result=_result(target), nullable=True)


def _check(value: Value, target: Type) -> None:
    if not convertible(value.type, target):
        raise ArgumentError(0, f"cannot convert {friendly_name(value.type)} to {friendly_name(target)}")


def _problem(value: Value, target: Type, error: ConversionError) -> str:
    if target in _HINTS:
        return f"cannot convert {quoted(value.raw)} to {friendly_name(target)}; {_HINTS[target]}"
    return error.message


def _result(target: Type) -> Callable[[Sequence[Value]], Type]:
    def result(arguments: Sequence[Value]) -> Type:
        from hclimg.lang.values import unknown

        _check(arguments[0], target)
        return convert(unknown(arguments[0].type), target).type

    return result


def functions(_surroundings: Surroundings) -> dict[str, Function]:
    return {name: _conversion(name, target) for name, target in _TARGETS.items()}
