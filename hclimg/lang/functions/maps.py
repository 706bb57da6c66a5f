"""Functions on maps and objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.functions.arguments import is_unknown
from hclimg.lang.functions.model import KEPT, SHALLOW, ArgumentError, Function, FunctionError, Parameter
from hclimg.lang.show import quoted
from hclimg.lang.types import ANY, STRING, ListType, MapType, ObjectType, TupleType, Type, friendly_name
from hclimg.lang.values import Value, list_of, map_of, object_of, string, tuple_of, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hclimg.lang.functions.catalog import Surroundings


def keys(mapping: Value) -> Value:
    """The keys of a map or the names of an object's attributes, in order."""
    if isinstance(mapping.type, ObjectType):
        return tuple_of(map(string, sorted(mapping.type.attributes)))
    if not isinstance(mapping.type, MapType):
        raise ArgumentError(0, "must have map or object type")
    if is_unknown(mapping):
        return unknown(ListType(STRING), not_null=True)
    return list_of(map(string, sorted(mapping.raw)), STRING)


def _keys_type(arguments: Sequence[Value]) -> Type:
    return ListType(STRING) if isinstance(arguments[0].type, MapType) else ANY


def values(mapping: Value) -> Value:
    """The elements of a map or the attributes of an object, in the order of their keys."""
    result = _values_type((mapping,))
    return Value(result, tuple([mapping.raw[name] for name in sorted(mapping.raw)]))


def _values_type(arguments: Sequence[Value]) -> Type:
    type_ = arguments[0].type
    if isinstance(type_, MapType):
        return ListType(type_.element)
    if isinstance(type_, ObjectType):
        return TupleType(tuple([type_.attributes[name] for name in sorted(type_.attributes)]))
    raise ArgumentError(0, "must be a map or object value")


def lookup(mapping: Value, key: Value, default: Value) -> Value:
    """The element of a map with a key, or a default."""
    result = _lookup_type((mapping, key, default))
    marks = mapping.marks | key.marks
    if not mapping.is_wholly_known or is_unknown(key):
        return unknown(result).with_marks(marks)
    found = mapping.raw.get(key.raw)
    return (convert(default, result) if found is None else found).with_marks(marks)


def _lookup_type(arguments: Sequence[Value]) -> Type:
    mapping, key, default = arguments
    if isinstance(mapping.type, MapType):
        try:
            convert(default, mapping.type.element)
        except ConversionError:
            raise ArgumentError(2, "the default value must have the same type as the map elements") from None
        return mapping.type.element
    if not isinstance(mapping.type, ObjectType):
        raise ArgumentError(0, "lookup() requires a map as the first argument")
    if is_unknown(key):
        return ANY
    return mapping.type.attributes.get(key.raw, default.type)


def merge(*maps: Value) -> Value:
    """Puts maps or objects together; later ones win."""
    result = _merge_type(maps)
    items: dict[str, Value] = {}
    for given in maps:
        if given.raw is not None:
            items.update(given.raw)
    return map_of(items, result.element) if isinstance(result, MapType) and items else object_of(items)


def _merge_type(maps: Sequence[Value]) -> Type:
    attributes: dict[str, Type] = {}
    known = True
    for given in maps:
        if isinstance(given.type, ObjectType):
            attributes.update(given.type.attributes if given.raw is not None else {})
        elif isinstance(given.type, MapType):
            if is_unknown(given):
                known = False
            attributes.update(dict.fromkeys({} if is_unknown(given) else given.raw or {}, given.type.element))
        elif given.type is not ANY:
            raise FunctionError(f'arguments must be maps or objects, got "{friendly_name(given.type)}"')
    if maps and all(given.type == maps[0].type for given in maps):
        return maps[0].type
    return ObjectType(attributes) if known else ANY


def zipmap(names: Value, items: Value) -> Value:
    """A map of keys from one list and values from another."""
    _check_zip(names, items)
    if not names.is_wholly_known:
        return unknown(_zip_type((names, items)))
    keys_ = [key.raw for key in names.raw]
    if None in keys_:
        raise FunctionError(f"keys list has null value at index {keys_.index(None)}")
    pairs = dict(zip(keys_, items.raw, strict=True))
    return map_of(pairs, items.type.element) if isinstance(items.type, ListType) else object_of(pairs)


def _check_zip(names: Value, items: Value) -> None:
    if not isinstance(items.type, ListType | TupleType):
        raise ArgumentError(1, "values must be a list or tuple value")
    count = len(items.type.elements if isinstance(items.type, TupleType) else items.raw)
    if len(names.raw) != count:
        raise FunctionError(f"number of keys ({len(names.raw)}) does not match number of values ({count})")


def _zip_type(arguments: Sequence[Value]) -> Type:
    names, items = arguments
    if isinstance(items.type, ListType):
        return MapType(items.type.element)
    if is_unknown(names) or not names.is_wholly_known or not isinstance(items.type, TupleType):
        return ANY
    _check_zip(names, items)
    return ObjectType({n.raw: t for n, t in zip(names.raw, items.type.elements, strict=True)})


def transpose(mapping: Value) -> Value:
    """Swaps keys and values of a map of lists of strings: each value becomes a key, with the keys that had it."""
    if not mapping.is_wholly_known:
        return unknown(_LISTS_BY_KEY, not_null=True)
    found: dict[str, list[Value]] = {}
    for key in sorted(mapping.raw):
        for item in mapping.raw[key].raw or ():
            if item.raw is None:
                raise ArgumentError(0, f"the list for key {quoted(key)} contains a null value")
            found.setdefault(item.raw, []).append(string(key))
    return map_of({name: list_of(keys_, STRING) for name, keys_ in found.items()}, ListType(STRING))


_LISTS_BY_KEY = MapType(ListType(STRING))

_FUNCTIONS = (
    Function("keys", keys, Parameter("inputMap", unknown=True, marks=SHALLOW), result=_keys_type),
    Function(
        "lookup",
        lookup,
        Parameter("inputMap", unknown=True, marks=KEPT),
        Parameter("key", STRING, unknown=True, marks=KEPT),
        Parameter("default", unknown=True, marks=KEPT),
        result=_lookup_type,
        nullable=True,
    ),
    Function("merge", merge, variadic=Parameter("maps", null=True, marks=SHALLOW), result=_merge_type),
    Function("transpose", transpose, Parameter("values", _LISTS_BY_KEY), result=_LISTS_BY_KEY),
    Function("values", values, Parameter("mapping", marks=SHALLOW), result=_values_type),
    Function(
        "zipmap",
        zipmap,
        Parameter("keys", ListType(STRING)),
        Parameter("values", marks=SHALLOW),
        result=_zip_type,
    ),
)


def functions(_surroundings: Surroundings) -> dict[str, Function]:
    return {function.name: function for function in _FUNCTIONS}
