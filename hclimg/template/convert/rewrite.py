"""Putting other expressions in the place of some."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, cast

import attrs

from hclimg.lang.syntax import Expr, GetAttr, Index, Literal, Node, Variable
from hclimg.template.model import BuildBlock, ChainBlock, ComponentBlock, Template, UseBlock

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


def components_of(template: Template) -> Iterator[ComponentBlock]:
    """The blocks of a legacy template that configure something."""
    yield from (*template.data.values(), *template.sources.values())
    for build in template.builds:
        yield from build.steps


def expressions_of(template: Template) -> tuple[object, ...]:
    """Everything of a legacy template in which something is referred to."""
    blocks = list(components_of(template))
    uses = [use.name for build in template.builds for use in build.uses if use.name]
    defaults = [block.default for block in template.variables.values() if block.default]
    return (*uses, *defaults, *(block.body for block in blocks), *(e for block in blocks for e in block.meta.values()))


def rewritten_template(template: Template, change: Change) -> Template:
    """A legacy template with expressions replaced everywhere."""

    def of_component(block: ComponentBlock) -> ComponentBlock:
        meta = {name: rewritten(expr, change) for name, expr in block.meta.items()}
        return attrs.evolve(block, body=rewritten(block.body, change), meta=meta)

    def of_build(build: BuildBlock) -> BuildBlock:
        return attrs.evolve(
            build,
            uses=tuple(attrs.evolve(use, name=rewritten(use.name, change)) for use in build.uses),
            provisioners=tuple(of_component(s) if isinstance(s, ComponentBlock) else s for s in build.provisioners),
            error_cleanup=of_component(build.error_cleanup) if build.error_cleanup else None,
            chains=tuple(map(of_chain, build.chains)),
        )

    def of_chain(chain: ChainBlock | UseBlock) -> ChainBlock | UseBlock:
        if isinstance(chain, UseBlock):
            return chain
        return attrs.evolve(chain, steps=tuple(map(of_component, chain.steps)))

    variables = {n: attrs.evolve(v, default=rewritten(v.default, change)) for n, v in template.variables.items()}
    return attrs.evolve(
        template,
        variables=variables,
        sources={address: of_component(block) for address, block in template.sources.items()},
        builds=tuple(map(of_build, template.builds)),
    )
