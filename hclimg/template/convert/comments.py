"""The comments of a file, in the order in which they stand, for who walks through it and gives each its new place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from hclimg.diagnostics import Range, SourceText
from hclimg.lang.json_text import data_of, json_text
from hclimg.lang.json_tree import JsonArray, JsonNode, JsonObject
from hclimg.lang.shape import COMMENT
from hclimg.lang.tokens import comments, scan


@attrs.frozen
class Comment:
    """``text`` is what it says, without the signs that make it a comment."""

    place: Range
    text: str


@attrs.define
class Comments:
    """Those that have not been given out yet; the next one is the last of the list."""

    source: SourceText
    left: list[Comment]

    @classmethod
    def of(cls, source: SourceText, found: Iterable[Comment]) -> Comments:
        return cls(source, sorted(found, key=lambda comment: -comment.place.start))

    def before(self, offset: int) -> list[Comment]:
        """Those that begin before an offset."""
        found = []
        while self.left and self.left[-1].place.start < offset:
            found.append(self.left.pop())
        return found

    def on_line(self, offset: int) -> list[Comment]:
        """Those behind something that ends at an offset, on its line."""
        end = self.source.text.find("\n", offset)
        return self.before(len(self.source.text) if end < 0 else end)

    def heading(self) -> list[Comment]:
        """Those at the top of the file, if an empty line parts them from what follows."""
        text = self.source.text
        start = len(text) - len(text.lstrip())
        end = text.find("\n\n", start)
        found = self.before(end)
        rest = text[start:end]
        for comment in found:
            rest = rest.replace(text[comment.place.start : comment.place.end], "", 1)
        if rest.strip():
            self.left.extend(reversed(found))
            return []
        return found


def joined(found: Iterable[Comment]) -> str:
    return "\n".join(comment.text for comment in found)


def native_comments(source: SourceText) -> Comments:
    tokens = comments(source.text, scan(source.text))
    return Comments.of(source, (Comment(source.range(t.start, t.end), _said(t.value)) for t in tokens))


def _said(text: str) -> str:
    if text.startswith("/*"):
        lines = text.removeprefix("/*").removesuffix("*/").strip().splitlines()
        return "\n".join(line.strip().removeprefix("*").removeprefix(" ") for line in lines)
    return text.rstrip().removeprefix("#").removeprefix("//").removeprefix(" ")


def json_comments(source: SourceText, root: JsonNode | None) -> Comments:
    """What the keys ``//`` say, also those of objects where they are keys like any other."""
    return Comments.of(source, _json_comments(root))


def _json_comments(node: JsonNode | None) -> Iterator[Comment]:
    todo = [node]
    while todo:
        node = todo.pop()
        if isinstance(node, JsonArray):
            todo.extend(node.items)
        elif isinstance(node, JsonObject):
            for member in node.members:
                if member.key.text == COMMENT:
                    data = data_of(member.value)
                    yield Comment(member.key.range, data if isinstance(data, str) else json_text(data).strip())
                else:
                    todo.append(member.value)
