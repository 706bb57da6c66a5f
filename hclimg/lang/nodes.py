"""Makes the syntax tree: one function for each rule of ``grammar/hcl2.lark``, named there.

A function gets the rule's children, tokens and nodes, and gives back a node (or a list that the next function takes).
What the grammar cannot say is checked here: arguments set twice, labels that are no literals, nested splats.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from hclimg.diagnostics import Diagnostics, Related, SourceText
from hclimg.lang.numbers import MOST_DIGITS
from hclimg.lang.syntax import (
    Attribute,
    Binary,
    Block,
    Body,
    Call,
    Conditional,
    Expr,
    ForObject,
    ForTuple,
    GetAttr,
    Index,
    Literal,
    Name,
    ObjectCons,
    ObjectItem,
    Paren,
    Splat,
    SplatItem,
    Template,
    TemplateFor,
    TemplateIf,
    TemplateWrap,
    TupleCons,
    Unary,
    Variable,
)
from hclimg.lang.tokens import Token
from hclimg.lang.values import FALSE, NULL, TRUE, parse_number, string, unknown

T = TypeVar("T")
CONSTANTS: Final = {"true": TRUE, "false": FALSE, "null": NULL}
# An iteration's names and collection: key, value, what is iterated.
Intro = tuple[str | None, str, Expr]
Part = Token | TemplateWrap | TemplateIf | TemplateFor


class Lost:
    """Stands in a body for an item that could not be read."""


Item = Attribute | Block | Lost


class Step:
    """One step of a traversal: ``.name``, ``.0``, ``[key]``, ``.*`` or ``[*]``."""

    __slots__ = ("end", "kind", "start", "what")

    def __init__(self, kind: str, what: Token | Expr, start: int, end: int) -> None:
        self.kind = kind
        self.what = what
        self.start = start
        self.end = end


class Nodes:
    """The functions for one source text. Problems go to ``diagnostics``."""

    def __init__(self, source: SourceText, diagnostics: Diagnostics) -> None:
        self.source = source
        self.diagnostics = diagnostics
        self.suspect: set[int] = set()  # where arguments begin whose values are not what the user meant

    # -- lists ------------------------------------------------------------------

    def nothing(self) -> list[T]:
        return []

    def nothing_of(self, *_: Token) -> None:
        return None

    def list_of(self, item: T) -> list[T]:
        return [item]

    def add(self, items: list[T], item: T) -> list[T]:
        items.append(item)
        return items

    def add_after(self, items: list[T], _: object, item: T) -> list[T]:
        items.append(item)
        return items

    # -- bodies -----------------------------------------------------------------

    def file(self, items: list[Item]) -> Body:
        return self._body(items, 0, len(self.source.text), "")

    def attribute(self, name: Token, _: Token, expr: Expr, __: Token) -> Attribute:
        if name.start in self.suspect:
            expr = Literal(self.source, expr.start, expr.end, unknown())
        return Attribute(self.source, name.start, expr.end, self.name(name), expr)

    def block(
        self, header: list[Name], brace: Token, _: Token, items: list[Item], close: Token, __: Token
    ) -> Block:
        body = self._body(items, brace.start, close.end, header_text(header))
        return self._block(header, body)

    def empty_block(self, header: list[Name], brace: Token, close: Token, _: Token) -> Block:
        return self._block(header, Body(self.source, brace.start, close.end, ()))

    def block_of_one_line(
        self, header: list[Name], brace: Token, name: Token, _: Token, expr: Expr, close: Token, __: Token
    ) -> Block:
        if header[0].start in self.suspect:  # a block of one line is an item as a whole
            expr = Literal(self.source, expr.start, expr.end, unknown())
        attribute = Attribute(self.source, name.start, expr.end, self.name(name), expr)
        return self._block(header, Body(self.source, brace.start, close.end, (attribute,)))

    def header(self, name: Token) -> list[Name]:
        return [self.name(name)]

    def bare_label(self, name: Token) -> Name:
        return self.name(name)

    def quoted_label(self, label: Expr) -> Name:
        if isinstance(label, Literal):
            return Name(self.source, label.start, label.end, str(label.value.raw))
        self.diagnostics.error(
            "Invalid string literal",
            'A block label is plain text; it cannot contain ${ } or %{ }. For a literal "$" before a brace write "$$".',
            subject=label.range,
        )
        return Name(self.source, label.start, label.end, self.source.text[label.start + 1 : label.end - 1])

    def name(self, token: Token) -> Name:
        return Name(self.source, token.start, token.end, token.value)

    def _block(self, header: list[Name], body: Body) -> Block:
        return Block(self.source, header[0].start, body.end, header[0], tuple(header[1:]), body)

    def _body(self, items: list[Item], start: int, end: int, context: str) -> Body:
        first: dict[str, Name] = {}
        kept: list[Attribute | Block] = []
        for item in items:
            if isinstance(item, Lost):
                continue
            if isinstance(item, Attribute) and first.setdefault(item.name.text, item.name) is not item.name:
                self._redefined(first[item.name.text], item.name, context)
            else:
                kept.append(item)
        return Body(self.source, start, end, tuple(kept), whole=not any(isinstance(item, Lost) for item in items))

    def _redefined(self, first: Name, again: Name, context: str) -> None:
        self.diagnostics.error(
            "Attribute redefined",
            f'The argument "{again.text}" was already set at {first.range}. Each argument can be set only once.',
            subject=again.range,
            context=context,
            related=(Related("first set here", first.range),),
        )

    # -- operators and terms ------------------------------------------------------

    def whole(self, expr: Expr, _: Token | None = None) -> Expr:
        return expr

    def conditional(self, condition: Expr, _: Token, yes: Expr, __: Token, no: Expr) -> Expr:
        return Conditional(self.source, condition.start, no.end, condition, yes, no)

    def binary(self, left: Expr, op: Token, right: Expr) -> Expr:
        return Binary(self.source, left.start, right.end, op.value, left, right)

    def unary(self, op: Token, operand: Expr) -> Expr:
        return Unary(self.source, op.start, operand.end, op.value, operand)

    def number(self, token: Token) -> Expr:
        try:
            value = parse_number(token.value)
        except ValueError:
            detail = f"Numbers of this size are not supported; at most {MOST_DIGITS:,} digits are."
            self.diagnostics.error("Invalid number literal", detail, subject=self.source.range(token.start, token.end))
            value = unknown()
        return Literal(self.source, token.start, token.end, value)

    def variable(self, name: Token) -> Expr:
        if name.value in CONSTANTS:
            return Literal(self.source, name.start, name.end, CONSTANTS[name.value])
        return Variable(self.source, name.start, name.end, name.value)

    def paren(self, left: Token, inner: Expr, right: Token) -> Expr:
        return Paren(self.source, left.start, right.end, inner)

    def namespaced(self, space: Token, _: Token, name: Token) -> Token:
        return Token("IDENT", f"{space.value}::{name.value}", space.start, name.end)

    def call_without_arguments(self, name: Token, _: Token, right: Token) -> Expr:
        return Call(self.source, name.start, right.end, self.name(name), ())

    def call(self, name: Token, _: Token, arguments: list[Expr], *ends: Token) -> Expr:
        return Call(self.source, name.start, ends[-1].end, self.name(name), tuple(arguments))

    def call_expanded(self, name: Token, _: Token, arguments: list[Expr], __: Token, right: Token) -> Expr:
        return Call(self.source, name.start, right.end, self.name(name), tuple(arguments), True)

    # -- traversals ---------------------------------------------------------------

    def attribute_step(self, dot: Token, name: Token) -> Step:
        return Step("attribute", name, dot.start, name.end)

    def legacy_step(self, dot: Token, index: Token) -> Step:
        return Step("legacy", index, dot.start, index.end)

    def index_step(self, left: Token, key: Expr, right: Token) -> Step:
        return Step("index", key, left.start, right.end)

    def attribute_splat(self, dot: Token, star: Token) -> Step:
        return Step("attribute splat", star, dot.start, star.end)

    def full_splat(self, left: Token, star: Token, right: Token) -> Step:
        return Step("full splat", star, left.start, right.end)

    def traversal(self, root: Expr, steps: list[Step]) -> Expr:
        """Put a chain of steps together.

        ``[*]`` is about everything behind it; ``.*`` only about the ``.name`` and ``.0`` behind it, up to a bracket.
        """
        splats: list[tuple[Expr, SplatItem, bool]] = []
        current = root
        for step in steps:
            in_attribute_splat = bool(splats) and not splats[-1][2]
            if in_attribute_splat and step.kind == "attribute splat":
                self._nested_splat(step)
            elif in_attribute_splat and step.kind in ("index", "full splat"):
                current = self._end_splat(*splats.pop(), current)
            if step.kind.endswith("splat"):
                item = SplatItem(self.source, step.start, step.end)
                splats.append((current, item, step.kind == "full splat"))
                current = item
            else:
                current = self._step(current, step, root.start)
        while splats:
            current = self._end_splat(*splats.pop(), current)
        return current

    def _step(self, object_: Expr, step: Step, start: int) -> Expr:
        what = step.what
        if isinstance(what, Expr):
            return Index(self.source, start, step.end, object_, what)
        if step.kind == "attribute":
            return GetAttr(self.source, start, step.end, object_, what.value)
        return Index(self.source, start, step.end, object_, self.number(what), True)

    def _end_splat(self, object_: Expr, item: SplatItem, full: bool, each: Expr) -> Expr:
        return Splat(self.source, object_.start, each.end, object_, item, each, full)

    def _nested_splat(self, step: Step) -> None:
        self.diagnostics.error(
            "Nested splat expression not allowed",
            'The short splat ".*" cannot be used again behind another one. Use "[*]" for both.',
            subject=self.source.range(step.start, step.end),
        )

    # -- collections ----------------------------------------------------------------

    def empty_tuple(self, left: Token, right: Token) -> Expr:
        return TupleCons(self.source, left.start, right.end, ())

    def tuple_of(self, left: Token, items: list[Expr], *ends: Token) -> Expr:
        return TupleCons(self.source, left.start, ends[-1].end, tuple(items))

    def empty_object(self, left: Token, *ends: Token) -> Expr:
        return ObjectCons(self.source, left.start, ends[-1].end, ())

    def object_of(self, left: Token, entries: list[ObjectItem], *ends: Token) -> Expr:
        return ObjectCons(self.source, left.start, ends[-1].end, tuple(entries))

    def object_of_lines(self, left: Token, _: Token, entries: list[ObjectItem], *ends: Token) -> Expr:
        return ObjectCons(self.source, left.start, ends[-1].end, tuple(entries))

    def entry(self, key: Expr, _: Token, value: Expr) -> ObjectItem:
        if isinstance(key, Literal) and (word := self.source.text[key.start : key.end]) in CONSTANTS:
            key = Variable(self.source, key.start, key.end, word)  # as a key, null is a word like any other
        return ObjectItem(self.source, key.start, value.end, key, value)

    def for_value(self, _: Token, name: Token, __: Token, collection: Expr, ___: Token | None = None) -> Intro:
        return None, name.value, collection

    def for_key_and_value(
        self, _: Token, key: Token, __: Token, name: Token, ___: Token, collection: Expr, ____: Token
    ) -> Intro:
        return key.value, name.value, collection

    def for_tuple(self, left: Token, intro: Intro, value: Expr, right: Token) -> Expr:
        return ForTuple(self.source, left.start, right.end, *intro, value, None)

    def for_tuple_if(self, left: Token, intro: Intro, value: Expr, _: Token, condition: Expr, right: Token) -> Expr:
        return ForTuple(self.source, left.start, right.end, *intro, value, condition)

    def for_object(self, left: Token, intro: Intro, key: Expr, _: Token, value: Expr, right: Token) -> Expr:
        return ForObject(self.source, left.start, right.end, *intro, key, value, None, False)

    def for_object_if(
        self, left: Token, intro: Intro, key: Expr, _: Token, value: Expr, __: Token, condition: Expr, right: Token
    ) -> Expr:
        return ForObject(self.source, left.start, right.end, *intro, key, value, condition, False)

    def for_object_grouped(
        self, left: Token, intro: Intro, key: Expr, _: Token, value: Expr, __: Token, right: Token
    ) -> Expr:
        return ForObject(self.source, left.start, right.end, *intro, key, value, None, True)

    def for_object_grouped_if(
        self,
        left: Token,
        intro: Intro,
        key: Expr,
        _: Token,
        value: Expr,
        __: Token,
        ___: Token,
        condition: Expr,
        right: Token,
    ) -> Expr:
        return ForObject(self.source, left.start, right.end, *intro, key, value, condition, True)

    # -- templates --------------------------------------------------------------------

    def plain_string(self, token: Token) -> Expr:
        return Literal(self.source, token.start, token.end, string(token.value))

    def quoted(self, opener: Token, parts: list[Part], closer: Token) -> Expr:
        return self._template(parts, opener.start, closer.end)

    def template(self, parts: list[Part]) -> Expr:
        return self._template(parts, 0, len(self.source.text))

    def interpolation(self, opener: Token, inner: Expr, closer: Token) -> TemplateWrap:
        return TemplateWrap(self.source, opener.start, closer.end, inner)

    def template_if(
        self, opener: Token, condition: Expr, end: Token, parts: list[Part], endif: Token, close: Token
    ) -> Expr:
        yes = Template(self.source, end.end, endif.start, self._joined(parts))
        return TemplateIf(self.source, opener.start, close.end, condition, yes, None)

    def template_if_else(
        self,
        opener: Token,
        condition: Expr,
        end: Token,
        parts: list[Part],
        else_: Token,
        else_end: Token,
        other_parts: list[Part],
        endif: Token,
        close: Token,
    ) -> Expr:
        yes = Template(self.source, end.end, else_.start, self._joined(parts))
        no = Template(self.source, else_end.end, endif.start, self._joined(other_parts))
        return TemplateIf(self.source, opener.start, close.end, condition, yes, no)

    def template_for(
        self,
        opener: Token,
        name: Token,
        _: Token,
        collection: Expr,
        end: Token,
        parts: list[Part],
        endfor: Token,
        close: Token,
    ) -> Expr:
        body = Template(self.source, end.end, endfor.start, self._joined(parts))
        return TemplateFor(self.source, opener.start, close.end, None, name.value, collection, body)

    def template_for_key(
        self,
        opener: Token,
        key: Token,
        _: Token,
        name: Token,
        __: Token,
        collection: Expr,
        end: Token,
        parts: list[Part],
        endfor: Token,
        close: Token,
    ) -> Expr:
        body = Template(self.source, end.end, endfor.start, self._joined(parts))
        return TemplateFor(self.source, opener.start, close.end, key.value, name.value, collection, body)

    def _template(self, parts: list[Part], start: int, end: int) -> Expr:
        if len(parts) == 1 and isinstance(parts[0], TemplateWrap):
            return TemplateWrap(self.source, start, end, parts[0].inner)
        if all(isinstance(part, Token) for part in parts):
            return Literal(self.source, start, end, string(_text(parts)))
        return Template(self.source, start, end, self._joined(parts))

    def _joined(self, parts: list[Part]) -> tuple[Expr, ...]:
        """The parts with neighbouring texts made one and empty ones left out."""
        out: list[Expr] = []
        texts: list[Token] = []
        for part in [*parts, None]:
            if isinstance(part, Token):
                texts.append(part)
                continue
            if text := _text(texts):
                out.append(Literal(self.source, texts[0].start, texts[-1].end, string(text)))
            texts = []
            if part is not None:
                out.append(part.inner if isinstance(part, TemplateWrap) else part)
        return tuple(out)


def _text(parts: Sequence[Part]) -> str:
    return "".join([part.value for part in parts if isinstance(part, Token)])


def header_text(header: Sequence[Name]) -> str:
    """A block's header as diagnostics name the block."""
    return " ".join([header[0].text, *(f'"{label.text}"' for label in header[1:])])
