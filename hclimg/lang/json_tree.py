"""What a JSON text holds: values in which every key and every character of a string knows its place."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from hclimg.diagnostics import Range, SourceText

ESCAPE = re.compile(r'\\(?:(["\\/bfnrt])|u([0-9a-fA-F]{4}))')
PAIR = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


@attrs.frozen(eq=False)
class JsonNode:
    source: SourceText = attrs.field(repr=False)
    start: int
    end: int

    @property
    def range(self) -> Range:
        return Range(self.source, self.start, self.end)

    @property
    def opening(self) -> Range:
        """The whole of a plain value, the opening bracket of a list or object."""
        return self.range


@attrs.frozen(eq=False)
class JsonString(JsonNode):
    text: str

    def places(self) -> Sequence[int]:
        """For each character of ``text``, and for its end, the offset in the source where it is written."""
        raw = self.source.text
        opening = int(raw[self.start : self.start + 1] == '"')
        if self.end - self.start <= len(self.text) + 2:  # without escapes; the quotes may be missing
            first = self.start + opening
            return range(first, first + len(self.text) + 1)
        found, at = [], self.start + 1
        while at < self.end - 1:
            found.append(at)
            at = escape_end(raw, at) if raw[at] == "\\" else at + 1
        return [*found, self.end - 1]


@attrs.frozen(eq=False)
class JsonNumber(JsonNode):
    """``text`` is the number as it was written: no digit is lost."""

    text: str


@attrs.frozen(eq=False)
class JsonConstant(JsonNode):
    value: bool | None


@attrs.frozen(eq=False)
class JsonArray(JsonNode):
    items: tuple[JsonNode, ...]

    @property
    def opening(self) -> Range:
        return Range(self.source, self.start, self.start + 1)


@attrs.frozen(eq=False)
class JsonMember:
    key: JsonString
    value: JsonNode


@attrs.frozen(eq=False)
class JsonObject(JsonNode):
    members: tuple[JsonMember, ...]

    @property
    def opening(self) -> Range:
        return Range(self.source, self.start, self.start + 1)

    def get(self, name: str) -> JsonNode | None:
        return next((m.value for m in self.members if m.key.text == name), None)


def kind_of(node: JsonNode) -> str:
    """What the value is, for a sentence: ``a list``."""
    if isinstance(node, JsonConstant):
        return "null" if node.value is None else "a bool"
    kinds = {JsonString: "a string", JsonNumber: "a number", JsonArray: "a list", JsonObject: "an object"}
    return kinds[type(node)]


def escape_end(raw: str, slash: int) -> int:
    """Where the escape that begins at a backslash ends; a pair of surrogates is one escape."""
    if raw[slash + 1 : slash + 2] != "u":
        return slash + 2
    pair = PAIR.match(raw, slash)
    if pair:
        return pair.end()
    found = ESCAPE.match(raw, slash)
    return found.end() if found else slash + 2
