"""Reading the blocks of a template strictly: what is not expected is reported, with the nearest name that is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import attrs

from hclimg.config import unexpected
from hclimg.diagnostics import Diagnostics, Range, Related, SourceText, did_you_mean, nearest
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.names import Names, inner_names
from hclimg.lang.shape import Shape, shaped
from hclimg.lang.syntax import Attribute, Block, Body, Expr, Literal, Name, Property
from hclimg.lang.types import Type
from hclimg.lang.unevaluated import verbatim
from hclimg.lang.values import unknown
from hclimg.template.model import SourceReference

NO_VARIABLES = Scope()
NO_BLOCKS: Shape = {}
NAME_RULE = "begins with a letter or an underscore, and has only letters, digits, underscores and dashes"


@attrs.frozen(eq=False, repr=False)
class Parts:
    """What a body holds of what it may hold."""

    arguments: Mapping[str, Attribute]
    blocks: tuple[Block, ...]

    def expr(self, name: str) -> Expr | None:
        return self.arguments[name].expr if name in self.arguments else None

    def exprs(self, names: Collection[str]) -> dict[str, Expr]:
        """Those of the named arguments that are there."""
        return {name: item.expr for name, item in self.arguments.items() if name in names}


def split(
    body: Body, context: str, diags: Diagnostics, *, arguments: Collection[str] = (), blocks: Shape = NO_BLOCKS
) -> Parts:
    """The expected arguments and blocks of a body; anything else is reported."""
    found: dict[str, Attribute] = {}
    nested: list[Block] = []
    misspelt: list[Attribute] = []
    for item in shaped(body, blocks, diags).items:
        if isinstance(item, Attribute):
            if item.name.text in arguments:
                first = found.setdefault(item.name.text, item)
                if first is not item:
                    redefined(first.name.range, item.name, context, diags)
            else:
                unsupported_argument(item, context, diags, arguments, blocks)
                misspelt.append(item)
        elif item.type.text in blocks:
            nested.append(within(item, body.names))
        else:
            unsupported_block(item, context, diags, arguments, blocks)
            if meant := unexpected.meant(item.type.text, arguments, blocks):
                nested.append(within(renamed(item, meant), body.names))
    for argument in misspelt:  # what was meant by it is not missing
        if name := nearest(argument.name.text, arguments):
            found.setdefault(name, unread(argument))
    return Parts(found, tuple(nested))


def renamed(block: Block, keyword: str) -> Block:
    """A block of a misspelt type as what was meant by it."""
    name = Name(block.source, block.type.start, block.type.end, keyword)
    return Block(block.source, block.start, block.end, name, block.labels, block.body)


def unread(item: Attribute) -> Attribute:
    """An argument of whose value nothing is known."""
    value = Literal(item.source, item.expr.start, item.expr.end, unknown())
    return Attribute(item.source, item.start, item.end, item.name, value)


def redefined(first: Range, again: Name, context: str, diags: Diagnostics) -> None:
    """An argument that a JSON object sets twice; the parser refuses it in native syntax."""
    detail = f'The argument "{again.text}" was already set at {first}. Each argument can be set only once.'
    related = (Related("first set here", first),)
    diags.error("Duplicate argument", detail, subject=again.range, context=context, related=related)


def within(block: Block, names: Names | None) -> Block:
    """A block that stands in a body with these names, which it sees too."""
    if names is None:
        return block
    return block.with_body(block.body.with_names(inner_names(names, block.body.names)))


def part(body: Body, own: Collection[str], context: str, diags: Diagnostics) -> tuple[dict[str, Expr], Body]:
    """The arguments with these names, and the body without them."""
    found: dict[str, Attribute] = {}
    rest: list[Attribute | Block] = []
    for item in body.items:
        if isinstance(item, Attribute) and item.name.text in own:
            first = found.setdefault(item.name.text, item)
            if first is not item:
                redefined(first.name.range, item.name, context, diags)
        else:
            rest.append(item)
    return {name: item.expr for name, item in found.items()}, body.holding(tuple(rest)) if found else body


def unsupported_argument(
    item: Attribute, context: str, diags: Diagnostics, arguments: Collection[str], blocks: Collection[str]
) -> None:
    name = item.name.text
    if isinstance(item, Property):
        detail = f'No argument or block type is named "{name}".{did_you_mean(name, (*arguments, *blocks))}'
        diags.error("Extraneous JSON object property", detail, subject=item.name.range, context=context)
        return
    detail = f'An argument named "{name}" is not expected here.{unexpected.argument(name, arguments, blocks)}'
    diags.error("Unsupported argument", detail, subject=item.name.range, context=context)


def unsupported_block(
    item: Block, context: str, diags: Diagnostics, arguments: Collection[str], blocks: Collection[str]
) -> None:
    name = item.type.text
    detail = f'Blocks of type "{name}" are not expected here.{unexpected.block(name, arguments, blocks)}'
    diags.error("Unsupported block type", detail, subject=item.header, context=context)


def labels(block: Block, names: Sequence[str], diags: Diagnostics) -> tuple[str, ...] | None:
    """The labels of a block that must have exactly these; None when they are too few."""
    given, keyword = block.labels, block.type.text
    if len(given) != len(names) and not block.body.whole:
        return None
    wanted = f"{keyword} " + " ".join(f'"{name.upper()}"' for name in names) if names else keyword
    hint = unexpected.label(keyword, [label.text for label in given], names)
    if len(given) < len(names):
        missing = " and ".join(names[len(given) :])
        detail = f"This {keyword} block has no {missing}.{hint or f' Write {wanted} {{ … }}.'}"
        diags.error("Missing block label", detail, subject=block.header, context=keyword)
        return None
    if len(given) > len(names):
        detail = f"A {keyword} block has {_count(len(names))}.{hint or f' Write {wanted} {{ … }}.'}"
        diags.error("Extraneous block label", detail, subject=given[len(names)].range, context=keyword)
    return tuple(label.text for label in given[: len(names)])


def _count(number: int) -> str:
    return {0: "no labels", 1: "one label"}.get(number, f"{number} labels")


def is_name(text: str) -> bool:
    """Whether expressions can call something so."""
    return not text.startswith("-") and text.replace("-", "_").isidentifier()


def check_name(label: Name, diags: Diagnostics, *, context: str = "") -> bool:
    """Whether a label can be referred to; reports when it cannot."""
    if is_name(label.text):
        return True
    diags.error("Invalid name", f"A name {NAME_RULE}.", subject=label.range, context=context)
    return False


def constant(expr: Expr, type_: Type, context: str, diags: Diagnostics) -> Any:
    """The raw value of an expression that may not refer to anything; None when it is null or wrong."""
    before = len(diags.items)
    value = evaluate(verbatim(expr), NO_VARIABLES, diags)
    if len(diags.items) > before or not value.is_wholly_known:
        return None
    try:
        return convert(value, type_).raw
    except ConversionError as error:
        diags.error("Incorrect value", f"Inappropriate value: {error}.", subject=expr.range, context=context)
        return None


def duplicate(what: str, again: Range, first: Range, diags: Diagnostics, *, context: str = "") -> None:
    """Two declarations of the same thing; both places are shown."""
    diags.error(
        "Duplicate declaration",
        f"{what} is declared twice. Rename or remove one of the two.",
        subject=again,
        context=context,
        related=(Related("first declared here", first),),
    )


def source_reference(text: str) -> SourceReference | None:
    """``source.TYPE.NAME``, ``sources.TYPE.NAME`` or ``TYPE.NAME``, also with ``["KEY"]``; None for anything else."""
    name, bracket, key = text.partition("[")
    parts = name.split(".")
    if len(parts) == 3 and parts[0] in ("source", "sources"):
        del parts[0]
    if len(parts) != 2 or not all(map(is_name, parts)) or parts[0] in ("source", "sources"):
        return None
    if not bracket:
        return SourceReference(parts[0], parts[1])
    known = _quoted_key(key)
    return None if known is None else SourceReference(parts[0], parts[1], known)


def _quoted_key(text: str) -> str | None:
    """The key in ``"KEY"]``."""
    from hclimg.lang.parse import parse_expression

    if not text.endswith("]"):
        return None
    problems = Diagnostics()
    found = parse_expression(SourceText("", text[:-1]), problems)
    if problems.has_errors or not isinstance(found, Literal) or not isinstance(found.value.raw, str):
        return None
    return found.value.raw


def bad_reference(text: str, known: Collection[str], subject: Range, diags: Diagnostics) -> None:
    """A text in place of a reference; ``known`` are the sources, as ``TYPE.NAME``."""
    wrong = next((part for part in text.split(".") if part and not is_name(part)), None)
    why = f' "{wrong}" is no name: a name {NAME_RULE}.' if wrong else ""
    detail = f'"{text}" does not refer to a source.{why}{unexpected.source(text, known)}'
    if "[" in text:
        form = 'source.TYPE.NAME["KEY"], without quotes around it'
        detail = f'"{text}" does not refer to an instance of a source. Write {form}.'
    diags.error("Invalid source reference", detail, subject=subject, context="build")
