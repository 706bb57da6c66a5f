"""Types as templates write them: ``list(string)``, ``object({ a = optional(number, 5) })``.

A type comes with the defaults that its optional attributes have. Knows the syntax tree, not where types are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.lang import syntax
from hclimg.lang.convert import ConversionError, convert
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
from hclimg.lang.values import Unknown, Value, object_of, set_of, tuple_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hclimg.diagnostics import Diagnostics
    from hclimg.lang.syntax import Call, Expr, Node

_INVALID = "Invalid type specification"
_PRIMITIVES = {"string": STRING, "number": NUMBER, "bool": BOOL}
_COLLECTIONS: dict[str, type[ListType | SetType | MapType]] = {"list": ListType, "set": SetType, "map": MapType}
_WHAT_IT_TAKES = {
    "list": "one argument specifying the element type",
    "set": "one argument specifying the element type",
    "map": "one argument specifying the element type",
    "object": "one argument specifying the attribute types and values as a map",
    "tuple": "one argument specifying the element types as a list",
}
_GENERAL = (
    "A type specification is either a primitive type keyword (bool, number, string) or a complex type constructor "
    "call, like list(string)."
)


_ELSEWHERE = {
    "int": "number", "integer": "number", "float": "number", "double": "number", "int64": "number", "num": "number",
    "str": "string", "text": "string", "char": "string", "boolean": "bool", "array": "list", "slice": "list",
    "dict": "map", "dictionary": "map", "hash": "map", "record": "object", "struct": "object", "dynamic": "any",
}  # fmt: skip


def _meant(name: str) -> str:
    from hclimg.diagnostics import did_you_mean

    known = (*_PRIMITIVES, *_WHAT_IT_TAKES, "any")
    return did_you_mean(_ELSEWHERE.get(name.lower(), name), known)


def _rewritten(expr: Expr) -> str:
    """How a type that was written in another way is written, when that can be told."""
    if isinstance(expr, syntax.Literal) and isinstance(expr.value.raw, str):
        name = expr.value.raw
        if name in _PRIMITIVES or name == "any":
            return f" Write it without quotes: {name}."
        # Old templates said "list" and "map" for those of strings.
        return f" Write it without quotes, with what it is of: {name}(string)." if name in _COLLECTIONS else ""
    if isinstance(expr, syntax.Index) and isinstance(expr.object, syntax.Variable) and expr.object.name in _COLLECTIONS:
        inner = expr.source.text[expr.key.start : expr.key.end]
        return f" Write {expr.object.name}({inner})."
    if isinstance(expr, syntax.TupleCons) and len(expr.items) == 1:
        return f" Write list({expr.source.text[expr.items[0].start : expr.items[0].end]})."
    return " Write object({ NAME = TYPE })." if isinstance(expr, syntax.ObjectCons) else ""


class Defaults:
    """What optional attributes are when they are missing or null; ``parts`` has the defaults of nested types.

    ``parts`` is keyed by attribute name, by position in a tuple (as text), or by ``""`` for all elements.
    """

    __slots__ = ("parts", "values")

    def __init__(self, values: Mapping[str, Value], parts: Mapping[str, Defaults]) -> None:
        self.values = values
        self.parts = parts

    def apply(self, value: Value) -> Value:
        """The value with what is missing filled in; it still has to be converted to the type."""
        if value.raw is None or type(value.raw) is Unknown:
            return value
        result = self._applied(value)
        return result.with_marks(value.marks)

    def _applied(self, value: Value) -> Value:
        if isinstance(value.type, ListType | SetType | TupleType):
            return _rebuilt_sequence(value, [self._part(str(i), v) for i, v in enumerate(value.raw)])
        if isinstance(value.type, ObjectType | MapType):
            items = {name: self._part(name, item) for name, item in value.raw.items()}
            for name, default in self.values.items():
                if name not in items or items[name].raw is None:
                    items[name] = self._part(name, default)
            return _rebuilt_mapping(value, items)
        return value

    def _part(self, key: str, value: Value) -> Value:
        part = self.parts.get(key) or self.parts.get("")
        return part.apply(value) if part else value


def _rebuilt_sequence(original: Value, items: list[Value]) -> Value:
    """A sequence of the original's kind if the items still allow it, else a tuple."""
    if isinstance(original.type, TupleType):
        return tuple_of(items)
    assert isinstance(original.type, ListType | SetType)
    element = unify([item.type for item in items]) if items else original.type.element
    if element is None:
        return tuple_of(items)
    items = [convert(item, element) for item in items]
    return set_of(items, element) if isinstance(original.type, SetType) else Value(ListType(element), tuple(items))


def _rebuilt_mapping(original: Value, items: dict[str, Value]) -> Value:
    if isinstance(original.type, ObjectType):
        return object_of(items)
    assert isinstance(original.type, MapType)
    element = unify([item.type for item in items.values()]) if items else original.type.element
    if element is None:
        return object_of(items)
    return Value(MapType(element), {name: convert(item, element) for name, item in items.items()})


class TypeConstraint:
    """A type with the defaults of its optional attributes."""

    __slots__ = ("defaults", "type")

    def __init__(self, type: Type, defaults: Defaults | None = None) -> None:  # noqa: A002
        self.type = type
        self.defaults = defaults

    def apply(self, value: Value) -> Value:
        """The value completed with defaults and converted to the type; raises ConversionError."""
        if self.defaults is not None:
            value = self.defaults.apply(value)
        return convert(value, self.type)


ANYTHING = TypeConstraint(ANY)


def parse_type(expr: Expr, diags: Diagnostics, *, exact: bool = False) -> TypeConstraint:
    """The type that an expression means; problems are reported and the type is then as complete as it can be.

    An ``exact`` type has no ``any`` and no optional attributes.
    """
    reader = _Reader(diags, exact)
    defaults: dict[str, Defaults] = {}
    found = reader.type_of(expr, defaults, "")
    return TypeConstraint(found, defaults.get(""))


class _Reader:
    """Reads one type expression; defaults go into the mapping that is passed down, under the given key."""

    __slots__ = ("diags", "exact")

    def __init__(self, diags: Diagnostics, exact: bool) -> None:
        self.diags = diags
        self.exact = exact

    def type_of(self, expr: Expr, defaults: dict[str, Defaults], key: str) -> Type:
        if isinstance(expr, syntax.Variable):
            return self.keyword(expr)
        if isinstance(expr, syntax.Call):
            return self.call(expr, defaults, key)
        if isinstance(expr, syntax.Literal) and not expr.value.is_known:
            return ANY  # it could not be read, which has been reported
        return self.wrong(expr, _GENERAL + _rewritten(expr))

    def wrong(self, at: Node, detail: str) -> Type:
        self.diags.error(_INVALID, detail, subject=at.range)
        return ANY

    def keyword(self, expr: syntax.Variable) -> Type:
        name = expr.name
        if name in _PRIMITIVES:
            return _PRIMITIVES[name]
        if name == "any":
            return self.any(expr)
        if name in _WHAT_IT_TAKES:
            example = f" Write {name}(string), for instance." if name in _COLLECTIONS else ""
            return self.wrong(expr, f"The {name} type constructor requires {_WHAT_IT_TAKES[name]}.{example}")
        if name == "optional":
            return self.wrong(expr, _ONLY_IN_OBJECTS)
        return self.wrong(expr, f'The keyword "{name}" is not a valid type specification.{_meant(name)}')

    def any(self, expr: Node) -> Type:
        if self.exact:
            detail = 'The keyword "any" cannot be used in this type specification: an exact type is required.'
            return self.wrong(expr, detail)
        return ANY

    def call(self, expr: Call, defaults: dict[str, Defaults], key: str) -> Type:
        name = expr.name.text
        if name in _PRIMITIVES:
            return self.wrong(expr, f'Primitive type keyword "{name}" does not expect arguments.')
        if name == "any":
            return self.wrong(expr, 'Type constraint keyword "any" does not expect arguments.')
        if name == "optional":
            return self.wrong(expr, _ONLY_IN_OBJECTS)
        if name not in _WHAT_IT_TAKES:
            return self.wrong(expr, f'Keyword "{name}" is not a valid type constructor.{_meant(name)}')
        if len(expr.args) != 1:
            return self.wrong(expr, f"The {name} type constructor requires {_WHAT_IT_TAKES[name]}.")
        parts: dict[str, Defaults] = {}
        values: dict[str, Value] = {}
        found = self.constructed(name, expr.args[0], parts, values)
        if parts or values:
            defaults[key] = Defaults(values, parts)
        return found

    def constructed(self, name: str, arg: Expr, parts: dict[str, Defaults], values: dict[str, Value]) -> Type:
        if name in _COLLECTIONS:
            return _COLLECTIONS[name](self.type_of(arg, parts, ""))
        if name == "tuple":
            if not isinstance(arg, syntax.TupleCons):
                return self.wrong(arg, "Tuple type constructor requires a list of element types.")
            return TupleType(tuple([self.type_of(item, parts, str(i)) for i, item in enumerate(arg.items)]))
        if not isinstance(arg, syntax.ObjectCons):
            detail = (
                "Object type constructor requires a map whose keys are attribute names and whose values are the "
                "corresponding attribute types."
            )
            return self.wrong(arg, detail)
        return self.object(arg, parts, values)

    def object(self, expr: syntax.ObjectCons, parts: dict[str, Defaults], values: dict[str, Value]) -> Type:
        attributes: dict[str, Type] = {}
        optional: set[str] = set()
        for item in expr.items:
            if not isinstance(item.key, syntax.Variable):
                self.wrong(item.key, "Object constructor map keys must be attribute names.")
                continue
            name = item.key.name
            if isinstance(item.value, syntax.Call) and item.value.name.text == "optional":
                attributes[name] = self.optional(item.value, name, parts, values)
                optional.add(name)
            else:
                attributes[name] = self.type_of(item.value, parts, name)
        return ObjectType(attributes, frozenset(optional))

    def optional(self, expr: Call, name: str, parts: dict[str, Defaults], values: dict[str, Value]) -> Type:
        if self.exact:
            detail = "Optional attribute modifier is only for type constraints, not for exact types."
            return self.wrong(expr, detail)
        if not expr.args:
            return self.wrong(expr, "Optional attribute modifier requires the attribute type as its argument.")
        if len(expr.args) > 2:
            detail = (
                "Optional attribute modifier expects at most two arguments: the attribute type, and a default value."
            )
            self.wrong(expr.args[2], detail)
        found = self.type_of(expr.args[0], parts, name)
        if len(expr.args) > 1:
            self.default(expr.args[1], name, found, values)
        return found

    def default(self, expr: Expr, name: str, wanted: Type, values: dict[str, Value]) -> None:
        from hclimg.lang.evaluate import evaluate
        from hclimg.lang.scope import Scope

        before = len(self.diags)
        value = evaluate(expr, Scope(), self.diags)
        if len(self.diags) > before:
            return
        try:
            values[name] = convert(value, wanted)
        except ConversionError as error:
            detail = f"This default value is not compatible with the attribute's type constraint: {error.message}."
            self.diags.error("Invalid default value for optional attribute", detail, subject=expr.range)


_ONLY_IN_OBJECTS = 'Keyword "optional" is valid only as a modifier for object type attributes.'
