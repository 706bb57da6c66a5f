"""The types of HCL values.

Types are immutable, compare by what they say and can be keys. They know nothing about values or conversion.
The classes are written by hand because this module is on the path of every start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping


class PrimitiveType:
    """``string``, ``number``, ``bool``, or ``any``, which stands for a type that is not known yet."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


STRING = PrimitiveType("string")
NUMBER = PrimitiveType("number")
BOOL = PrimitiveType("bool")
ANY = PrimitiveType("any")


class ListType:
    """Elements of one type, in order."""

    __slots__ = ("element",)

    def __init__(self, element: Type) -> None:
        self.element = element

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ListType) and self.element == other.element

    def __hash__(self) -> int:
        return hash(("list", self.element))

    def __repr__(self) -> str:
        return f"list({self.element!r})"


class SetType:
    """Different elements of one type, in no order of the user's."""

    __slots__ = ("element",)

    def __init__(self, element: Type) -> None:
        self.element = element

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SetType) and self.element == other.element

    def __hash__(self) -> int:
        return hash(("set", self.element))

    def __repr__(self) -> str:
        return f"set({self.element!r})"


class MapType:
    """Any keys, elements of one type."""

    __slots__ = ("element",)

    def __init__(self, element: Type) -> None:
        self.element = element

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MapType) and self.element == other.element

    def __hash__(self) -> int:
        return hash(("map", self.element))

    def __repr__(self) -> str:
        return f"map({self.element!r})"


class TupleType:
    """A fixed number of elements, each with its own type."""

    __slots__ = ("elements",)

    def __init__(self, elements: tuple[Type, ...]) -> None:
        self.elements = elements

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TupleType) and self.elements == other.elements

    def __hash__(self) -> int:
        return hash(("tuple", self.elements))

    def __repr__(self) -> str:
        return f"tuple([{','.join(map(repr, self.elements))}])"


class ObjectType:
    """Fixed attributes, each with its own type; those in ``optional`` may be missing in what is converted to it."""

    __slots__ = ("attributes", "optional")

    def __init__(self, attributes: Mapping[str, Type], optional: frozenset[str] = frozenset()) -> None:
        self.attributes = attributes
        self.optional = optional

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ObjectType):
            return False
        return self.attributes == other.attributes and self.optional == other.optional

    def __hash__(self) -> int:
        return hash(("object", frozenset(self.attributes.items()), self.optional))

    def __repr__(self) -> str:
        return f"object({{{','.join(map(self._attribute_text, sorted(self.attributes)))}}})"

    def _attribute_text(self, name: str) -> str:
        text = repr(self.attributes[name])
        shown = name if name.replace("-", "_").isidentifier() else '"' + name.replace('"', '\\"') + '"'
        return f"{shown}=optional({text})" if name in self.optional else f"{shown}={text}"


CollectionType: TypeAlias = ListType | SetType | MapType
SequenceType: TypeAlias = ListType | SetType | TupleType
Type: TypeAlias = PrimitiveType | ListType | SetType | MapType | TupleType | ObjectType

_COLLECTION_NAMES = {ListType: "list", SetType: "set", MapType: "map"}


def friendly_name(type_: Type) -> str:
    """The type as HCL's messages call it: ``list of string``, ``object``."""
    if isinstance(type_, ListType | SetType | MapType):
        element = "any single type" if type_.element is ANY else friendly_name(type_.element)
        return f"{_COLLECTION_NAMES[type(type_)]} of {element}"
    if isinstance(type_, TupleType):
        return "tuple"
    if isinstance(type_, ObjectType):
        return "object"
    return "dynamic" if type_ is ANY else type_.name


def type_text(type_: Type) -> str:
    """The type as a template would write it: ``list(string)``, ``object({a=number})``."""
    return repr(type_)


def type_data(type_: Type) -> Any:
    """The type as cty writes it in JSON: ``"string"``, ``["list", "string"]``, ``["object", {"a": "number"}]``."""
    if isinstance(type_, ListType | SetType | MapType):
        return [_COLLECTION_NAMES[type(type_)], type_data(type_.element)]
    if isinstance(type_, TupleType):
        return ["tuple", [type_data(element) for element in type_.elements]]
    if isinstance(type_, ObjectType):
        attributes = {name: type_data(type_.attributes[name]) for name in sorted(type_.attributes)}
        return ["object", attributes, sorted(type_.optional)] if type_.optional else ["object", attributes]
    return "dynamic" if type_ is ANY else type_.name


def has_any(type_: Type) -> bool:
    """Whether ``any`` stands somewhere in the type, so that a conversion has to choose."""
    if isinstance(type_, ListType | SetType | MapType):
        return has_any(type_.element)
    if isinstance(type_, TupleType):
        return any(map(has_any, type_.elements))
    if isinstance(type_, ObjectType):
        return any(map(has_any, type_.attributes.values()))
    return type_ is ANY


def without_optional(type_: Type) -> Type:
    """The type of the values that a conversion to ``type_`` yields: nothing in it is optional any more."""
    if isinstance(type_, ListType | SetType | MapType):
        element = without_optional(type_.element)
        return type_ if element is type_.element else type(type_)(element)
    if isinstance(type_, TupleType):
        return TupleType(tuple(map(without_optional, type_.elements)))
    if isinstance(type_, ObjectType):
        return ObjectType({name: without_optional(t) for name, t in type_.attributes.items()})
    return type_
