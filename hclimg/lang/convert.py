"""Conversion between types, and the search for a type that several values can be converted to.

The rules are those of cty, which HCL users know from practice: a number is accepted where a string is wanted, a tuple
where a list is wanted, and so on. Whether a conversion exists depends on types only; applying it can still fail for
one value (``"x"`` to a number).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.lang import numbers
from hclimg.lang.types import (
    ANY,
    NUMBER,
    STRING,
    CollectionType,
    ListType,
    MapType,
    ObjectType,
    PrimitiveType,
    SetType,
    TupleType,
    Type,
    friendly_name,
    has_any,
    without_optional,
)
from hclimg.lang.unify import convertible, unify
from hclimg.lang.values import (
    FALSE,
    TRUE,
    UNKNOWN,
    Unknown,
    Value,
    set_of,
    unknown_of_length,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ConversionError", "convert", "convertible", "mismatch", "unify"]


class ConversionError(Exception):
    """A value cannot be converted; ``path`` leads from the value to the part that is to blame."""

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


def convert(value: Value, target: Type) -> Value:
    """The value as a ``target``; raises ConversionError with HCL's words ("a number is required")."""
    source = value.type
    if source is target or target is ANY:
        return value
    if isinstance(target, PrimitiveType):
        return _to_primitive(value, target, ())
    try:
        if source == without_optional(target):
            return value
        if not convertible(source, target):
            raise ConversionError(mismatch(source, target))
        return _apply(value, target, ())
    except RecursionError:
        raise ConversionError("the value is nested too deeply") from None


def _apply(value: Value, target: Type, path: tuple[str | int, ...]) -> Value:
    """Convert, given that the types allow it."""
    if value.type is target or target is ANY:
        return value
    if isinstance(target, PrimitiveType):
        return _to_primitive(value, target, path)
    if value.raw is None or type(value.raw) is Unknown:
        return _apply_unknown(value, _without_any(value.type, without_optional(target)))
    result = _apply_known(value, target, path)
    return result.with_marks(value.marks) if value.marks else result


def _apply_unknown(value: Value, target: Type) -> Value:
    """Null or unknown of the new type; what a tuple's or object's length tells is kept."""
    raw, source = value.raw, value.type
    if raw is not None and raw.not_null:
        if isinstance(source, TupleType) and isinstance(target, ListType | SetType):
            return unknown_of_length(target, len(source.elements)).with_marks(value.marks)
        if isinstance(source, ObjectType) and isinstance(target, MapType):
            return unknown_of_length(target, len(source.attributes)).with_marks(value.marks)
    return Value(target, raw and raw.plain, value.marks)


def _apply_known(value: Value, target: Type, path: tuple[str | int, ...]) -> Value:
    if isinstance(target, ListType):
        return _to_list(value, target.element, path)
    if isinstance(target, SetType):
        return _to_set(value, target.element, path)
    if isinstance(target, MapType):
        return _to_map(value, target.element, path)
    if isinstance(target, TupleType):
        return _to_tuple(value, target, path)
    assert isinstance(target, ObjectType)
    if isinstance(value.type, MapType):
        return _map_to_object(value, target, path)
    return _to_object(value, target, path)


# -- primitive types ------------------------------------------------------------

_BOOLS = {"true": TRUE, "1": TRUE, "false": FALSE, "0": FALSE}


def _to_primitive(value: Value, target: PrimitiveType, path: tuple[str | int, ...]) -> Value:
    source, raw = value.type, value.raw
    if source is target:
        return value
    if not convertible(source, target):
        raise ConversionError(mismatch(source, target), path)
    if raw is None or type(raw) is Unknown:
        return Value(target, raw and raw.plain, value.marks)
    if target is STRING:
        text = numbers.text(raw) if source is NUMBER else "true" if raw else "false"
        return Value(STRING, text, value.marks)
    return (_to_number if target is NUMBER else _to_bool)(raw, value, path)


def _to_number(text: str, value: Value, path: tuple[str | int, ...]) -> Value:
    raw = numbers.parse(text)
    if raw is None:
        raise ConversionError("a number is required", path)
    if numbers.is_out_of_range(raw, text):
        raise ConversionError(f"a number of at most {numbers.MOST_DIGITS:,} digits is required", path)
    return Value(NUMBER, raw, value.marks)


def _to_bool(text: str, value: Value, path: tuple[str | int, ...]) -> Value:
    result = _BOOLS.get(text)
    if result is not None:
        return result.with_marks(value.marks)
    hint = f'; to convert from string, use lowercase "{text.lower()}"' if text.lower() in ("true", "false") else ""
    raise ConversionError(f"a bool is required{hint}", path)


# -- collections ----------------------------------------------------------------


def _element_target(source: Type, element: Type) -> Type:
    """What the elements of ``source`` become in a collection of ``element``."""
    if element is not ANY:
        return element
    if isinstance(source, ListType | SetType | MapType):
        return source.element
    types = source.elements if isinstance(source, TupleType) else tuple(_attributes(source).values())
    return unify(types) or ANY


def _attributes(type_: Type) -> dict[str, Type]:
    return dict(type_.attributes) if isinstance(type_, ObjectType) else {}


def _to_list(value: Value, element: Type, path: tuple[str | int, ...]) -> Value:
    if isinstance(value.type, SetType) and not value.is_wholly_known:
        return Value(ListType(_result_element(value, element)), UNKNOWN)
    wanted = _element_target(value.type, element)
    items = [_apply(item, wanted, (*path, position)) for position, item in enumerate(value.raw)]
    items, found = _same_type(items, wanted, path, "list")
    return Value(ListType(found), tuple(items))


def _to_set(value: Value, element: Type, path: tuple[str | int, ...]) -> Value:
    wanted = _element_target(value.type, element)
    items = [_apply(item, wanted, (*path, position)) for position, item in enumerate(value.raw)]
    items, found = _same_type(items, wanted, path, "set")
    return set_of(items, found)


def _to_map(value: Value, element: Type, path: tuple[str | int, ...]) -> Value:
    wanted = _element_target(value.type, element)
    names = list(value.raw)
    items = [_apply(value.raw[name], wanted, (*path, name)) for name in names]
    items, found = _same_type(items, wanted, path, "map")
    return Value(MapType(found), dict(zip(names, items, strict=True)))


def _result_element(value: Value, element: Type) -> Type:
    return without_optional(_element_target(value.type, element))


def _same_type(items: list[Value], wanted: Type, path: tuple[str | int, ...], kind: str) -> tuple[list[Value], Type]:
    """The items with one type, and that type: ``any`` inside ``wanted`` may have left them with several."""
    wanted = without_optional(wanted)
    if not items or not has_any(wanted):
        return items, wanted
    common = unify([item.type for item in items])
    if common is None or (common is ANY and any(item.type is not ANY for item in items)):
        raise ConversionError(f"element types must all match for conversion to {kind}", path)
    return [_apply(item, common, path) for item in items], common


# -- structures -----------------------------------------------------------------


def _to_tuple(value: Value, target: TupleType, path: tuple[str | int, ...]) -> Value:
    pairs = zip(value.raw, target.elements, strict=True)
    items = tuple([_apply(item, wanted, (*path, at)) for at, (item, wanted) in enumerate(pairs)])
    return Value(TupleType(tuple([item.type for item in items])), items)


def _to_object(value: Value, target: ObjectType, path: tuple[str | int, ...]) -> Value:
    items: dict[str, Value] = {}
    for name, wanted in target.attributes.items():
        item = value.raw.get(name)
        items[name] = Value(without_optional(wanted), None) if item is None else _apply(item, wanted, (*path, name))
    return Value(ObjectType({name: item.type for name, item in items.items()}), items)


def _map_to_object(value: Value, target: ObjectType, path: tuple[str | int, ...]) -> Value:
    for name, wanted in target.attributes.items():
        item = value.raw.get(name)
        if item is None and name not in target.optional:
            raise ConversionError(f'map has no element for required attribute "{name}"', path)
        if item is not None and not convertible(item.type, wanted):
            why = mismatch(item.type, wanted)
            raise ConversionError(f'map element type is incompatible with attribute "{name}": {why}', path)
    return _to_object(value, target, path)


def _without_any(source: Type, target: Type) -> Type:
    """``target`` with each ``any`` replaced by what stands there in ``source``."""
    if source is ANY or not has_any(target):
        return target
    if target is ANY:
        return source
    if isinstance(target, ListType | SetType | MapType):
        return type(target)(_without_any(_element_target(source, ANY), target.element))
    if isinstance(target, TupleType):
        assert isinstance(source, TupleType)
        return TupleType(tuple(map(_without_any, source.elements, target.elements)))
    assert isinstance(target, ObjectType)
    return ObjectType({name: _without_any(_attribute(source, name), t) for name, t in target.attributes.items()})


def _attribute(source: Type, name: str) -> Type:
    if isinstance(source, MapType):
        return source.element
    return _attributes(source).get(name, ANY)


# -- messages -------------------------------------------------------------------


def mismatch(got: Type, want: Type) -> str:
    """Why no conversion exists, in HCL's words: ``list of string required``, ``attribute "x" is required``."""
    if isinstance(got, ObjectType) and isinstance(want, ObjectType):
        return _object_mismatch(got, want)
    kind = _KINDS.get(type(want), "")
    if isinstance(want, ListType | SetType | MapType) and _fits(got, want):
        if isinstance(got, ListType | SetType | MapType):
            return f"incorrect {kind} element type: {mismatch(got.element, want.element)}"
        if want.element is ANY:
            return f"all {kind} elements must have the same type"
        return _element_mismatch(got, want.element)
    return f"{friendly_name(want)} required"


_KINDS: dict[type[Type], str] = {ListType: "list", SetType: "set", MapType: "map"}


def _fits(got: Type, want: CollectionType) -> bool:
    return isinstance(got, ObjectType | MapType if isinstance(want, MapType) else TupleType | ListType | SetType)


def _element_mismatch(got: Type, element: Type) -> str:
    for key, type_ in _parts(got):
        if not convertible(type_, element):
            return f"element {key}: {mismatch(type_, element)}"
    return f"all elements must be {friendly_name(element)}"


def _parts(type_: Type) -> Iterable[tuple[str, Type]]:
    if isinstance(type_, TupleType):
        return ((str(at), element) for at, element in enumerate(type_.elements))
    return ((f'"{name}"', attribute) for name, attribute in sorted(_attributes(type_).items()))


def _object_mismatch(got: ObjectType, want: ObjectType) -> str:
    missing = sorted(name for name in want.attributes if name not in got.attributes and name not in want.optional)
    if missing:
        return _missing_attributes([f'"{name}"' for name in missing])
    for unsafe in (True, False):
        for name, type_ in sorted(want.attributes.items()):
            if name in got.attributes and not convertible(got.attributes[name], type_, unsafe=unsafe):
                return f'attribute "{name}": {mismatch(got.attributes[name], type_)}'
    return "incorrect object attributes"


def _missing_attributes(names: list[str]) -> str:
    if len(names) == 1:
        return f"attribute {names[0]} is required"
    separator = " and " if len(names) == 2 else ", and "
    return f"attributes {', '.join(names[:-1])}{separator}{names[-1]} are required"
