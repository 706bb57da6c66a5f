"""Values as short text for people: in diagnostics and in the console. Secrets never show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hclimg.lang import numbers
from hclimg.lang.types import (
    ANY,
    ListType,
    MapType,
    ObjectType,
    SetType,
    TupleType,
    friendly_name,
)
from hclimg.lang.values import Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

SENSITIVE_TEXT = "<sensitive>"
UNKNOWN_TEXT = "(not known yet)"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def shown(value: Value, limit: int = 80) -> str:
    """The value as a template would write it, on one line of at most ``limit`` characters."""
    text = ""
    for piece in _pieces(value):
        text += piece
        if len(text) > limit:
            return text[: limit - 1] + "…"
    return text


def described(value: Value, limit: int = 80) -> str:
    """The value for a diagnostic, with its type where that is not to be seen."""
    if value.is_sensitive:
        return "(sensitive value)"
    if type(value.raw) is Unknown:
        return UNKNOWN_TEXT if value.type is ANY else f"({friendly_name(value.type)}, not known yet)"
    text = shown(value, limit)
    collection = isinstance(value.type, ListType | SetType | MapType)
    return f"{text} ({friendly_name(value.type)})" if collection else text


def quoted(text: str) -> str:
    """A string as a template would write it."""
    escaped = "".join(_ESCAPES.get(c, c) if c in _ESCAPES or c >= " " else f"\\u{ord(c):04x}" for c in text)
    return '"' + escaped.replace("${", "$${").replace("%{", "%%{") + '"'


def shown_name(name: str) -> str:
    """The name of an attribute, in quotes where it needs them."""
    return name if _NAME.fullmatch(name) else quoted(name)


def _pieces(value: Value) -> Iterator[str]:
    raw = value.raw
    if value.is_sensitive:
        yield SENSITIVE_TEXT
    elif type(raw) is Unknown:
        yield UNKNOWN_TEXT
    elif isinstance(value.type, ListType | SetType | TupleType) and raw is not None:
        yield from _sequence(raw)
    elif isinstance(value.type, MapType | ObjectType) and raw is not None:
        yield from _mapping(raw)
    else:
        # No string is quoted further than any limit would show it.
        yield scalar_text(raw[:4096] if isinstance(raw, str) else raw)


def scalar_text(raw: Any) -> str:
    """A string, number, bool or null."""
    if raw is None:
        return "null"
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return quoted(raw) if isinstance(raw, str) else numbers.text(raw)


def _sequence(items: tuple[Value, ...]) -> Iterator[str]:
    yield "["
    for position, item in enumerate(items):
        if position:
            yield ", "
        yield from _pieces(item)
    yield "]"


def _mapping(items: dict[str, Value]) -> Iterator[str]:
    yield "{"
    for position, name in enumerate(sorted(items)):
        yield ", " if position else " "
        yield f"{shown_name(name)} = "
        yield from _pieces(items[name])
    yield " }" if items else "}"


def written(value: Value, *, later: str = UNKNOWN_TEXT) -> str:
    """The whole value as a template would write it, with each element on a line of its own; ``later`` is unknown."""
    return "".join(_written(value, later, "\n"))


def _written(value: Value, later: str, line: str) -> Iterator[str]:
    raw, inner = value.raw, line + "  "
    if value.is_sensitive:
        yield SENSITIVE_TEXT
    elif type(raw) is Unknown:
        yield later
    elif isinstance(raw, tuple) and raw:
        yield "["
        for item in raw:
            yield from (inner, *_written(item, later, inner), ",")
        yield f"{line}]"
    elif isinstance(raw, dict) and raw:
        yield "{"
        width = max(len(shown_name(name)) for name in raw)
        for name in sorted(raw):
            yield from (f"{inner}{shown_name(name):<{width}} = ", *_written(raw[name], later, inner))
        yield f"{line}}}"
    else:
        yield "[]" if raw == () else "{}" if raw == {} else scalar_text(raw)
