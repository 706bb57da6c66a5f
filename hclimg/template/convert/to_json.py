"""An HCL file in JSON syntax: the same blocks and arguments in the same order.

JSON groups blocks by their type. Where that would change an order that matters, the body is written as a list of
objects, which HCL reads as one. Comments become ``//`` keys.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import attrs

from hclimg.diagnostics import Diagnostics
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.json_text import Members, json_text
from hclimg.lang.shape import COMMENT
from hclimg.lang.syntax import Attribute, Block, Body, Expr, Literal, ObjectCons, Paren, TupleCons, Variable
from hclimg.lang.unparse import expression_text
from hclimg.lang.unparse_json import json_value, template_source
from hclimg.template.convert.comments import Comments, joined
from hclimg.template.convert.places import Place, looks_like_blocks

_DECLARATIONS: Final = frozenset(("variable", "local", "data", "source", "output", "module", "group"))
"""Blocks that are one object together, by their labels; all others are a list when there are several."""
_SAME_ORDER: Final = dict.fromkeys(("provisioner", "post-processor", "post-processors", "use"), "steps")
"""Types of blocks whose order counts among each other."""

Entry = tuple[tuple[str, ...], Any]
"""The labels and the body of a block."""


def json_file(body: Body, place: Place, comments: Comments, diags: Diagnostics) -> str:
    """The text of the file; what it cannot say is reported."""
    writer = _Writer(comments, diags)
    heading = joined(comments.heading())
    data = writer.body(body, place, heading)
    return json_text(data)


@attrs.frozen
class _Writer:
    comments: Comments
    diags: Diagnostics

    def body(self, body: Body, place: Place, comment: str = "") -> Any:
        """An object, or a list of objects."""
        found = _Grouping(lists=place.is_open)
        found.comment(comment)
        for item in body.items:
            above = self.comments.before(item.start)
            if isinstance(item, Block):
                found.block(item, self.body(item.body, place.within(item), joined(above)))
                continue
            inside = self.comments.before(item.end)
            found.comment(joined((*above, *inside, *self.comments.on_line(item.end))))
            found.argument(item.name.text, self._value(item, place))
        found.comment(joined(self.comments.before(body.end)))
        return found.data()

    def _value(self, item: Attribute, place: Place) -> Any:
        name = item.name.text
        if place.is_written(name):
            literal = item.expr.value.raw if isinstance(item.expr, Literal) else None
            return literal if isinstance(literal, str) else expression_text(item.expr)
        if place.is_open and looks_like_blocks(name, item.expr):
            return template_source(item.expr)  # so that it is not taken for blocks when it is read again
        return self._verbatim(item.expr) if place.is_verbatim(name) else json_value(item.expr)

    def _verbatim(self, expr: Expr) -> Any:
        """Where JSON takes texts as they are: the value, which nothing else has a say in."""
        if isinstance(expr, Paren):
            return self._verbatim(expr.inner)
        if isinstance(expr, TupleCons):
            return [self._verbatim(item) for item in expr.items]
        if isinstance(expr, ObjectCons) and all(isinstance(i.key, Literal | Variable) for i in expr.items):
            keys = (i.key.name if isinstance(i.key, Variable) else self._verbatim(i.key) for i in expr.items)
            return Members(tuple(zip(map(str, keys), (self._verbatim(i.value) for i in expr.items), strict=True)))
        problems = Diagnostics()
        raw = evaluate(expr, Scope(), problems).raw
        if not problems.has_errors and isinstance(raw, str | bool | None):
            return raw
        written = json_value(expr)
        if isinstance(written, str):
            detail = "In JSON this value is plain text, in which nothing can be computed."
            self.diags.error("Not to be said in JSON", detail, subject=expr.range)
        return written


@attrs.define
class _Grouping:
    """The members of a body; of each type of block all that follow each other as far as it matters.

    ``parts`` has for each object of the list its members, in which blocks are still lists of entries.
    ``lists``: single blocks are lists too, so that they are known as blocks where nothing else says it.
    ``last`` is for each group of types whose order counts the key that came last.
    """

    lists: bool
    parts: list[list[tuple[str, Any]]] = attrs.field(factory=lambda: [[]])
    blocks: dict[str, list[Entry]] = attrs.field(factory=dict)
    last: dict[str, str] = attrs.field(factory=dict)

    def comment(self, text: str) -> None:
        if text:
            self.argument(COMMENT, text)

    def argument(self, name: str, value: Any) -> None:
        self.parts[-1].append((name, value))

    def block(self, block: Block, body: Any) -> None:
        keyword = block.type.text
        labels = tuple(label.text for label in block.labels)
        made = labels[0] if keyword == "dynamic" and labels else keyword
        order = _SAME_ORDER.get(made, made)
        if keyword in self.blocks and self.last.get(order, keyword) != keyword:
            self.parts.append([])
            self.blocks, self.last = {}, {}
        self.last[order] = keyword
        if keyword not in self.blocks:
            self.blocks[keyword] = []
            self.parts[-1].append((keyword, _Blocks(keyword, self.blocks[keyword], self.lists)))
        self.blocks[keyword].append((labels, body))

    def data(self) -> Any:
        objects = [Members(tuple((k, v.data() if isinstance(v, _Blocks) else v) for k, v in p)) for p in self.parts]
        return objects[0] if len(objects) == 1 else objects


@attrs.frozen
class _Blocks:
    """All blocks that one property stands for."""

    keyword: str
    entries: list[Entry]
    lists: bool

    def data(self) -> Any:
        if self.keyword in _DECLARATIONS and _can_merge([labels for labels, _ in self.entries]):
            return _merged(self.entries)
        found = [_nested(*entry) for entry in self.entries]
        single = len(found) == 1 and not isinstance(found[0], list) and not self.lists
        return found[0] if single else found


def _can_merge(labels: list[tuple[str, ...]]) -> bool:
    """Whether one object can have them all, each with its labels as keys, in their order."""
    if not all(labels) or len(set(labels)) < len(labels):
        return False
    firsts = [own[0] for own in labels]
    runs = 1 + sum(one != other for one, other in pairwise(firsts))
    return runs == len(set(firsts)) and len(set(map(len, labels))) == 1


def _merged(entries: list[Entry]) -> Any:
    if not entries[0][0]:
        return _single(entries[0][1])
    by_first: dict[str, list[Entry]] = {}
    for labels, body in entries:
        by_first.setdefault(labels[0], []).append((labels[1:], body))
    return Members(tuple((label, _merged(inner)) for label, inner in by_first.items()))


def _nested(labels: tuple[str, ...], body: Any) -> Any:
    if not labels:
        return body
    found = _single(body)
    for label in reversed(labels):
        found = Members(((label, found),))
    return found


def _single(body: Any) -> Any:
    """The body of the only block with its labels: a list would be several blocks."""
    return [body] if isinstance(body, list) else body
