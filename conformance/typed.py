"""Reads the typed values of the corpus tables: ``{"k": "number", "v": "1"}``, ``{"$type": ["list", "string"]}``."""

from __future__ import annotations

from typing import Any

from conformance.model import Skipped
from hclimg.lang import numbers
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
)
from hclimg.lang.unify import unify
from hclimg.lang.unknowns import beginning_with
from hclimg.lang.values import (
    UNKNOWN,
    UNKNOWN_NOT_NULL,
    Unknown,
    Value,
    boolean,
    normalized,
    null,
    object_of,
    set_of,
    string,
    tuple_of,
)

PRIMITIVES: dict[str, Type] = {"string": STRING, "number": NUMBER, "bool": BOOL, "dynamic": ANY, "any": ANY}
_COLLECTIONS: dict[str, type[ListType | SetType | MapType]] = {"list": ListType, "set": SetType, "map": MapType}


def has_hole(data: Any) -> bool:
    """Whether something in a case could not be turned into data."""
    if isinstance(data, dict):
        return "$go" in data or "$ident" in data or any(map(has_hole, data.values()))
    return isinstance(data, list) and any(map(has_hole, data))


def type_of(data: Any) -> Type:
    """A type in cty's JSON form."""
    if isinstance(data, dict):
        if "$type" not in data:
            raise Skipped("the case holds a Go type")
        data = data["$type"]
    if isinstance(data, str):
        if data not in PRIMITIVES:
            raise Skipped("the case holds a Go type")
        return PRIMITIVES[data]
    kind, inner = data[0], data[1]
    if kind in _COLLECTIONS:
        return _COLLECTIONS[kind](type_of(inner))
    if kind == "tuple":
        return TupleType(tuple(map(type_of, inner)))
    if kind != "object":
        raise Skipped("the case holds a Go type")
    optional = frozenset(data[2]) if len(data) > 2 else frozenset()
    return ObjectType({name: type_of(t) for name, t in inner.items()}, optional)


def value_of(data: Any) -> Value:
    """A typed value."""
    if has_hole(data):
        raise Skipped("the case holds a Go value")
    kind, raw = data["k"], data.get("v")
    if kind == "string":
        return string(raw)
    if kind == "bool":
        return boolean(raw)
    if kind == "number":
        return _number(raw, data.get("float64", False))
    if kind == "null":
        return null(type_of(data["type"]))
    if kind == "unknown":
        return _unknown(type_of(data["type"]), data.get("refine", {}))
    if kind == "marked":
        return value_of(raw).with_marks(frozenset(map(str, data["marks"])))
    if kind == "type":
        raise Skipped("the case holds a Go type as a value")
    return _structure(kind, raw, data.get("elem"))


def _unknown(type_: Type, refined: dict[str, Any]) -> Value:
    """An unknown value of which something is known."""
    if refined.get("null"):
        return null(type_)
    if refined.get("len_max") == 0 and refined.get("not_null") and isinstance(type_, ListType):
        return Value(type_, ())
    low, high = (_bound(refined.get(name)) for name in ("min", "max"))
    prefix = beginning_with(refined.get("prefix", "")).prefix or refined.get("prefix_full", "")
    lengths = {"shortest": refined.get("len_min", 0), "longest": refined.get("len_max")}
    not_null = refined.get("not_null", False)
    return Value(type_, Unknown(not_null=not_null, low=low, high=high, prefix=prefix, **lengths))


def _bound(data: Any) -> tuple[numbers.Number, bool] | None:
    """A limit, which can be unknown itself."""
    if data is None or data[0]["k"] == "unknown":
        return None
    return value_of(data[0]).raw, data[1]


def _number(text: str, double: bool) -> Value:
    if text in ("inf", "-inf"):
        return Value(NUMBER, -numbers.INFINITY if text[0] == "-" else numbers.INFINITY)
    if double:
        return Value(NUMBER, float(text))
    raw = numbers.parse(text)
    assert raw is not None, text
    return Value(NUMBER, raw)


def _structure(kind: str, raw: Any, element: Any) -> Value:
    if kind in ("list", "set", "tuple"):
        items = list(map(value_of, raw))
        if kind == "tuple":
            return tuple_of(items)
        inner = _element_type(items, element)
        return set_of(items, inner) if kind == "set" else Value(ListType(inner), tuple(items))
    named = {normalized(name): value_of(item) for name, item in raw.items()}
    if kind == "object":
        return object_of(named)
    return Value(MapType(_element_type(list(named.values()), element)), named)


def _element_type(items: list[Value], element: Any) -> Type:
    if not items:
        return type_of(element)
    known = [item.type for item in items if item.type is not ANY]
    if len({id(t) for t in known}) > 1 and any(t != known[0] for t in known):
        return unify(known) or ANY
    return known[0] if known else ANY


def same(expected: Value, actual: Value) -> bool:
    """Whether two values are the same; refinements of unknown values other than "not null" are not modelled."""
    if expected.marks != actual.marks:
        return False
    if expected.raw is None and expected.type is ANY:
        return actual.raw is None  # a null without a type in a list of strings is one of cty's accidents
    if expected.type != actual.type:
        return False
    a, b = expected.raw, actual.raw
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        return isinstance(a, Unknown) and isinstance(b, Unknown)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    return type(a) is type(b) and bool(a == b) if isinstance(a, bool | str) or a is None else bool(a == b)


def text_of(value: Value) -> str:
    """A value in a failure's message."""
    if value.raw in (UNKNOWN, UNKNOWN_NOT_NULL):
        return f"unknown {value.type!r}"
    return f"{value!r}"[:300]
