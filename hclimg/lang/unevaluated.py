"""Expressions where nothing is evaluated: what strings of a JSON file are there. Native ones stay as they are."""

from __future__ import annotations

from hclimg.diagnostics import Diagnostics
from hclimg.lang import syntax
from hclimg.lang.syntax import Attribute, Expr, Literal, ObjectItem, Property, TupleCons
from hclimg.lang.values import string


def verbatim(expr: Expr) -> Expr:
    """An expression for where nothing can be referred to: there, strings of a JSON file are no templates."""
    if isinstance(expr, syntax.JsonTemplate):
        return Literal(expr.source, expr.start, expr.end, string(expr.text))
    if isinstance(expr, TupleCons):
        return TupleCons(expr.source, expr.start, expr.end, tuple(map(verbatim, expr.items)))
    if isinstance(expr, syntax.JsonObject):
        items = [ObjectItem(i.source, i.start, i.end, verbatim(i.key), verbatim(i.value)) for i in expr.items]
        return syntax.JsonObject(expr.source, expr.start, expr.end, tuple(items))
    return expr


def static_expr(item: Attribute, diags: Diagnostics) -> Expr:
    """The expression of an argument that is not evaluated, like a type: JSON has it as the text of a string."""
    text = _text(item.expr) if isinstance(item, Property) else None
    if text is None:
        return item.expr
    from hclimg.lang.embedded import expression_in
    from hclimg.lang.json_tree import JsonString

    return expression_in(JsonString(item.source, item.expr.start, item.expr.end, text), diags)


def _text(expr: Expr) -> str | None:
    if isinstance(expr, syntax.JsonTemplate):
        return expr.text
    return expr.value.raw if isinstance(expr, Literal) and isinstance(expr.value.raw, str) else None
