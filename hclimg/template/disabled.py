"""Blocks with ``enabled = false``: as if they were not written, but a misspelt name in them is still one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from hclimg.diagnostics import Diagnostics
from hclimg.lang.dynamic import is_dynamic
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.names import Names, around
from hclimg.lang.syntax import Attribute, Block, Body, Expr, Variable
from hclimg.lang.values import Value, unknown
from hclimg.template.repeat import EACH, FOR_EACH

_NAMING = frozenset(("Unknown variable", "Undeclared variable", "Undeclared local value", "Call to unknown function"))
_LATE: Mapping[str, Value] = {"build": unknown(), "artifact": unknown(), "source": unknown()}


def check_unused(
    meta: Mapping[str, Expr], body: Body | None, names: Names | None, scope: Scope, context: str, diags: Diagnostics
) -> None:
    """Report the names in a block that mean nothing, and nothing else."""
    found = Diagnostics()
    inner = around(scope.child(_LATE), names)
    if FOR_EACH in meta:
        inner = inner.child({EACH: unknown()})
    for expr in meta.values():
        evaluate(expr, inner, found)
    for expr, around_it in _expressions(body, inner) if body is not None else ():
        evaluate(expr, around_it, found)
    diags.extend(attrs.evolve(d, context=d.context or context) for d in found if d.summary in _NAMING)


def _expressions(body: Body, scope: Scope) -> Iterator[tuple[Expr, Scope]]:
    """The expressions of a body and of the blocks in it, each with what it can refer to."""
    todo = [(body, scope)]
    while todo:
        current, outer = todo.pop()
        inner = around(outer, current.names)
        for item in current.items:
            if isinstance(item, Attribute):
                yield item.expr, inner
            else:
                todo.append((item.body, _inside(item, inner)))


def _inside(block: Block, scope: Scope) -> Scope:
    if not is_dynamic(block):
        return scope
    iterator = block.body.attributes.get("iterator")
    named = [iterator.expr.name] if iterator is not None and isinstance(iterator.expr, Variable) else []
    return scope.child(dict.fromkeys([*(label.text for label in block.labels), *named], unknown()))
