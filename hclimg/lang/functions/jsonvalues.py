"""Values as JSON text and back, exactly as HCL writes and reads it: sorted names, all digits of numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hclimg.lang import numbers
from hclimg.lang.functions.model import FunctionError
from hclimg.lang.limits import MOST_VALUES, check_count, joined
from hclimg.lang.types import NUMBER
from hclimg.lang.values import NULL, Value, boolean, normalized, object_of, string, tuple_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
# What would be dangerous inside HTML is escaped too.
_ESCAPED = re.compile('["\\\\\x00-\x1f<>&\u2028\u2029]')
_DEEPEST = 150
_SURROGATE = re.compile("[\ud800-\udfff]")


def encode(value: Value) -> str:
    """The JSON text of a wholly known value; raises FunctionError for infinities."""
    return joined(_pieces(value))


def encode_text(text: str) -> str:
    return '"' + _ESCAPED.sub(lambda m: _ESCAPES.get(m[0]) or f"\\u{ord(m[0]):04x}", text) + '"'


def _pieces(value: Value) -> Iterator[str]:
    raw = value.raw
    if isinstance(raw, str):
        yield encode_text(raw)
    elif raw is None or isinstance(raw, bool):
        yield {None: "null", True: "true", False: "false"}[raw]
    elif isinstance(raw, tuple):
        yield from _sequence(raw)
    elif isinstance(raw, dict):
        yield from _mapping(raw)
    else:
        yield _number(raw)


def _number(raw: numbers.Number) -> str:
    if raw in (numbers.INFINITY, -numbers.INFINITY):
        raise FunctionError("cannot serialize infinity as JSON")
    return numbers.text(raw)


def _sequence(items: tuple[Value, ...]) -> Iterator[str]:
    for position, item in enumerate(items):
        yield "," if position else "["
        yield from _pieces(item)
    yield "]" if items else "[]"


def _mapping(items: dict[str, Value]) -> Iterator[str]:
    for position, name in enumerate(sorted(items)):
        yield f"{',' if position else '{'}{encode_text(name)}:"
        yield from _pieces(items[name])
    yield "}" if items else "{}"


def decode(text: str) -> Value:
    """The value that a JSON text means; raises FunctionError."""
    import json

    _check_count(text)
    try:
        data = json.loads(text, parse_int=_parsed, parse_float=_parsed, parse_constant=_refused)
    except RecursionError:
        raise FunctionError("the document is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise FunctionError(_problem(error)) from None
    return _value(data, 0)


_TEXTS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def _check_count(text: str) -> None:
    """Refuse documents with too many values before they fill the memory; a comma or a bracket may begin one."""
    if sum(map(text.count, ",[{")) > MOST_VALUES:
        check_count(sum(map(_TEXTS.sub("", text).count, ",[{")))


class _Digits:
    """A number of a JSON text before it is a value; Python's own numbers would lose digits."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _parsed(text: str) -> _Digits:
    return _Digits(text)


def _refused(word: str) -> None:
    raise FunctionError(f"invalid character '{word.lstrip('-')[0]}' looking for beginning of value")


def _value(data: Any, depth: int) -> Value:
    if depth > _DEEPEST:
        raise FunctionError("the document is nested too deeply")
    if isinstance(data, str):
        # Half of a surrogate pair is no character.
        return string(_SURROGATE.sub("\ufffd", data))
    if data is None:
        return NULL
    if isinstance(data, bool):
        return boolean(data)
    if isinstance(data, list):
        return tuple_of([_value(item, depth + 1) for item in data])
    if isinstance(data, dict):
        return object_of({normalized(name): _value(item, depth + 1) for name, item in data.items()})
    raw = numbers.parse(data.text)
    if raw in (None, numbers.INFINITY, -numbers.INFINITY):
        raise FunctionError(f"the number {data.text[:20]} is out of range")
    return Value(NUMBER, raw)


def _problem(error: Any) -> str:
    """What is wrong, in the words that HCL users know."""
    text, at = error.doc, error.pos
    if error.msg == "Extra data":
        return "extraneous data after JSON object"
    rest = text[at:].lstrip(" \t\r\n")
    if not rest or error.msg.startswith("Unterminated string"):
        return "EOF" if not text.strip() or not rest else "unexpected EOF"
    wanted = _WANTED.get(error.msg, "looking for beginning of value")
    return f"invalid character '{rest[0]}' {wanted}"


_WANTED = {
    "Expecting ',' delimiter": "after value",
    "Expecting ':' delimiter": "after object key",
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Illegal trailing comma before end of object": "looking for beginning of object key string",
    "Illegal trailing comma before end of array": "looking for beginning of value",
    "Invalid control character at": "in string literal",
}
