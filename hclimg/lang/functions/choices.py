"""Functions that choose among values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.lang.convert import convert
from hclimg.lang.functions.arguments import is_unknown
from hclimg.lang.functions.model import KEPT, SHALLOW, ArgumentError, Function, FunctionError, Parameter
from hclimg.lang.types import ANY, ListType, SetType, TupleType, Type
from hclimg.lang.unify import unify
from hclimg.lang.values import NULL, Value, list_of, null, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hclimg.lang.functions.catalog import Surroundings


def coalesce(*values: Value) -> Value:
    """The first argument that is neither null nor an empty string."""
    common = _common_type(values)
    for value in values:
        converted = convert(value, common)
        if is_unknown(converted):
            return unknown(common, not_null=common is not ANY).with_marks(converted.marks)
        if converted.raw is not None and converted.raw != "":
            return converted
    raise FunctionError("no non-null, non-empty-string arguments")


def _common_type(values: Sequence[Value]) -> Type:
    common = unify([v.type for v in values])
    if common is None:
        raise FunctionError("all arguments must have the same type")
    return common


def coalescelist(*lists: Value) -> Value:
    """The first list that is not empty."""
    if not lists:
        raise FunctionError("at least one argument is required")
    for given in lists:
        if is_unknown(given):
            return unknown()
        if not isinstance(given.type, ListType | TupleType):
            raise FunctionError("coalescelist arguments must be lists or tuples")
    for given in lists:
        if given.raw:
            return given
    raise FunctionError("no non-null arguments")


def one(items: Value) -> Value:
    """The only element of a list, or null when it is empty."""
    type_ = _one_type((items,))
    if isinstance(items.type, SetType) and len(items.raw) > 1 and not items.is_wholly_known:
        return unknown(type_)  # its elements may turn out to be the same
    if len(items.raw) > 1:
        raise ArgumentError(0, _NOT_ONE)
    found: Value = items.raw[0] if items.raw else null(type_)
    return found


_NOT_ONE = "must be a list, set, or tuple value with either zero or one elements"


def _one_type(arguments: Sequence[Value]) -> Type:
    type_ = arguments[0].type
    if isinstance(type_, ListType | SetType):
        return type_.element
    if not isinstance(type_, TupleType) or len(type_.elements) > 1:
        raise ArgumentError(0, _NOT_ONE)
    return type_.elements[0] if type_.elements else NULL.type


def matchkeys(values: Value, keys: Value, searchset: Value) -> Value:
    """The elements of a list whose keys, at the same positions in another list, are among those searched for."""
    common = unify([keys.type, searchset.type])
    if common is None:
        raise FunctionError("keys and searchset must be of the same type")
    if len(values.raw) != len(keys.raw):
        raise FunctionError("length of keys and values should be equal")
    assert isinstance(values.type, ListType)
    sought = convert(searchset, common).raw
    settled = {value for value in sought if value.is_wholly_known}
    found: list[Value] = []
    for value, key in zip(values.raw, convert(keys, common).raw, strict=True):
        if key in settled and key.is_wholly_known:
            found.append(value)
        elif sought and not (key.is_wholly_known and len(settled) == len(set(sought))):
            return unknown(values.type, not_null=True)
    return list_of(found, values.type.element)


def _values_type(arguments: Sequence[Value]) -> Type:
    return arguments[0].type


_ANY_LIST = ListType(ANY)

_FUNCTIONS = (
    Function("coalesce", coalesce, variadic=Parameter("vals", null=True, unknown=True, marks=KEPT)),
    Function("coalescelist", coalescelist, variadic=Parameter("vals", null=True, unknown=True, marks=SHALLOW)),
    Function(
        "matchkeys",
        matchkeys,
        Parameter("values", _ANY_LIST),
        Parameter("keys", _ANY_LIST),
        Parameter("searchset", _ANY_LIST),
        result=_values_type,
    ),
    Function("one", one, Parameter("list"), result=_one_type, nullable=True),
)


def functions(_surroundings: Surroundings) -> dict[str, Function]:
    return {function.name: function for function in _FUNCTIONS}
