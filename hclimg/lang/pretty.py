"""Values and types over several lines, as a template would write them. Secrets never show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from hclimg.lang.show import quoted, scalar_text, shown_name
from hclimg.lang.types import ListType, MapType, ObjectType, SetType, TupleType, Type
from hclimg.lang.values import Value

STEP = "  "
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Words(NamedTuple):
    """What stands in place of a value that is secret, or not known yet."""

    sensitive: str = "(sensitive value)"
    unknown: str = "(not known yet)"


WORDS: Final = Words()


def pretty(value: Value) -> str:
    """The value; a text of several lines is a heredoc, unless it holds what would move a terminal's cursor."""
    raw = value.raw
    if isinstance(raw, str) and "\n" in raw and not value.is_sensitive and not _CONTROL.search(raw):
        return _heredoc(raw)
    return "".join(_value(value, "", WORDS))


def bare(value: Value, words: Words = WORDS) -> str:
    """The value for programs: a string without its quotes."""
    raw = value.raw
    return raw if isinstance(raw, str) and not value.is_sensitive else "".join(_value(value, "", words))


def pretty_type(type_: Type) -> str:
    """The type as a ``type`` argument takes it, an object's attributes a line each."""
    return "".join(_type(type_, ""))


def _heredoc(text: str) -> str:
    """With the marker EOT, or one that is no line of the text."""
    lines = {line.strip() for line in text.split("\n")}
    marker = "EOT"
    while marker in lines:
        marker += "_"
    body = text.replace("${", "$${").replace("%{", "%%{")
    return f"<<{marker}\n{body}{'' if text.endswith(chr(10)) else chr(10)}{marker}"


def _value(value: Value, indent: str, words: Words) -> Iterator[str]:
    raw = value.raw
    if not value.is_known:
        yield words.unknown
    elif value.is_sensitive:
        yield words.sensitive
    elif isinstance(raw, tuple):
        yield from _block("[", "]", (_value(item, indent + STEP, words) for item in raw), indent, ",")
    elif isinstance(raw, dict):
        yield from _block("{", "}", (_entry(name, raw[name], indent + STEP, words) for name in sorted(raw)), indent)
    else:
        yield scalar_text(raw)


def _entry(name: str, value: Value, indent: str, words: Words) -> Iterator[str]:
    yield f"{quoted(name)} = "
    yield from _value(value, indent, words)


def _block(opener: str, closer: str, items: Iterator[Iterator[str]], indent: str, end: str = "") -> Iterator[str]:
    yield opener
    empty = True
    for item in items:
        empty = False
        yield f"\n{indent}{STEP}"
        yield from item
        yield end
    yield closer if empty else f"\n{indent}{closer}"


def _type(type_: Type, indent: str) -> Iterator[str]:
    if isinstance(type_, ObjectType):
        names = sorted(type_.attributes)
        attributes = (_attribute(name, type_.attributes[name], indent + STEP) for name in names)
        yield "object("
        yield from _block("{", "}", attributes, indent)
        yield ")"
    elif isinstance(type_, TupleType):
        yield "tuple("
        yield from _block("[", "]", (_type(element, indent + STEP) for element in type_.elements), indent, ",")
        yield ")"
    elif isinstance(type_, ListType | SetType | MapType):
        yield {ListType: "list(", SetType: "set(", MapType: "map("}[type(type_)]
        yield from _type(type_.element, indent)
        yield ")"
    else:
        yield type_.name


def _attribute(name: str, type_: Type, indent: str) -> Iterator[str]:
    yield f"{shown_name(name)} = "
    yield from _type(type_, indent)
