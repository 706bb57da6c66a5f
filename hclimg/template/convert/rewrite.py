"""Putting other expressions in the place of some."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
        return tuple([rewritten(item, change) for item in node])
    if not isinstance(node, Node):
        return node
    names = [name for name in node.__attrs_names__() if name not in ("source", "start", "end")]
    old = {name: getattr(node, name) for name in names}
    new = {name: rewritten(value, change) for name, value in old.items()}
    return attrs.evolve(cast(Any, node), **new) if any(new[name] is not old[name] for name in names) else node


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
