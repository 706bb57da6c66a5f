"""The operators on values: arithmetic, comparison, logic, access to parts. They know no expressions.

Operands already have the right type and no marks; whoever calls sees to that. Errors are in HCL's words.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from hclimg.diagnostics import did_you_mean, one_of
from hclimg.lang import numbers
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.types import (
    ANY,
    BOOL,
    NUMBER,
    STRING,
    ListType,
    MapType,
    ObjectType,
    PrimitiveType,
    SetType,
    TupleType,
    Type,
    friendly_name,
)
from hclimg.lang.unknowns import is_less
from hclimg.lang.values import UNKNOWN_NOT_NULL, Unknown, Value, boolean, equals, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class OperationError(Exception):
    """An operation cannot be carried out; ``summary`` and ``detail`` as a diagnostic has them."""

    def __init__(self, summary: str, detail: str) -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail


_ARITHMETIC: dict[str, tuple[Callable[[numbers.Number, numbers.Number], numbers.Number | None], str]] = {
    "+": (numbers.add, "can't compute sum of opposing infinities"),
    "-": (numbers.subtract, "can't subtract infinity from itself"),
    "*": (numbers.multiply, "can't multiply zero by infinity"),
    "/": (numbers.divide, "can't divide zero by zero or infinity by infinity"),
    "%": (numbers.modulo, "can't divide infinity by infinity"),
}
_COMPARISON: dict[str, Callable[[numbers.Number, numbers.Number], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
EQUALITY = ("==", "!=")
LOGIC = ("&&", "||")


def operand_type(op: str) -> Type:
    """The type that an operator's operands are converted to; ``any`` for equality."""
    if op in LOGIC or op == "!":
        return BOOL
    return ANY if op in EQUALITY else NUMBER


def result_type(op: str) -> Type:
    return NUMBER if op in _ARITHMETIC else BOOL


def binary(op: str, left: Value, right: Value) -> Value:
    if op in EQUALITY:
        result = equals(left, right)
        return result if op == "==" else unary("!", result)
    if left.raw is None or right.raw is None:
        raise _failed("argument must not be null")
    if type(left.raw) is Unknown or type(right.raw) is Unknown:
        return _of_unknown(op, left.raw, right.raw)
    if op in _ARITHMETIC:
        return _arithmetic(op, left, right)
    if op in _COMPARISON:
        return boolean(_COMPARISON[op](left.raw, right.raw))
    return boolean(left.raw and right.raw if op == "&&" else left.raw or right.raw)


def _of_unknown(op: str, left: Any, right: Any) -> Value:
    """The result of numbers or bools that are not all known, as far as their ranges tell."""
    if op not in _COMPARISON:
        return Value(result_type(op), UNKNOWN_NOT_NULL)
    first, second = (left, right) if op[0] == "<" else (right, left)
    answer = is_less(first, second, or_equal=op[1:] == "=")
    return Value(BOOL, UNKNOWN_NOT_NULL if answer is None else answer)


def _arithmetic(op: str, left: Value, right: Value) -> Value:
    function, problem = _ARITHMETIC[op]
    result = function(left.raw, right.raw)
    if result is None:
        raise _failed(problem)
    if abs(result) == numbers.INFINITY and _is_finite(op, left.raw, right.raw):
        raise _failed(f"the result has more than {numbers.MOST_DIGITS:,} digits")
    return Value(NUMBER, result)


def _is_finite(op: str, left: numbers.Number, right: numbers.Number) -> bool:
    """Whether an operation on these operands has a finite result, however large it is."""
    return numbers.INFINITY not in (abs(left), abs(right)) and not (op == "/" and right == 0)


def unary(op: str, value: Value) -> Value:
    if value.raw is None:
        raise _failed("argument must not be null")
    if type(value.raw) is Unknown:
        return Value(BOOL if op == "!" else NUMBER, UNKNOWN_NOT_NULL, value.marks)
    if op == "!":
        return Value(BOOL, not value.raw, value.marks)
    return Value(NUMBER, numbers.negate(value.raw), value.marks)


def _failed(problem: str) -> OperationError:
    return OperationError("Operation failed", f"Error during operation: {problem}.")


# -- parts of values ------------------------------------------------------------

_NO_ATTRIBUTE = "Unsupported attribute"


def attribute(value: Value, name: str) -> Value:
    """``value.name``."""
    type_, raw = value.type, value.raw
    if raw is None:
        detail = "This value is null, so it does not have any attributes."
        raise OperationError("Attempt to get attribute from null value", detail)
    if isinstance(type_, ObjectType):
        if name not in type_.attributes:
            detail = f'This object does not have an attribute named "{name}".'
            raise OperationError(_NO_ATTRIBUTE, detail + one_of(name, _shown(value, type_.attributes), "It has"))
        return _part(value, name, type_.attributes[name])
    if isinstance(type_, MapType):
        if type(raw) is not Unknown and name not in raw:
            detail = f'This map does not have an element with the key "{name}".'
            raise OperationError("Missing map element", detail + did_you_mean(name, _shown(value, raw)))
        return _part(value, name, type_.element)
    if type_ is ANY:
        return Value(ANY, raw, value.marks)
    raise OperationError(_NO_ATTRIBUTE, _no_attributes(type_, name))


def _part(value: Value, key: str, type_: Type) -> Value:
    if type(value.raw) is Unknown:
        return unknown(type_).with_marks(value.marks)
    part: Value = value.raw[key]
    return part.with_marks(value.marks) if value.marks else part


def _shown(value: Value, names: Iterable[str]) -> Iterable[str]:
    """Names in a value that may be told: those of a sensitive one are sensitive themselves."""
    return () if value.is_sensitive else names


def _no_attributes(type_: Type, name: str) -> str:
    if isinstance(type_, ListType) and isinstance(type_.element, ObjectType):
        which = f'attribute "{name}"' if name in type_.element.attributes else "an attribute"
        return (
            f"Can't access attributes on a list of objects. Did you mean to access {which} "
            "for a specific element of the list, or across all elements of the list?"
        )
    if isinstance(type_, SetType) and isinstance(type_.element, ObjectType):
        return (
            "Can't access attributes on a set of objects. "
            "Did you mean to access an attribute across all elements of the set?"
        )
    if isinstance(type_, PrimitiveType):
        return f"Can't access attributes on a primitive-typed value ({friendly_name(type_)})."
    return "This value does not have any attributes."


_NO_INDEX = "Invalid index"
_NO_ELEMENT = "The given key does not identify an element in this collection value"
_NO_SET_INDEX = (
    "Elements of a set are identified only by their value and don't have any separate index or key to select with, "
    "so it's only possible to perform operations across all elements of the set."
)


def index(value: Value, key: Value) -> Value:
    """``value[key]``."""
    type_ = value.type
    if value.raw is None:
        raise OperationError("Attempt to index null value", "This value is null, so it does not have any indices.")
    if key.raw is None:
        raise OperationError(_NO_INDEX, "Can't use a null value as an indexing key.")
    marks = value.marks | key.marks
    if type_ is ANY or key.type is ANY:
        return unknown().with_marks(marks)
    if isinstance(type_, ListType | TupleType):
        return _element(value, _key(key, NUMBER)).with_marks(marks)
    if isinstance(type_, MapType):
        return _map_element(value, type_, _key(key, STRING)).with_marks(marks)
    if isinstance(type_, ObjectType):
        return _object_element(value, type_, key).with_marks(marks)
    raise OperationError(
        _NO_INDEX, _NO_SET_INDEX if isinstance(type_, SetType) else "This value does not have any indices."
    )


def _key(key: Value, wanted: Type) -> Value:
    try:
        return convert(key, wanted)
    except ConversionError as error:
        raise OperationError(_NO_INDEX, f"{_NO_ELEMENT}: {error.message}.") from None


def _element(value: Value, key: Value) -> Value:
    type_, position = value.type, key.raw
    if type(position) is Unknown:
        return unknown(type_.element if isinstance(type_, ListType) else ANY)
    problem = _bad_position(position)
    if problem:
        raise OperationError(_NO_INDEX, f"{_NO_ELEMENT}: {problem}.")
    if isinstance(type_, ListType) and type(value.raw) is Unknown:
        return unknown(type_.element)
    parts = type_.elements if isinstance(type_, TupleType) else value.raw
    if position >= len(parts):
        raise OperationError(_NO_INDEX, f"{_NO_ELEMENT}: {_beyond(len(parts))}.")
    if type(value.raw) is Unknown:
        return unknown(parts[int(position)])
    found: Value = value.raw[int(position)]
    return found


def _bad_position(position: numbers.Number) -> str:
    if position != int(position) if abs(position) != numbers.INFINITY else True:
        return "indexing a sequence requires a whole number, but the given index has a fractional part"
    return "a negative number is not a valid index for a sequence" if position < 0 else ""


def _beyond(length: int) -> str:
    if length == 0:
        return "the collection has no elements"
    return f"the given index is greater than or equal to the length of the collection, which is {length}"


def _map_element(value: Value, type_: MapType, key: Value) -> Value:
    if type(value.raw) is Unknown or type(key.raw) is Unknown:
        return unknown(type_.element)
    if key.raw not in value.raw:
        raise OperationError(_NO_INDEX, f"{_NO_ELEMENT}.{did_you_mean(key.raw, _shown(value, value.raw))}")
    found: Value = value.raw[key.raw]
    return found


def _object_element(value: Value, type_: ObjectType, given: Value) -> Value:
    key = _key(given, STRING)
    if type(key.raw) is Unknown:
        return unknown()
    if key.raw not in type_.attributes:
        hint = did_you_mean(key.raw, _shown(value, type_.attributes))
        if given.type is NUMBER:
            hint = " An object only supports looking up attributes by name, not by numeric index."
        raise OperationError(_NO_INDEX, f"{_NO_ELEMENT}.{hint}")
    return _part(value, key.raw, type_.attributes[key.raw])
