"""Functions on sets, and those that sum up a list of numbers or bools."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from hclimg.lang import numbers
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.functions.arguments import is_sequence
from hclimg.lang.functions.model import SHALLOW, ArgumentError, Function, FunctionError, Parameter
from hclimg.lang.limits import check_count
from hclimg.lang.types import ANY, BOOL, NUMBER, ListType, SetType, TupleType, Type
from hclimg.lang.unify import unify
from hclimg.lang.values import FALSE, TRUE, Unknown, Value, list_of, set_of, tuple_of, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hclimg.lang.functions.catalog import Surroundings


def alltrue(items: Value) -> Value:
    """Whether all elements are true."""
    return _decided(items, FALSE, TRUE)


def anytrue(items: Value) -> Value:
    """Whether an element is true."""
    return _decided(items, TRUE, FALSE)


def _decided(items: Value, deciding: Value, otherwise: Value) -> Value:
    """``deciding`` if an element is that; a null element counts as false."""
    if any(type(v.raw) is not Unknown and bool(v.raw) is deciding.raw for v in items.raw):
        return deciding
    return otherwise if items.is_wholly_known else unknown(BOOL, not_null=True)


def sum_(items: Value) -> Value:
    """The sum of numbers."""
    if not is_sequence(items):
        raise ArgumentError(0, "cannot sum noniterable")
    if type(items.raw) is Unknown or not items.is_wholly_known:
        return unknown(NUMBER, not_null=True)
    if not items.raw:
        raise ArgumentError(0, "cannot sum an empty list")
    total = _number(items.raw[0])
    for item in items.raw[1:]:
        more = numbers.add(total, _number(item))
        if more is None:
            raise FunctionError("can't compute sum of opposing infinities")
        total = more
    return Value(NUMBER, total)


def _number(item: Value) -> numbers.Number:
    try:
        raw: numbers.Number | None = convert(item, NUMBER).raw
    except ConversionError:
        raw = None
    if raw is None:
        raise ArgumentError(0, "argument must be list, set, or tuple of number values")
    return raw


# -- operations on sets ---------------------------------------------------------


def _set_type(sets: Sequence[Value]) -> Type:
    """The type that all the sets are converted to; empty sets of any type do not count."""
    types = [v.type.element for v in sets if isinstance(v.type, SetType) and not (v.type.element is ANY and not v.raw)]
    if not types:
        return SetType(ANY)
    common = unify(types)
    if common is None:
        raise FunctionError("given sets must all have compatible element types")
    return SetType(common)


def _combined(sets: Sequence[Value], combine: Callable[[list[set[Value]]], set[Value]], *, partly: bool) -> Value:
    result = _set_type(sets)
    assert isinstance(result, SetType)
    converted = [convert(v, result) for v in sets]
    if not partly and not all(v.is_wholly_known for v in converted):
        return unknown(result, not_null=True)
    return set_of(combine([set(v.raw) for v in converted]), result.element)


def setunion(*sets: Value) -> Value:
    """The elements that are in one of the sets."""
    return _combined(sets, lambda s: set().union(*s), partly=True)


def setintersection(*sets: Value) -> Value:
    """The elements that are in all of the sets."""
    return _combined(sets, lambda s: s[0].intersection(*s[1:]), partly=False)


def setsubtract(*sets: Value) -> Value:
    """The elements of the first set that are not in the second."""
    return _combined(sets, lambda s: s[0].difference(*s[1:]), partly=False)


def setproduct(*lists: Value) -> Value:
    """All combinations of an element of each list or set; a set if one of them is a set."""
    result = _product_type(lists)
    assert isinstance(result, ListType | SetType)
    _check_combinations(lists)
    assert isinstance(result.element, TupleType)
    types = result.element.elements
    if any(t is ANY and any(item.type is not ANY for item in v.raw) for t, v in zip(types, lists, strict=True)):
        return unknown()  # an element of a type that is not known yet decides what the others become
    combinations = [
        tuple_of(convert(item, wanted) for item, wanted in zip(items, types, strict=True))
        for items in product(*[v.raw for v in lists])
    ]
    return (set_of if isinstance(result, SetType) else list_of)(combinations, result.element)


def _check_combinations(lists: Sequence[Value]) -> None:
    count = len(lists) + 1
    for given in lists:
        count *= len(given.raw)
    check_count(count)


def _product_type(lists: Sequence[Value]) -> Type:
    if len(lists) < 2:
        raise FunctionError("at least two arguments are required")
    element = TupleType(tuple([_factor_type(v, at) for at, v in enumerate(lists)]))
    return SetType(element) if any(isinstance(v.type, SetType) for v in lists) else ListType(element)


def _factor_type(value: Value, position: int) -> Type:
    if isinstance(value.type, ListType | SetType):
        return value.type.element
    if not isinstance(value.type, TupleType):
        raise ArgumentError(position, "a set or a list is required")
    common = unify(value.type.elements) if value.type.elements else ANY
    if common is None:
        raise ArgumentError(position, "all elements must be of the same type")
    return common


_BOOLS = Parameter("list", ListType(BOOL))
_FIRST = Parameter("first_set", SetType(ANY))
_OTHERS = Parameter("other_sets", SetType(ANY))

_FUNCTIONS = (
    Function("alltrue", alltrue, _BOOLS, result=BOOL),
    Function("anytrue", anytrue, _BOOLS, result=BOOL),
    Function("setintersection", setintersection, _FIRST, variadic=_OTHERS, result=_set_type),
    Function("setproduct", setproduct, variadic=Parameter("sets", marks=SHALLOW), result=_product_type),
    Function("setsubtract", setsubtract, Parameter("a", SetType(ANY)), Parameter("b", SetType(ANY)), result=_set_type),
    Function("setunion", setunion, _FIRST, variadic=_OTHERS, result=_set_type),
    Function("sum", sum_, Parameter("list"), result=NUMBER),
)


def functions(_surroundings: Surroundings) -> dict[str, Function]:
    return {function.name: function for function in _FUNCTIONS}
