"""Bodies that were written as objects, read by a shape: which names are blocks, and which labels these have.

Native syntax says itself what is a block. An object of JSON doesn't: ``"source": { "qemu": { "web": { … } } }`` is a
block with two labels only for a reader that expects one. Readers state their shape and get the same items from both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from hclimg.diagnostics import Diagnostics, Range
from hclimg.lang.syntax import (
    Attribute,
    Block,
    Body,
    Expr,
    JsonTemplate,
    Literal,
    Name,
    ObjectBlock,
    ObjectCons,
    ObjectItem,
    Property,
    TupleCons,
    Variable,
)

Shape: TypeAlias = Mapping[str, tuple[str, ...]]
"""The types of the blocks that a body can have, each with the names of its labels."""

COMMENT = "//"
"""The key of a body in JSON that says nothing."""

_TYPE = "Incorrect JSON value type"


def shaped(body: Body, blocks: Shape, diags: Diagnostics) -> Body:
    """The body with the properties that are blocks in that shape as such; all other properties stay what they are."""
    if not any(isinstance(item, Property) and item.name.text in blocks for item in body.items):
        return body
    items: list[Attribute | Block] = []
    for item in body.items:
        if isinstance(item, Property) and item.name.text in blocks:
            items.extend(_Unpacking(item.name, body.flexible, diags).blocks(item.expr, blocks[item.name.text], ()))
        else:
            items.append(item)
    return body.holding(tuple(items))


def body_of(expr: Expr, diags: Diagnostics, *, flexible: bool = False) -> Body:
    """An object, or a list of objects that are read as one, as a body."""
    members = _members(expr, "A JSON object is required here, defining arguments and child blocks", diags)
    items = [Property(i.source, i.start, i.end, key, i.value) for key, i in members if key.text != COMMENT]
    return Body(expr.source, expr.start, expr.end, tuple(items), flexible)


def object_body(expr: Expr) -> Body | None:
    """An object that is written out, with plain keys, as a body of a legacy template; None for anything else."""
    problems = Diagnostics()
    body = body_of(expr, problems, flexible=True)
    return body if isinstance(expr, ObjectCons) and not problems.has_errors else None


class _Unpacking:
    """The blocks that one property stands for."""

    def __init__(self, type_: Name, flexible: bool, diags: Diagnostics) -> None:
        self.type = type_
        self.flexible = flexible
        self.diags = diags

    def blocks(self, expr: Expr, wanted: tuple[str, ...], labels: tuple[Name, ...]) -> Iterator[Block]:
        if not wanted:
            yield from self._bodies(expr, labels)
            return
        before = len(self.diags)
        what = f"A JSON object is required here, whose keys are the {wanted[0]} labels of this block"
        members = list(_members(expr, what, self.diags))
        if not members and len(self.diags) == before and not _is_null(expr):
            detail = (
                f"At least one object property is required, whose name is the {self.type.text} block's {wanted[0]}."
            )
            self.diags.error("Missing block label", detail, subject=_opening(expr))
        for key, item in members:
            yield from self.blocks(item.value, wanted[1:], (*labels, key))

    def _bodies(self, expr: Expr, labels: tuple[Name, ...]) -> Iterator[Block]:
        last = labels[-1] if labels else self.type
        if isinstance(expr, ObjectCons):
            yield self._block(expr, labels, (last.start, last.end))
        elif isinstance(expr, TupleCons):
            alone = len(expr.items) == 1
            for item in expr.items:
                opening = _opening(item)
                yield self._block(item, labels, (last.start, last.end) if alone else (opening.start, opening.end))
        elif not _is_null(expr):
            detail = f'The contents of "{self.type.text}" must be an object, or a list of objects for several blocks.'
            self.diags.error(_TYPE, detail, subject=_opening(expr))

    def _block(self, expr: Expr, labels: tuple[Name, ...], place: tuple[int, int]) -> Block:
        body = body_of(expr, self.diags, flexible=self.flexible)
        return ObjectBlock(self.type.source, self.type.start, expr.end, self.type, labels, body, place)


def _members(expr: Expr, required: str, diags: Diagnostics) -> Iterator[tuple[Name, ObjectItem]]:
    """The members of an object, or of all objects of a list; none of null."""
    if isinstance(expr, TupleCons):
        wrong = [item for item in expr.items if not isinstance(item, ObjectCons)]
        for item in expr.items:
            if isinstance(item, ObjectCons):
                yield from _members(item, required, diags)
        if wrong:
            diags.error(_TYPE, f"{required}.", subject=_opening(wrong[0]))
    elif isinstance(expr, ObjectCons):
        for member in expr.items:
            name = _key_text(member.key)
            if name is None:
                diags.error(_TYPE, "The name of an argument or block must be plain text.", subject=member.key.range)
            else:
                yield Name(member.source, member.key.start, member.key.end, name), member
    elif not _is_null(expr):
        diags.error(_TYPE, f"{required}, or a list of such.", subject=_opening(expr))


def _key_text(key: Expr) -> str | None:
    if isinstance(key, JsonTemplate):
        return key.text
    if isinstance(key, Variable):
        return key.name
    return key.value.raw if isinstance(key, Literal) and isinstance(key.value.raw, str) else None


def _is_null(expr: Expr) -> bool:
    return isinstance(expr, Literal) and expr.value.raw is None


def _opening(expr: Expr) -> Range:
    """The opening bracket of an object or list, the whole of anything else."""
    return Range(expr.source, expr.start, expr.start + 1) if isinstance(expr, ObjectCons | TupleCons) else expr.range
