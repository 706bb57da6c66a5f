"""Putting other expressions in the place of some."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, cast

import attrs

from hclimg.lang.syntax import Expr, GetAttr, Index, Literal, Node, Variable

Change = Callable[[Expr], Expr | None]
"""What takes the place of an expression; None to look inside."""


def rewritten(node: Any, change: Change) -> Any:
    """The tree with every expression that ``change`` has something for replaced, outermost first."""
    if isinstance(node, Expr):
        found = change(node)
        if found is not None:
            return found
    if isinstance(node, tuple):
        items = tuple([rewritten(item, change) for item in node])
        return items if any(new is not old for new, old in zip(items, node, strict=True)) else node
    if not isinstance(node, Node):
        return node
    changed: dict[str, Any] = {}
    for name in _parts(cast(Any, type(node))):
        old = getattr(node, name)
        new = rewritten(old, change) if isinstance(old, Node | tuple) else old
        if new is not old:
            changed[name] = new
    return attrs.evolve(cast(Any, node), **changed) if changed else node


@cache
def _parts(kind: type[Any]) -> tuple[str, ...]:
    """The names of what a node consists of."""
    return tuple(name for name in kind.__attrs_names__() if name not in ("source", "start", "end"))


def found_in(node: Any) -> Iterator[Expr]:
    """Every expression of a tree, outermost first."""
    seen: list[Expr] = []

    def note(expr: Expr) -> None:
        seen.append(expr)

    rewritten(node, note)
    return iter(seen)


def step_of(expr: Expr, root: str) -> str | None:
    """``NAME`` when the expression is ``root.NAME`` or ``root["NAME"]``."""
    if isinstance(expr, GetAttr) and isinstance(expr.object, Variable) and expr.object.name == root:
        return expr.name
    if isinstance(expr, Index) and isinstance(expr.object, Variable) and expr.object.name == root:
        raw = expr.key.value.raw if isinstance(expr.key, Literal) else None
        return raw if isinstance(raw, str) else None
    return None


def traversal(at: Node, root: str, name: str) -> Expr:
    """``root.NAME``, standing where ``at`` does."""
    return GetAttr(at.source, at.start, at.end, Variable(at.source, at.start, at.end, root), name)
