"""Finds where a part of a value stands in the expression that gives the value."""

from __future__ import annotations

from collections.abc import Iterable

from hclimg.lang.syntax import Expr, Literal, ObjectCons, Paren, TupleCons, Variable


def part_at(expr: Expr, path: Iterable[str | int]) -> Expr:
    """The part that a path of indexes and names leads to, as far as the value is written out."""
    for step in path:
        while isinstance(expr, Paren):
            expr = expr.inner
        inner = _element(expr, step)
        if inner is None:
            break
        expr = inner
    return expr


def _element(expr: Expr, step: str | int) -> Expr | None:
    if isinstance(expr, TupleCons) and isinstance(step, int):
        return expr.items[step] if step < len(expr.items) else None
    if isinstance(expr, ObjectCons):
        return next((item.value for item in expr.items if _key(item.key) == step), None)
    return None


def _key(key: Expr) -> str | None:
    if isinstance(key, Variable):
        return key.name
    return key.value.raw if isinstance(key, Literal) and isinstance(key.value.raw, str) else None
