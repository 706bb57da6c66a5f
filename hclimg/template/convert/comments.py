"""The comments of a file, in the order in which they stand, for who walks through it and gives each its new place."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import attrs

from hclimg.diagnostics import Range, SourceText
from hclimg.lang.json_text import data_of, json_text
from hclimg.lang.json_tree import JsonArray, JsonNode, JsonObject
from hclimg.lang.shape import COMMENT
from hclimg.lang.syntax import Block, Body
from hclimg.lang.tokens import comments, scan

_NO_COMMENT: Final = re.compile(r"#!|#.*coding[:=]")


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

    def apart_from(self, offset: int) -> list[Comment]:
        """Those before an offset, up to the last of which an empty line parts what follows."""
        found = self.before(offset)
        ends = [*(comment.place.start for comment in found[1:]), offset]
        gaps = [
            number
            for number, (comment, end) in enumerate(zip(found, ends, strict=False), start=1)
            if "\n\n" in self.source.text[comment.place.end : end]
        ]
        last = gaps[-1] if gaps else 0
        self.left.extend(reversed(found[last:]))
        return found[:last]

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


@attrs.frozen
class Attached:
    """What is said of a file: at its top, at its end, and of each item of its bodies, by ``id``.

    A comment behind an argument, or inside of its value, is said of the argument.
    """

    heading: str
    ending: str
    of: Mapping[int, str]

    @classmethod
    def to(cls, body: Body, comments: Comments) -> Attached:
        found: dict[int, str] = {}
        heading = joined(comments.heading())
        _attach(body, comments, found)
        return cls(heading, joined(comments.before(len(comments.source.text) + 1)), found)


def _attach(body: Body, comments: Comments, found: dict[int, str]) -> None:
    for item in body.items:
        said = comments.before(item.start)
        if isinstance(item, Block):
            _attach(item.body, comments, found)
            said += comments.before(item.end)
        else:
            said += [*comments.before(item.end), *comments.on_line(item.end)]
        found[id(item)] = joined(said)


def python_comments(source: SourceText) -> Comments:
    """Those of a Python file, but for what its first lines say to a shell or an editor."""
    lines = source.line_starts
    found = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
            row, column = token.start
            if token.type == tokenize.COMMENT and not (row <= 2 and _NO_COMMENT.match(token.string)):
                start = lines[row - 1] + column
                text = token.string.removeprefix("#").removeprefix(" ").rstrip()
                found.append(Comment(source.range(start, start + len(token.string)), text))
    except (tokenize.TokenError, SyntaxError):
        pass  # the file does not compile, and whoever runs it says so
    return Comments.of(source, found)


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
