"""Functions on lists, tuples, sets, maps and objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.lang import numbers
from hclimg.lang.convert import convert
from hclimg.lang.functions import graphemes
from hclimg.lang.functions.arguments import is_sequence, is_unknown, number_parameter, whole
from hclimg.lang.functions.model import KEPT, SHALLOW, ArgumentError, Function, FunctionError, Parameter
from hclimg.lang.types import (
    ANY,
    BOOL,
    NUMBER,
    STRING,
    ListType,
    MapType,
    ObjectType,
    SetType,
    TupleType,
    Type,
    friendly_name,
)
from hclimg.lang.unify import unify
from hclimg.lang.unknowns import NOT_NEGATIVE
from hclimg.lang.values import (
    FALSE,
    TRUE,
    Value,
    deep_marks,
    equals,
    list_of,
    number,
    tuple_of,
    unknown,
    unknown_of_length,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hclimg.lang.functions.catalog import Surroundings

_MOST_NUMBERS = 1024


# -- lists ----------------------------------------------------------------------


def chunklist(items: Value, size: Value) -> Value:
    """Splits a list into lists of a fixed size."""
    count = whole(size, "invalid size: ")
    if count < 0:
        raise FunctionError("the size argument must be positive")
    assert isinstance(items.type, ListType)
    step = count or max(len(items.raw), 1)
    pieces = [Value(items.type, items.raw[at : at + step]) for at in range(0, len(items.raw), step)]
    return list_of(pieces, items.type)


def _chunks_type(arguments: Sequence[Value]) -> Type:
    return ListType(arguments[0].type)


def compact(items: Value) -> Value:
    """Removes nulls and empty strings from a list of strings."""
    if not items.is_wholly_known:
        return unknown(ListType(STRING), not_null=True)
    return list_of([v for v in items.raw if v.raw], STRING)


def concat(*lists: Value) -> Value:
    """Puts lists together to one."""
    result = _concat_type(lists)
    items = [item for given in lists for item in given.raw]
    if isinstance(result, ListType):
        return list_of([convert(item, result.element) for item in items], result.element)
    return tuple_of(items)


def _concat_type(lists: Sequence[Value]) -> Type:
    if not lists:
        raise FunctionError("at least one argument is required")
    if all(isinstance(v.type, ListType) for v in lists):
        common = unify([v.type for v in lists])
        if isinstance(common, ListType):
            return common
    types: list[Type] = []
    for position, given in enumerate(lists):
        if isinstance(given.type, TupleType):
            types.extend(given.type.elements)
        elif not isinstance(given.type, ListType):
            why = f"all arguments must be lists or tuples; got {friendly_name(given.type)}"
            raise ArgumentError(position, why)
        elif is_unknown(given):
            return ANY
        else:
            types.extend(v.type for v in given.raw)
    return TupleType(tuple(types))


def contains(items: Value, wanted: Value) -> Value:
    """Whether a list has an element that equals a value."""
    if not is_sequence(items):
        raise FunctionError("argument must be list, tuple, or set")
    return _any_equal(items, wanted)


def _any_equal(items: Value, wanted: Value) -> Value:
    unsure = False
    for item in items.raw:
        answer = equals(item, wanted).raw
        if answer is True:
            return TRUE
        unsure = unsure or answer is not False
    return unknown(BOOL, not_null=True) if unsure else FALSE


def distinct(items: Value) -> Value:
    """Removes elements that came before."""
    if not items.is_wholly_known:
        return unknown(items.type, not_null=True)
    # Values compare as HCL compares them once they have the same type, and they can be keys.
    return Value(items.type, tuple(dict.fromkeys(items.raw)))


def _same_type(arguments: Sequence[Value]) -> Type:
    return arguments[0].type


def element(items: Value, index: Value) -> Value:
    """The element at an index, which starts over at the end of the list."""
    _check_element(items)
    at = _element_index(index)
    if not items.raw:
        raise FunctionError("cannot use element function with an empty list")
    found: Value = items.raw[at % len(items.raw)]
    return found


def _check_element(items: Value) -> None:
    if not isinstance(items.type, ListType | TupleType):
        raise FunctionError(f"cannot read elements from {friendly_name(items.type)}")


def _element_index(index: Value) -> int:
    at = whole(index, "invalid index: ")
    if at < 0:
        raise FunctionError("cannot use element function with a negative index")
    return at


def _element_type(arguments: Sequence[Value]) -> Type:
    items, index = arguments
    _check_element(items)
    if isinstance(items.type, ListType):
        return items.type.element
    assert isinstance(items.type, TupleType)
    types = items.type.elements
    if is_unknown(index) or not types:
        return ANY
    return types[_element_index(index) % len(types)]


def flatten(items: Value) -> Value:
    """Replaces elements that are lists by their elements, at every depth."""
    if not is_sequence(items):
        raise FunctionError("can only flatten lists, sets and tuples")
    flat: list[Value] = []
    known, marks = True, deep_marks(())
    todo = [items]
    while todo:
        current = todo.pop()
        if not _opens(current):
            flat.append(current)
            continue
        marks |= current.marks
        if is_unknown(current):
            known = False
        else:
            todo.extend(reversed(current.raw))
    return (tuple_of(flat) if known else unknown()).with_marks(marks)


def _opens(value: Value) -> bool:
    """Whether a value is a list, or may become one."""
    return value.raw is not None and (is_sequence(value) or (is_unknown(value) and value.type is ANY))


def index(items: Value, wanted: Value) -> Value:
    """The position of the first element that equals a value."""
    if not isinstance(items.type, ListType | TupleType):
        raise FunctionError("argument must be a list or tuple")
    if not items.raw:
        raise FunctionError("cannot search an empty list")
    for at, item in enumerate(items.raw):
        answer = equals(item, wanted).raw
        if answer is True:
            return number(at)
        if answer is not False:
            return unknown(NUMBER, not_null=True)
    raise FunctionError("item not found")


def reverse(items: Value) -> Value:
    """A list in reverse order."""
    result = _reverse_type((items,))
    return Value(result, tuple(reversed(items.raw)))


def _reverse_type(arguments: Sequence[Value]) -> Type:
    type_ = arguments[0].type
    if isinstance(type_, TupleType):
        return TupleType(tuple(reversed(type_.elements)))
    if isinstance(type_, ListType | SetType):
        return ListType(type_.element)
    raise ArgumentError(0, f"can only reverse list or tuple values, not {friendly_name(type_)}")


def slice_(items: Value, start: Value, end: Value) -> Value:
    """The elements of a list from one index up to another."""
    first, last = _slice_bounds(items, start, end, len(items.raw) if is_sequence(items) else 0)
    if isinstance(items.type, TupleType):
        return tuple_of(items.raw[first:last])
    return Value(items.type, items.raw[first:last])


def _slice_bounds(items: Value, start: Value, end: Value, length: int) -> tuple[int, int]:
    if isinstance(items.type, SetType):
        raise ArgumentError(0, _NO_SET_SLICE)
    if not isinstance(items.type, ListType | TupleType):
        raise ArgumentError(0, "must be a list or tuple value")
    first, last = whole(start, "invalid start index: ", 1), whole(end, "invalid end index: ", 2)
    if first < 0:
        raise ArgumentError(1, "start index must not be less than zero")
    if first > length:
        raise ArgumentError(1, "start index must not be greater than the length of the list")
    if last > length:
        raise ArgumentError(2, "end index must not be greater than the length of the list")
    if first > last:
        raise ArgumentError(1, "start index must not be greater than end index")
    return first, last


_NO_SET_SLICE = (
    "cannot slice a set, because its elements do not have indices; explicitly convert to a list if the ordering of "
    "the result is not important"
)


def _slice_type(arguments: Sequence[Value]) -> Type:
    items, start, end = arguments
    if not isinstance(items.type, TupleType):
        return items.type if isinstance(items.type, ListType) else ANY
    if is_unknown(start) or is_unknown(end):
        return ANY
    first, last = _slice_bounds(items, start, end, len(items.type.elements))
    return TupleType(items.type.elements[first:last])


def sort(items: Value) -> Value:
    """A list of strings in the order of their characters' codes."""
    if not items.is_wholly_known:
        return unknown_of_length(ListType(STRING), len(items.raw))
    for at, item in enumerate(items.raw):
        if item.raw is None:
            raise FunctionError(f"given list element {at} is null; a null string cannot be sorted")
    return list_of(sorted(items.raw, key=lambda v: v.raw), STRING)


def range_(*limits: Value) -> Value:
    """Numbers from a start up to an end in steps."""
    if not 1 <= len(limits) <= 3:
        raise FunctionError("must have one, two, or three arguments")
    start = limits[0].raw if len(limits) > 1 else 0
    end = limits[1].raw if len(limits) > 1 else limits[0].raw
    step = limits[2].raw if len(limits) == 3 else 1 if end >= start else -1
    if step == 0:
        raise ArgumentError(2, "step must not be zero")
    if step < 0 and end > start:
        raise ArgumentError(1, "end must be less than start when step is negative")
    if step > 0 and end < start:
        raise ArgumentError(1, "end must be greater than start when step is positive")
    return list_of(_counted(start, end, step), NUMBER)


def _counted(start: numbers.Number, end: numbers.Number, step: numbers.Number) -> list[Value]:
    found: list[Value] = []
    current = start
    while current > end if step < 0 else current < end:
        if len(found) >= _MOST_NUMBERS:
            raise FunctionError(_TOO_MANY)
        found.append(Value(NUMBER, current))
        current = numbers.add(current, step) or 0
    return found


_TOO_MANY = (
    f"more than {_MOST_NUMBERS} values were generated; either decrease the difference between start and end or use a "
    "smaller step"
)


def length(value: Value) -> Value:
    """How many elements a collection has, or characters a string."""
    type_ = value.type
    if isinstance(type_, TupleType):
        return number(len(type_.elements))
    if isinstance(type_, ObjectType):
        return number(len(type_.attributes))
    if type_ is not ANY and type_ is not STRING and not isinstance(type_, ListType | SetType | MapType):
        raise FunctionError("argument must be a string, a collection type, or a structural type")
    if is_unknown(value) or (isinstance(type_, SetType) and not value.is_wholly_known):
        return Value(NUMBER, NOT_NEGATIVE)
    return number(graphemes.count(value.raw) if type_ is STRING else len(value.raw))


_ANY_LIST = ListType(ANY)

_FUNCTIONS = (
    Function(
        "chunklist",
        chunklist,
        Parameter("list", _ANY_LIST, marks=SHALLOW),
        number_parameter("size"),
        result=_chunks_type,
    ),
    Function("compact", compact, Parameter("list", ListType(STRING)), result=ListType(STRING)),
    Function("concat", concat, variadic=Parameter("seqs", marks=SHALLOW), result=_concat_type),
    Function("contains", contains, Parameter("list"), Parameter("value"), result=BOOL),
    Function("distinct", distinct, Parameter("list", _ANY_LIST), result=_same_type),
    Function(
        "element",
        element,
        Parameter("list", marks=SHALLOW),
        number_parameter("index"),
        result=_element_type,
        nullable=True,
    ),
    Function("flatten", flatten, Parameter("list", unknown=True, marks=KEPT)),
    Function("index", index, Parameter("list"), Parameter("value"), result=NUMBER),
    Function("length", length, Parameter("value", unknown=True, marks=SHALLOW), result=NUMBER),
    Function("range", range_, variadic=number_parameter("params"), result=ListType(NUMBER)),
    Function("reverse", reverse, Parameter("list", marks=SHALLOW), result=_reverse_type),
    Function(
        "slice",
        slice_,
        Parameter("list", marks=SHALLOW),
        number_parameter("start_index"),
        number_parameter("end_index"),
        result=_slice_type,
    ),
    Function("sort", sort, Parameter("list", ListType(STRING)), result=ListType(STRING)),
)


def functions(_surroundings: Surroundings) -> dict[str, Function]:
    return {function.name: function for function in _FUNCTIONS}
