"""JSON as plain data (dicts, lists, strings, numbers, bools, None), and such data as text again.

Numbers keep the digits that they were written with.
"""

from __future__ import annotations

import re
from json.encoder import encode_basestring as quoted
from typing import Any, Final, Self

from attrs import frozen

from hclimg.lang.json_tree import JsonArray, JsonConstant, JsonNode, JsonNumber, JsonObject, JsonString

_FIRST_INDENT = re.compile(r"^([ \t]+)\S", re.MULTILINE)
_WHOLE = re.compile(r"-?\d+")
_MANY_DIGITS: Final = 300
"""Longer ones are kept as text: Python refuses to read numbers of thousands of digits."""


class WrittenNumber(float):
    """A number that is written as it was, whatever it is rounded to here."""

    text: str

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, float(text))
        number.text = text
        return number


@frozen
class Members:
    """An object whose keys may be there again, as those of comments may."""

    items: tuple[tuple[str, Any], ...]


def data_of(node: JsonNode) -> Any:
    """What a tree says, in the order of its keys. Of two equal keys the last one counts."""
    if isinstance(node, JsonObject):
        return {member.key.text: data_of(member.value) for member in node.members}
    if isinstance(node, JsonArray):
        return [data_of(item) for item in node.items]
    if isinstance(node, JsonNumber):
        whole = _WHOLE.fullmatch(node.text) and len(node.text) < _MANY_DIGITS
        return int(node.text) if whole else WrittenNumber(node.text)
    assert isinstance(node, JsonString | JsonConstant)
    return node.text if isinstance(node, JsonString) else node.value


def json_text(data: Any, indent: str = "  ") -> str:
    """The text of some data, a member or item a line, with a line end."""
    return "".join(_pieces(data, "\n", indent)) + "\n"


def indent_of(text: str) -> str:
    """How a text indents its first level; two spaces when it does not."""
    found = _FIRST_INDENT.search(text)
    return found[1] if found else "  "


def _pieces(data: Any, line: str, indent: str) -> list[str]:
    if isinstance(data, Members):
        return _members(data, line, indent) if data.items else ["{}"]
    if isinstance(data, dict | list) and data:
        return _members(data, line, indent)
    if isinstance(data, WrittenNumber):
        return [data.text]
    if isinstance(data, str):
        return [quoted(data)]
    constants = {None: "null", True: "true", False: "false"}
    if data is None or isinstance(data, bool):
        return [constants[data]]
    return [repr(data)]  # a number, {} or []


def _members(data: Members | dict[str, Any] | list[Any], line: str, indent: str) -> list[str]:
    opening, closing = "[]" if isinstance(data, list) else "{}"
    rows = [("", value) for value in data] if isinstance(data, list) else _rows(data)
    found = [opening]
    for number, (key, value) in enumerate(rows):
        found += ["," if number else "", line + indent, key, *_pieces(value, line + indent, indent)]
    return [*found, line, closing]


def _rows(data: Members | dict[str, Any]) -> list[tuple[str, Any]]:
    items = data.items if isinstance(data, Members) else data.items()
    return [(f"{quoted(key)}: ", value) for key, value in items]
