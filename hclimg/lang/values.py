"""The values of the template language: a type, the raw data, and marks such as ``sensitive``.

A value can be null, or unknown: known only when the build runs. Values know nothing about expressions, scopes or
conversion. The class is written by hand because literals are made while a template is parsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

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
from hclimg.lang.unknowns import UNKNOWN as UNKNOWN
from hclimg.lang.unknowns import UNKNOWN_NOT_NULL as UNKNOWN_NOT_NULL
from hclimg.lang.unknowns import Unknown as Unknown
from hclimg.lang.unknowns import may_be_equal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SENSITIVE: Final = "sensitive"
Marks: TypeAlias = frozenset[str]
NO_MARKS: Final[Marks] = frozenset()
_SIMPLE: Final = (1, 1)


class Value:
    """An immutable value.

    ``raw`` is a str, a number (see :mod:`hclimg.lang.numbers`), a bool, a tuple of values (list, set, tuple), a dict
    of values (map, object), None for null, or an :class:`Unknown` (ask ``is_known``). A set's tuple is in HCL's order
    without duplicates.
    Python's ``==`` compares types, data and marks; HCL's own ``==`` is :func:`equals`.
    """

    __slots__ = ("_size", "marks", "raw", "type")

    type: Final[Type]
    raw: Final[Any]
    marks: Final[Marks]
    _size: tuple[int, int]

    def __init__(self, type: Type, raw: Any, marks: Marks = NO_MARKS) -> None:  # noqa: A002
        self.type = type
        self.raw = raw
        self.marks = marks

    @property
    def is_null(self) -> bool:
        return self.raw is None

    @property
    def is_known(self) -> bool:
        """Whether this value is known; what it contains may still be unknown."""
        return type(self.raw) is not Unknown

    @property
    def is_wholly_known(self) -> bool:
        raw = self.raw
        if type(raw) is tuple or type(raw) is dict:
            return all(type(v.raw) is not Unknown for v in parts(self))
        return type(raw) is not Unknown

    @property
    def is_sensitive(self) -> bool:
        """Whether this value itself is marked; see :func:`deep_marks` for what it contains."""
        return SENSITIVE in self.marks

    @property
    def size(self) -> tuple[int, int]:
        """How many values this one holds, itself included, each counted wherever it is used; and how deep they nest."""
        raw = self.raw
        if type(raw) is not tuple and type(raw) is not dict:
            return _SIMPLE
        try:
            return self._size
        except AttributeError:
            # Only containers remember it, once somebody asked: most values are never asked for theirs.
            sizes = [item.size for item in (raw.values() if type(raw) is dict else raw)] or [(0, 0)]
            counts, depths = zip(*sizes, strict=True)
            self._size = 1 + sum(counts), 1 + max(depths)
            return self._size

    def with_marks(self, marks: Marks) -> Value:
        """The same value with further marks."""
        return self if marks <= self.marks else Value(self.type, self.raw, self.marks | marks)

    def unmarked(self) -> Value:
        return Value(self.type, self.raw) if self.marks else self

    def equals(self, other: Value) -> Value:
        return equals(self, other)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Value) or self.marks != other.marks or self.type != other.type:
            return False
        return bool(self.raw == other.raw)

    def __hash__(self) -> int:
        raw = self.raw
        return hash((self.type, frozenset(raw.items()) if type(raw) is dict else raw))

    def __repr__(self) -> str:
        marks = f", marks={sorted(self.marks)}" if self.marks else ""
        return f"Value({self.type!r}, {self.raw!r}{marks})"


TRUE: Final = Value(BOOL, True)
FALSE: Final = Value(BOOL, False)
NULL: Final = Value(ANY, None)


# -- making values --------------------------------------------------------------


def normalized(text: str) -> str:
    """The text in Unicode's normal form C, as all strings are."""
    if text.isascii():
        return text
    import unicodedata

    return unicodedata.normalize("NFC", text)


def string(text: str) -> Value:
    return Value(STRING, normalized(text))


def number(value: numbers.Number) -> Value:
    return Value(NUMBER, numbers.rounded(value))


def parse_number(text: str) -> Value:
    """The number that a number token means; raises ValueError for any other text and for what is out of range."""
    raw = numbers.parse(text)
    if raw is None or numbers.is_out_of_range(raw, text):
        raise ValueError(f"not a number: {text}")
    return Value(NUMBER, raw)


def boolean(value: bool) -> Value:
    return TRUE if value else FALSE


def null(type: Type = ANY) -> Value:  # noqa: A002
    return NULL if type is ANY else Value(type, None)


def unknown(type: Type = ANY, *, not_null: bool = False) -> Value:  # noqa: A002
    return Value(type, UNKNOWN_NOT_NULL if not_null else UNKNOWN)


def tuple_of(values: Iterable[Value]) -> Value:
    raw = tuple(values)
    return Value(TupleType(tuple([v.type for v in raw])), raw)


def list_of(values: Iterable[Value], element: Type) -> Value:
    """A list; the values already have the type ``element``."""
    return Value(ListType(element), tuple(values))


def set_of(values: Iterable[Value], element: Type) -> Value:
    """A set; the values already have the type ``element``. Marks of elements move to the set."""
    items = list(values)
    marks = deep_marks(items)
    if marks:
        items = [unmark_deep(v) for v in items]
    known = [v for v in items if v.is_wholly_known]
    ordered = sorted(set(known), key=_set_order)
    if len(known) < len(items):
        # Two unknown elements may turn out to be different, so they are never merged. Only null comes after them.
        last = [ordered.pop()] if ordered and ordered[-1].raw is None else []
        ordered += [v for v in items if not v.is_wholly_known] + last
    return Value(SetType(element), tuple(ordered), marks)


def map_of(values: Mapping[str, Value], element: Type) -> Value:
    """A map; the values already have the type ``element``."""
    return Value(MapType(element), dict(values))


def object_of(values: Mapping[str, Value]) -> Value:
    return Value(ObjectType({name: v.type for name, v in values.items()}), dict(values))


def from_python(data: Any) -> Value:
    """Lists become tuples and dicts become objects."""
    if isinstance(data, Value):
        return data
    if data is None:
        return NULL
    if isinstance(data, bool):
        return boolean(data)
    if isinstance(data, str):
        return string(data)
    if isinstance(data, list | tuple):
        return tuple_of(map(from_python, data))
    if isinstance(data, dict):
        return object_of({normalized(str(key)): from_python(item) for key, item in data.items()})
    return number(data)


def to_python(value: Value) -> Any:
    """Plain Python data; numbers become ``int`` when whole and ``float`` otherwise. Marks are dropped.

    Raises ValueError when something in it is unknown, or when it is nested too deeply.
    """
    try:
        return _to_python(value)
    except RecursionError:
        raise ValueError("the value is nested too deeply") from None


def _to_python(value: Value) -> Any:
    raw = value.raw
    if type(raw) is Unknown:
        raise ValueError("the value is not known yet")
    if isinstance(raw, tuple):
        return [_to_python(v) for v in raw]
    if isinstance(raw, dict):
        return {name: _to_python(raw[name]) for name in sorted(raw)}
    return python_number(raw) if value.type is NUMBER and raw is not None else raw


def python_number(raw: numbers.Number) -> int | float:
    if isinstance(raw, int):
        return raw
    return 0 if raw == 0 else float(raw)


# -- marks ----------------------------------------------------------------------


def deep_marks(values: Iterable[Value]) -> Marks:
    """The marks of the values and of everything in them."""
    marks = NO_MARKS
    for value in values:
        for part in parts(value):
            if part.marks:
                marks |= part.marks
    return marks


def unmark_deep(value: Value) -> Value:
    """The value without any mark, also inside."""
    raw = value.raw
    if type(raw) is tuple:
        return Value(value.type, tuple([unmark_deep(v) for v in raw]))
    if type(raw) is dict:
        return Value(value.type, {name: unmark_deep(v) for name, v in raw.items()})
    return value.unmarked()


def refined(value: Value) -> Value:
    """The value, known not to become null if it is unknown."""
    raw = value.raw
    return Value(value.type, UNKNOWN_NOT_NULL, value.marks) if type(raw) is Unknown and not raw.not_null else value


def unknown_of_length(type_: Type, length: int | None) -> Value:
    """An unknown collection that is not null. Where its length says all, it is known, and its elements are not."""
    if length is not None and isinstance(type_, ListType | SetType | MapType):
        if isinstance(type_, ListType) or (isinstance(type_, SetType) and length <= 1):
            return Value(type_, (unknown(type_.element),) * length)
        if length == 0:
            return Value(type_, () if isinstance(type_, SetType) else {})
    return unknown(type_, not_null=True)


# -- looking inside -------------------------------------------------------------


def parts(value: Value) -> Iterator[Value]:
    """The value and everything in it, without recursion."""
    todo = [value]
    while todo:
        current = todo.pop()
        yield current
        raw = current.raw
        if type(raw) is tuple:
            todo.extend(raw)
        elif type(raw) is dict:
            todo.extend(raw.values())


def elements(value: Value) -> Iterator[tuple[Value, Value]]:
    """Keys and elements of a known collection, in HCL's order; an element of a set is its own key."""
    raw = value.raw
    if isinstance(raw, dict):
        for name in sorted(raw):
            yield Value(STRING, name), raw[name]
    elif isinstance(value.type, SetType):
        for item in raw:
            yield item, item
    else:
        for position, item in enumerate(raw):
            yield Value(NUMBER, position), item


# -- equality -------------------------------------------------------------------


def equals(a: Value, b: Value) -> Value:
    """HCL's ``==``: a bool, or unknown. Values of different types differ; nulls of any types are equal."""
    marks = deep_marks((a, b))
    result = _equal(a, b)
    answer = Value(BOOL, UNKNOWN_NOT_NULL if result is None else result)
    return answer.with_marks(marks) if marks else answer


def _equal(a: Value, b: Value) -> bool | None:
    if a.raw is None or b.raw is None:
        return _null_equal(a, b)
    if type(a.raw) is Unknown or type(b.raw) is Unknown:
        possible = _may_be_equal(a.type, b.type) and may_be_equal(a.raw, b.raw)
        return None if possible or _may_be_null(a, b) else False
    if a.type is b.type and isinstance(a.raw, str | int):
        return bool(a.raw == b.raw)
    if a.type != b.type:
        return None if _may_be_equal(a.type, b.type) else False
    if isinstance(a.type, SetType) and not (a.is_wholly_known and b.is_wholly_known):
        return None
    if isinstance(a.raw, tuple):
        return _all_equal(zip(a.raw, b.raw, strict=False)) if len(a.raw) == len(b.raw) else False
    if isinstance(a.raw, dict):
        if a.raw.keys() != b.raw.keys():
            return False
        return _all_equal((item, b.raw[name]) for name, item in a.raw.items())
    return numbers.same(a.raw, b.raw) if a.type is NUMBER else bool(a.raw == b.raw)


def _may_be_null(a: Value, b: Value) -> bool:
    """Whether both may turn out to be null, and then equal whatever their types are."""
    return all(type(v.raw) is Unknown and not v.raw.not_null for v in (a, b))


def _null_equal(a: Value, b: Value) -> bool | None:
    other = b.raw if a.raw is None else a.raw
    if type(other) is Unknown:
        return False if other.not_null else None
    return other is None


def _all_equal(pairs: Iterable[tuple[Value, Value]]) -> bool | None:
    result: bool | None = True
    for a, b in pairs:
        equal = _equal(a, b)
        if equal is False:
            return False
        if equal is None:
            result = None
    return result


def _may_be_equal(a: Type, b: Type) -> bool:
    """Whether two types are the same wherever both are decided."""
    if a is ANY or b is ANY or a == b:
        return True
    if isinstance(a, TupleType) and isinstance(b, TupleType):
        return len(a.elements) == len(b.elements) and all(map(_may_be_equal, a.elements, b.elements))
    if isinstance(a, ObjectType) and isinstance(b, ObjectType):
        same_names = a.attributes.keys() == b.attributes.keys()
        return same_names and all(_may_be_equal(t, b.attributes[name]) for name, t in a.attributes.items())
    for kind in (ListType, SetType, MapType):
        if isinstance(a, kind) and isinstance(b, kind):
            return _may_be_equal(a.element, b.element)
    return False


# -- sets -----------------------------------------------------------------------


def _set_order(value: Value) -> tuple[bool, Any]:
    """Nulls last; strings, numbers and bools by value; anything else by a text, as HCL orders sets."""
    raw = value.raw
    if raw is None:
        return True, 0
    return False, raw if value.type in (STRING, NUMBER, BOOL) else order_text(value)


def order_text(value: Value) -> str:
    """The text by which HCL orders the elements of a set that are no strings, numbers or bools."""
    raw = value.raw
    if raw is None:
        return "~"
    if type(raw) is Unknown:
        return "?"
    if isinstance(raw, str):
        return '"' + raw.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(raw, bool):
        return "T" if raw else "F"
    if isinstance(raw, tuple):
        opening, closing = "<>" if isinstance(value.type, TupleType) else "[]"
        return opening + "".join(order_text(v) + ";" for v in raw) + closing
    if isinstance(raw, dict):
        return _order_text_of_keys(value.type, raw)
    return format(float(raw), ".10g")


def _order_text_of_keys(type_: Type, raw: dict[str, Value]) -> str:
    names = sorted(raw)
    if isinstance(type_, ObjectType):
        return "<" + "".join(order_text(raw[name]) + ";" for name in names) + ">"
    return "{" + "".join(f"{order_text(Value(STRING, name))}:{order_text(raw[name])};" for name in names) + "}"
