"""A file of HCL's JSON syntax, or of Python, in native syntax: the same blocks and arguments in the same order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from hclimg.diagnostics import Diagnostics
from hclimg.lang.syntax import Attribute, Block, Body, Expr, JsonTemplate, Literal
from hclimg.lang.unevaluated import static_expr, verbatim
from hclimg.lang.unparse import is_identifier
from hclimg.lang.values import string
from hclimg.template.convert.comments import Comments, joined
from hclimg.template.convert.document import Argument, Item, Nested, Note
from hclimg.template.convert.places import Place
from hclimg.template.convert.rewrite import rewritten
from hclimg.template.convert.texts import value_text


def native_items(
    body: Body, place: Place, comments: Comments, diags: Diagnostics, *, inside: bool = False
) -> tuple[Item, ...]:
    """The document; what it cannot say is reported.

    ``inside``: what stands inside of a value is a comment too, not a key like any other.
    """
    reader = _Reader(comments, diags, inside)
    first = body.items[0].start if body.items else body.end
    above = comments.apart_from(first) if inside else comments.before(first) if place.keyword == "root" else []
    heading = joined(above)
    notes = (Note(heading),) if heading else ()
    return (*notes, *reader.body(body, place))


@attrs.frozen
class _Reader:
    comments: Comments
    diags: Diagnostics
    inside: bool

    def body(self, body: Body, place: Place) -> tuple[Item, ...]:
        return tuple(self._items(place.shaped(body), place))

    def _items(self, body: Body, place: Place) -> Iterator[Item]:
        for item in body.items:
            above = joined(self.comments.before(item.start))
            if isinstance(item, Block):
                yield self._block(item, place, above)
                continue
            inside = joined(self.comments.before(item.end))
            above = "\n".join(filter(None, (above, inside))) if self.inside else above
            if is_identifier(item.name.text):
                yield Argument(item.name.text, value_text(self._expr(item, place)), above)
            else:
                detail = f'An argument of native syntax cannot be called "{item.name.text}".'
                self.diags.error("Not to be said in HCL", detail, subject=item.name.range)
        below = joined(self.comments.before(body.end))
        if below:
            yield Note(below)

    def _block(self, block: Block, place: Place, above: str) -> Item:
        """What its body begins with is said of the block."""
        inner = place.within(block)
        body = inner.shaped(block.body)
        first = body.items[0].start if body.items else body.end
        texts = [text for text in (above, joined(self.comments.before(first))) if text]
        labels = tuple(label.text for label in block.labels)
        return Nested(block.type.text, labels, tuple(self._items(body, inner)), "\n".join(texts))

    def _expr(self, item: Attribute, place: Place) -> Expr:
        name = item.name.text
        if place.is_written(name):
            return static_expr(item, self.diags)
        if place.is_verbatim(name):
            return verbatim(item.expr)
        found: Expr = rewritten(item.expr, self._template)
        return found

    def _template(self, expr: Any) -> Expr | None:
        if not isinstance(expr, JsonTemplate):
            return None
        if expr.problems:
            self.diags.extend(expr.problems)
            return Literal(expr.source, expr.start, expr.end, string(expr.text))
        return expr.template
