"""Expressions as HCL text: what a template would have to say to mean them.

The text is on one line and has the spaces of canonical layout. Reading it again gives the same tree, but for brackets
that were not needed and for how a string was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from hclimg.lang.show import quoted, scalar_text
from hclimg.lang.syntax import (
    Binary,
    Call,
    Conditional,
    Expr,
    ForObject,
    ForTuple,
    GetAttr,
    Index,
    JsonTemplate,
    Literal,
    Node,
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

Piece = str | Node | list[Any] | Callable[[], list[Any]]
"""A part of the text: itself, a node, or several parts, perhaps ones that are yet to be found."""

IDENTIFIER = re.compile(r"[^\W\d][\w-]*")
_NO_KEYS: Final = frozenset(("for", "true", "false", "null"))
"""Bare words that a key would be read as something else than a string."""

_LEVELS: Final = {
    "||": 1, "&&": 2, "==": 3, "!=": 3, ">": 4, ">=": 4, "<": 4, "<=": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6,
}  # fmt: skip
_UNARY: Final = 7
_TERM: Final = 8


def expression_text(expr: Expr) -> str:
    """The expression on one line, however deep it is."""
    found: list[str] = []
    todo: list[Piece] = [expr]
    while todo:
        piece = todo.pop()
        if isinstance(piece, str):
            found.append(piece)
        elif isinstance(piece, list):
            todo.extend(reversed(piece))
        elif not isinstance(piece, Node):
            todo.append(piece())
        else:
            todo.append(_WRITERS[type(piece)](piece))
    return "".join(found)


def is_identifier(text: str) -> bool:
    return IDENTIFIER.fullmatch(text) is not None


def key_text(text: str) -> str:
    """A constant key of an object."""
    return text if is_identifier(text) and text not in _NO_KEYS else quoted(text)


def _level(expr: Node) -> int:
    if isinstance(expr, Conditional):
        return 0
    if isinstance(expr, Binary):
        return _LEVELS[expr.op]
    if isinstance(expr, Literal) and scalar_text(expr.value.raw).startswith("-"):
        return _UNARY
    return _UNARY if isinstance(expr, Unary) else _TERM


def _operand(expr: Node, least: int) -> Piece:
    return expr if _level(expr) >= least else ["(", expr, ")"]


def _separated(nodes: Sequence[Piece]) -> list[Piece]:
    found: list[Piece] = []
    for number, node in enumerate(nodes):
        found += [", ", node] if number else [node]
    return found


# -- operators and traversals -------------------------------------------------------


def _literal(expr: Literal) -> Piece:
    return scalar_text(expr.value.raw)


def _binary(expr: Binary) -> Piece:
    level = _LEVELS[expr.op]
    return [_operand(expr.left, level), f" {expr.op} ", _operand(expr.right, level + 1)]


def _unary(expr: Unary) -> Piece:
    return [expr.op, _operand(expr.operand, _UNARY)]


def _conditional(expr: Conditional) -> Piece:
    return [_operand(expr.condition, 1), " ? ", expr.yes, " : ", expr.no]


def _get_attr(expr: GetAttr) -> Piece:
    return [_operand(expr.object, _TERM), f".{expr.name}"]


def _index(expr: Index) -> Piece:
    of = _operand(expr.object, _TERM)
    return [of, ".", expr.key] if expr.legacy else [of, "[", expr.key, "]"]


def _splat(expr: Splat) -> Piece:
    return [_operand(expr.object, _TERM), "[*]" if expr.full else ".*", expr.each]


def _call(expr: Call) -> Piece:
    return [f"{expr.name.text}(", *_separated(expr.args), "...)" if expr.expand else ")"]


# -- collections ----------------------------------------------------------------------


def _tuple(expr: TupleCons) -> Piece:
    return ["[", *_separated(expr.items), "]"]


def _object(expr: ObjectCons) -> Piece:
    return ["{ ", *_separated(expr.items), " }"] if expr.items else "{}"


def item_key(item: ObjectItem) -> Piece:
    """The key as it is written before the equals sign."""
    key = item.key
    if isinstance(key, Variable):
        return key.name
    if isinstance(key, Literal) and isinstance(key.value.raw, str):
        return key_text(key.value.raw)
    return key


def _item(item: ObjectItem) -> Piece:
    return [item_key(item), " = ", item.value]


def loop_names(expr: ForTuple | ForObject | TemplateFor) -> str:
    names = f"{expr.key_name}, {expr.value_name}" if expr.key_name else expr.value_name
    return f"for {names} in "


def _condition(expr: ForTuple | ForObject) -> list[Piece]:
    return [" if ", expr.condition] if expr.condition else []


def _for_tuple(expr: ForTuple) -> Piece:
    return ["[", loop_names(expr), expr.collection, " : ", expr.value, *_condition(expr), "]"]


def _for_object(expr: ForObject) -> Piece:
    end = ["...", *_condition(expr), "}"] if expr.group else [*_condition(expr), "}"]
    return ["{", loop_names(expr), expr.collection, " : ", expr.key, " => ", expr.value, *end]


# -- templates ------------------------------------------------------------------------


def _template(expr: Template) -> Piece:
    parts = [part for part in _parts(expr) if part]
    # A sequence that is alone would be the value itself, and not the string that it makes.
    alone = len(parts) == 1 and isinstance(parts[0], list) and parts[0][0] == "${"
    return ['"', *parts, '${""}' if alone else "", '"']


def _parts(expr: Template, *, inner: bool = False) -> Iterator[Piece]:
    """The inside of a quoted template; ``inner`` when a sequence follows it."""
    text = ""
    for part in expr.parts:
        if isinstance(part, Literal) and isinstance(part.value.raw, str):
            text += part.value.raw
            continue
        yield _before_sequence(text)
        text = ""
        yield _directive(part) if isinstance(part, TemplateIf | TemplateFor) else ["${", part, "}"]
    yield _before_sequence(text) if inner else quoted(text)[1:-1]


def _before_sequence(text: str) -> str:
    """A sign that would escape the sequence behind it is itself written as an escape."""
    last = text[-1:]
    if last in ("$", "%") and last:
        return f"{quoted(text[:-1])[1:-1]}\\u{ord(last):04x}"
    return quoted(text)[1:-1]


def _body(expr: Template) -> Piece:
    return lambda: list(_parts(expr, inner=True))


def _directive(expr: TemplateIf | TemplateFor) -> Piece:
    if isinstance(expr, TemplateFor):
        return ["%{ ", loop_names(expr), expr.collection, " }", _body(expr.body), "%{ endfor }"]
    otherwise = ["%{ else }", _body(expr.no)] if expr.no else []
    return ["%{ if ", expr.condition, " }", _body(expr.yes), *otherwise, "%{ endif }"]


_WRITERS: Final[dict[type[Node], Callable[[Any], Piece]]] = {
    Binary: _binary,
    Call: _call,
    Conditional: _conditional,
    ForObject: _for_object,
    ForTuple: _for_tuple,
    GetAttr: _get_attr,
    Index: _index,
    JsonTemplate: lambda expr: expr.template,
    Literal: _literal,
    ObjectCons: _object,
    ObjectItem: _item,
    Paren: lambda expr: ["(", expr.inner, ")"],
    Splat: _splat,
    SplatItem: lambda _: "",
    Template: _template,
    TemplateFor: lambda expr: ['"', _directive(expr), '"'],
    TemplateIf: lambda expr: ['"', _directive(expr), '"'],
    TemplateWrap: lambda expr: ['"${', expr.inner, '}"'],
    TupleCons: _tuple,
    Unary: _unary,
    Variable: lambda expr: expr.name,
}
