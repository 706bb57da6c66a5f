"""``dynamic`` blocks: the blocks that they stand for, one for each element of a collection.

As in HCL's own extension, expansion is a step of its own between syntax and meaning: a reader says which blocks a
body can have, and gets a body in which the ``dynamic`` ones have been replaced. What is nested in them is expanded
when it is read in turn, with the names of all iterators around it.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from hclimg.diagnostics import Diagnostics, did_you_mean, nearest
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.dispatch import report
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.limits import next_block
from hclimg.lang.names import Names, Round, around
from hclimg.lang.shape import Shape, shaped
from hclimg.lang.syntax import Attribute, Block, Body, Expr, Literal, Name, Property, TupleCons, Variable
from hclimg.lang.types import ANY, STRING, PrimitiveType, friendly_name
from hclimg.lang.values import Unknown, Value, deep_marks, elements, unknown

KEYWORD = "dynamic"
_SHAPE: Shape = {KEYWORD: ("type",)}
_CONTENT: Shape = {"content": ()}
_SUMMARY = "Invalid dynamic for_each value"
_ARGUMENTS = ("for_each", "iterator", "labels")


def is_dynamic(item: Attribute | Block) -> bool:
    """Whether this is a ``dynamic`` block, or what may stand for some in JSON."""
    if isinstance(item, Block):
        return item.type.text == KEYWORD
    return isinstance(item, Property) and item.name.text == KEYWORD


def expanded(body: Body, blocks: Shape, scope: Scope, diags: Diagnostics) -> Body:
    """The shaped body with the blocks that its ``dynamic`` blocks stand for; ``scope`` is the one inside it."""
    body = shaped(body, blocks, diags)
    if not any(map(is_dynamic, body.items)):
        return body
    if not body.flexible:
        body = shaped(body, _SHAPE, diags)
    items: list[Attribute | Block] = []
    for item in body.items:
        if isinstance(item, Block) and is_dynamic(item):
            items.extend(_generated(item, blocks, body.names, scope, diags))
        else:
            items.append(item)
    return body.holding(tuple(items))


def generated_types(body: Body) -> Shape:
    """The types of the blocks that the ``dynamic`` blocks of a body stand for."""
    if body.flexible or not any(map(is_dynamic, body.items)):
        return {}
    blocks = (item for item in shaped(body, _SHAPE, Diagnostics()).items if isinstance(item, Block))
    return {item.labels[0].text: () for item in blocks if is_dynamic(item) and item.labels}


@attrs.frozen(eq=False, repr=False)
class _Spec:
    """A ``dynamic`` block that says all that it has to. ``names`` are those of the body around it."""

    block: Block
    for_each: Expr
    iterator: str
    labels: tuple[Expr, ...]
    content: Body
    names: Names | None

    @property
    def type(self) -> str:
        return self.block.labels[0].text


def _generated(block: Block, blocks: Shape, names: Names | None, scope: Scope, diags: Diagnostics) -> Iterator[Block]:
    if not _names_a_block(block, blocks, diags):
        return
    spec = _spec(block, blocks[block.labels[0].text], names, diags)
    if spec is None:
        return
    before = len(diags.errors)
    collection = evaluate(spec.for_each, scope, diags)
    if len(diags.errors) == before and _is_iterable(collection, spec, scope, diags):
        yield from _rounds(spec, collection, scope, diags)


def _names_a_block(block: Block, blocks: Shape, diags: Diagnostics) -> bool:
    if len(block.labels) != 1:
        detail = 'A dynamic block has one label, the type of the blocks that it generates: dynamic "TYPE" { … }.'
        summary = "Extraneous block label" if block.labels else "Missing block label"
        diags.error(summary, detail, subject=block.labels[1].range if block.labels else block.header)
        return False
    wanted = block.labels[0]
    if wanted.text not in blocks:
        hint = did_you_mean(wanted.text, blocks)
        detail = f'Blocks of type "{wanted.text}" are not expected here.{hint}'
        diags.error("Unsupported block type", detail, subject=wanted.range)
        return False
    return True


# -- what a dynamic block says ------------------------------------------------------


def _spec(block: Block, label_names: tuple[str, ...], names: Names | None, diags: Diagnostics) -> _Spec | None:
    """What the block says; None after a report when something is missing or wrong."""
    before = len(diags.errors)
    block = block.with_body(shaped(block.body, _CONTENT, diags))
    known = _ARGUMENTS if label_names else _ARGUMENTS[:2]
    _check_items(block, known, diags)
    given = block.body.attributes
    misspelt = any(nearest(name, known) == "for_each" for name in given if name not in known)
    if "for_each" not in given and not misspelt:
        detail = 'The argument "for_each" is required, but no definition was found.'
        diags.error("Missing required argument", detail, subject=block.header)
    iterator = _iterator(block, given.get("iterator"), diags)
    labels = _label_exprs(block, given.get("labels"), label_names, diags)
    content = _content(block, diags)
    if len(diags.errors) > before or content is None or "for_each" not in given:
        return None
    return _Spec(block, given["for_each"].expr, iterator, labels, content, names)


def _check_items(block: Block, known: tuple[str, ...], diags: Diagnostics) -> None:
    for item in block.body.items:
        if isinstance(item, Attribute) and item.name.text not in known:
            name = item.name.text
            hint = did_you_mean(name, known)
            if name == "labels":
                hint = f' Blocks of type "{block.labels[0].text}" have no labels.'
            elif not hint:
                hint = " Arguments of the generated blocks are written in its content block."
            detail = f'An argument named "{name}" is not expected here.{hint}'
            diags.error("Unsupported argument", detail, subject=item.name.range)
        elif isinstance(item, Block) and item.type.text != "content":
            hint = did_you_mean(item.type.text, ("content",)) or " Blocks are written in its content block."
            detail = f'Blocks of type "{item.type.text}" are not expected here.{hint}'
            diags.error("Unsupported block type", detail, subject=item.header)


def _iterator(block: Block, given: Attribute | None, diags: Diagnostics) -> str:
    if given is None:
        return block.labels[0].text
    name = _single_name(given)
    if name:
        return name
    detail = "Dynamic iterator must be a single variable name."
    diags.error("Invalid dynamic iterator name", detail, subject=given.expr.range)
    return ""


def _single_name(given: Attribute) -> str:
    """The name that an argument consists of; JSON writes it as a string."""
    if isinstance(given.expr, Variable):
        return given.expr.name
    text = given.expr.value.raw if isinstance(given, Property) and isinstance(given.expr, Literal) else None
    return text if isinstance(text, str) and text.replace("-", "_").isidentifier() else ""


def _label_exprs(
    block: Block, given: Attribute | None, wanted: tuple[str, ...], diags: Diagnostics
) -> tuple[Expr, ...]:
    if not wanted:
        return ()
    type_ = block.labels[0].text
    if given is None:
        listed = ", ".join(name.upper() for name in wanted)
        detail = f'The argument "labels" is required, but no definition was found. Write labels = [{listed}].'
        diags.error("Missing required argument", detail, subject=block.header)
        return ()
    if not isinstance(given.expr, TupleCons):
        detail = "A static list expression is required: labels = [ … ]."
        diags.error("Invalid expression", detail, subject=given.expr.range)
        return ()
    items = given.expr.items
    if len(items) != len(wanted):
        too_many = len(items) > len(wanted)
        summary = "Extraneous dynamic block label" if too_many else "Insufficient dynamic block labels"
        at = items[len(wanted)].range if too_many else given.expr.range
        detail = f'Blocks of type "{type_}" require {len(wanted)} label(s).'
        diags.error(summary, detail, subject=at)
    return items


def _content(block: Block, diags: Diagnostics) -> Body | None:
    found = [item for item in block.body.blocks if item.type.text == "content"]
    if not found:
        detail = (
            'A dynamic block must have a nested block of type "content" to describe the body of each generated block.'
        )
        diags.error("Missing dynamic content block", detail, subject=block.header)
        return None
    for again in found[1:]:
        detail = "Only one nested content block is allowed for each dynamic block."
        diags.error("Extraneous dynamic content block", detail, subject=again.header)
    if found[0].labels:
        detail = "A content block has no labels."
        diags.error("Extraneous block label", detail, subject=found[0].labels[0].range)
    return found[0].body


# -- rounds ---------------------------------------------------------------------------


def _is_iterable(collection: Value, spec: _Spec, scope: Scope, diags: Diagnostics) -> bool:
    at = spec.for_each
    if collection.is_null:
        report(diags, _SUMMARY, "Cannot use a null value in for_each.", at.range, at, scope)
        return False
    if isinstance(collection.type, PrimitiveType) and collection.type is not ANY:
        kind = friendly_name(collection.type)
        detail = f"Cannot use a {kind} value in for_each. An iterable collection is required."
        report(diags, _SUMMARY, detail, at.range, at, scope)
        return False
    return True


def _rounds(spec: _Spec, collection: Value, scope: Scope, diags: Diagnostics) -> Iterator[Block]:
    marks = collection.marks
    if type(collection.raw) is Unknown:
        every = Round(unknown(), unknown(), spec.for_each, spec.names)
        yield from _block(spec, Names({spec.iterator: every}, marks, spec.for_each), scope, diags)
        return
    for key, value in elements(collection.unmarked()):
        if not next_block(diags, spec.for_each.range):
            return
        found = Round(key.with_marks(marks), value.with_marks(marks), spec.for_each, spec.names)
        before = len(diags.errors)
        yield from _block(spec, Names({spec.iterator: found}, marks), scope, diags)
        if len(diags.errors) > before:
            return  # the other elements would most likely say the same


def _block(spec: _Spec, own: Names, scope: Scope, diags: Diagnostics) -> Iterator[Block]:
    inner = around(scope, own)
    labels = [_label(expr, inner, diags) for expr in spec.labels]
    place = spec.block.header
    words = [Name(place.source, place.start, place.end, text) for text in labels if text is not None]
    if len(words) == len(labels):
        type_ = Name(place.source, place.start, place.end, spec.type)
        body = spec.content.with_names(own.inside(spec.names))
        yield Block(place.source, spec.block.start, spec.block.end, type_, tuple(words), body)


def _label(expr: Expr, scope: Scope, diags: Diagnostics) -> str | None:
    before = len(diags.errors)
    value = evaluate(expr, scope, diags)
    if len(diags.errors) > before:
        return None
    problem = ""
    try:
        value = convert(value, STRING)
    except ConversionError as error:
        problem = f"Cannot use this value as a dynamic block label: {error}."
    problem = problem or _label_problem(value)
    if problem:
        report(diags, "Invalid dynamic block label", problem, expr.range, expr, scope)
        return None
    return str(value.raw)


def _label_problem(value: Value) -> str:
    if value.is_null:
        return "Cannot use a null value as a dynamic block label."
    if not value.is_known:
        return "This value is not yet known. Dynamic block labels must be immediately-known values."
    if deep_marks((value,)):
        return "This value is sensitive, and labels are shown: it cannot be a dynamic block label."
    return ""
