"""Expressions as values of HCL's JSON syntax: what has no counterpart there is a string with ``${ … }`` in it."""

from __future__ import annotations

from typing import Any

from hclimg.lang import numbers
from hclimg.lang.json_text import Members, WrittenNumber
from hclimg.lang.syntax import (
    Expr,
    JsonTemplate,
    Literal,
    ObjectCons,
    ObjectItem,
    Paren,
    Template,
    TemplateFor,
    TemplateIf,
    TemplateWrap,
    TupleCons,
    Unary,
    Variable,
)
from hclimg.lang.unparse import expression_text, loop_names

_DEEPEST = 100
"""What nests deeper than this is one string: JSON has bounds, native syntax has none."""


def json_value(expr: Expr, depth: int = 0) -> Any:
    """What a JSON file says for an expression, as :func:`hclimg.lang.json_text.json_text` writes it."""
    while isinstance(expr, JsonTemplate | Paren):
        expr = expr.template if isinstance(expr, JsonTemplate) else expr.inner
    if isinstance(expr, Literal):
        return _constant(expr)
    if isinstance(expr, Unary) and expr.op == "-" and (number := _number(expr.operand)):
        return WrittenNumber(f"-{number}")
    if isinstance(expr, TupleCons) and depth < _DEEPEST:
        return [json_value(item, depth + 1) for item in expr.items]
    if isinstance(expr, ObjectCons) and depth < _DEEPEST:
        keys = [_key(item) for item in expr.items]
        if len(set(keys)) == len(keys):
            return Members(tuple(zip(keys, (json_value(item.value, depth + 1) for item in expr.items), strict=True)))
    return template_source(expr)


def template_source(expr: Expr) -> str:
    """A text that means the expression where a template is read."""
    if isinstance(expr, Literal) and isinstance(expr.value.raw, str):
        return _escaped(expr.value.raw)
    if isinstance(expr, TemplateWrap):
        return f"${{{expression_text(expr.inner)}}}"
    if isinstance(expr, Template | TemplateIf | TemplateFor):
        parts = expr.parts if isinstance(expr, Template) else (expr,)
        text = _parts(parts)
        # A sequence that is alone would be the value itself, and not the string that it makes.
        alone = len(parts) == 1 and not isinstance(parts[0], Literal | TemplateIf | TemplateFor)
        return f'{text}${{""}}' if alone else text
    return f"${{{expression_text(expr)}}}"


def _constant(expr: Literal) -> Any:
    raw = expr.value.raw
    if isinstance(raw, str):
        return _escaped(raw)
    return raw if raw is None or isinstance(raw, bool) else WrittenNumber(numbers.text(raw))


def _number(expr: Expr) -> str:
    """The digits of a number that is written out."""
    raw = expr.value.raw if isinstance(expr, Literal) else None
    return "" if raw is None or isinstance(raw, str | bool) else numbers.text(raw)


def _key(item: ObjectItem) -> str:
    key = item.key
    if isinstance(key, Variable):
        return key.name
    return template_source(key.inner if isinstance(key, Paren) else key)


# -- templates ------------------------------------------------------------------------


def _escaped(text: str) -> str:
    return text.replace("${", "$${").replace("%{", "%%{")


def _parts(parts: tuple[Expr, ...], depth: int = 0) -> str:
    found = ""
    for part in parts:
        if isinstance(part, Literal) and isinstance(part.value.raw, str):
            found += _escaped(part.value.raw)
        else:
            found = _followed(found, _sequence(part, depth + 1))
    return found


def _followed(text: str, sequence: str) -> str:
    """Signs right before a sequence would make it text, so they get one of their own."""
    if not text.endswith(sequence[0]):
        return text + sequence
    rest = text.rstrip("$%")
    return f'{rest}${{"{text[len(rest) :]}"}}{sequence}'


def _sequence(part: Expr, depth: int) -> str:
    if isinstance(part, TemplateIf) and depth < _DEEPEST:
        text = _parts(part.yes.parts, depth)
        if part.no:
            text = _followed(text, "%{ else }") + _parts(part.no.parts, depth)
        return _followed(f"%{{ if {expression_text(part.condition)} }}{text}", "%{ endif }")
    if isinstance(part, TemplateFor) and depth < _DEEPEST:
        head = f"{loop_names(part)}{expression_text(part.collection)}"
        return _followed(f"%{{ {head} }}{_parts(part.body.parts, depth)}", "%{ endfor }")
    return f"${{{expression_text(part)}}}"
