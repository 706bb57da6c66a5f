"""What an expression refers to: the absolute traversals in it, such as ``var.region`` or ``local.tags["a"]``.

Names that the expression binds itself (in ``for``) are not references. Works without recursion and without values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs

from hclimg.lang import syntax
from hclimg.lang.syntax import Node
from hclimg.lang.types import NUMBER, STRING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hclimg.diagnostics import Range
    from hclimg.lang.names import Binding, Names
    from hclimg.lang.values import Value

Steps: TypeAlias = tuple[str | int, ...]
_Bound: TypeAlias = "Mapping[str, Binding | None]"
"""Names that are no references, with what is known of those that a repeated block has."""

_NOTHING: _Bound = {}


@attrs.frozen(order=False)
class Reference:
    """``root`` and the constant steps after it: ``var.a["b"][0]`` has the steps ``("a", "b", 0)``.

    ``home`` is where its names are to be looked up, when that is somewhere else than where it is used.
    """

    root: str
    steps: Steps
    range: Range
    home: str | None = None

    def __str__(self) -> str:
        return self.root + "".join(map(_step_text, self.steps))


def _step_text(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.replace("-", "_").isidentifier() else f'["{step}"]'


def references(root: Node, names: Names | None = None) -> list[Reference]:
    """Every reference below a node (an expression or a whole body), in source order, repeated ones too.

    ``names`` are those of the body around it.
    """
    found: list[Reference] = []
    todo: list[tuple[Node, _Bound]] = [(root, _NOTHING if names is None else names.rounds)]
    while todo:
        current, bound = todo.pop()
        if isinstance(current, syntax.Literal):
            continue
        if isinstance(current, syntax.Variable | syntax.GetAttr | syntax.Index):
            todo.extend(_traversal(current, bound, found))
        else:
            below = list(_below(current, bound))
            below.reverse()
            todo.extend(below)
    return found


def _traversal(expr: Node, bound: _Bound, found: list[Reference]) -> list[tuple[Node, _Bound]]:
    """Add the reference that a chain of steps makes; what else it contains comes back, last first."""
    steps: list[str | int] = []
    below: list[tuple[Node, _Bound]] = []
    # The reference ends at the first step from the root that is not constant.
    end: Node = expr
    while not isinstance(expr, syntax.Variable):
        if isinstance(expr, syntax.GetAttr):
            steps.append(expr.name)
            expr = expr.object
        elif isinstance(expr, syntax.Index):
            key = _constant_key(expr.key, bound)
            if key is None:
                below.append((expr.key, bound))
                steps.clear()
                end = expr.object
            else:
                steps.append(key)
            expr = expr.object
        else:
            return [*below, (expr, bound)]
    if expr.name not in bound:
        found.append(Reference(expr.name, tuple(reversed(steps)), end.range))
    return below


def _constant_key(key: Node, bound: _Bound) -> str | int | None:
    value = key.value if isinstance(key, syntax.Literal) else _of_round(key, bound)
    if value is None or not value.is_known or value.raw is None:
        return None
    if value.type is STRING:
        return str(value.raw)
    return value.raw if value.type is NUMBER and isinstance(value.raw, int) else None


def _of_round(key: Node, bound: _Bound) -> Value | None:
    """What ``each.key``, ``each.value`` or ``input.NAME`` is."""
    if not isinstance(key, syntax.GetAttr) or not isinstance(key.object, syntax.Variable):
        return None
    found = bound.get(key.object.name)
    return found.member(key.name) if found is not None else None


def _below(node: Node, bound: _Bound) -> Iterator[tuple[Node, _Bound]]:
    if isinstance(node, syntax.ForTuple | syntax.ForObject | syntax.TemplateFor):
        yield from _for_parts(node, bound)
    elif isinstance(node, syntax.ObjectItem):
        if not isinstance(node.key, syntax.Variable):
            yield node.key, bound
        yield node.value, bound
    elif isinstance(node, syntax.Block):
        yield from _block_parts(node, bound)
    elif isinstance(node, syntax.Body):
        yield from _body_parts(node, bound)
    else:
        for name in _fields(type(node)):
            value = getattr(node, name)
            if isinstance(value, Node):
                yield value, bound
            elif type(value) is tuple:
                yield from ((v, bound) for v in value if isinstance(v, Node))


def _for_parts(
    node: syntax.ForTuple | syntax.ForObject | syntax.TemplateFor, bound: _Bound
) -> Iterator[tuple[Node, _Bound]]:
    yield node.collection, bound
    names = [node.value_name] if node.key_name is None else [node.value_name, node.key_name]
    inner = {**bound, **dict.fromkeys(names)}
    if isinstance(node, syntax.TemplateFor):
        yield node.body, inner
        return
    if isinstance(node, syntax.ForObject):
        yield node.key, inner
    yield node.value, inner
    if node.condition is not None:
        yield node.condition, inner


def _body_parts(node: syntax.Body, bound: _Bound) -> Iterator[tuple[Node, _Bound]]:
    """What stands in a body, with the names that it has itself."""
    inner = bound if node.names is None else {**bound, **node.names.rounds}
    yield from _collections(node.names, bound)
    for item in node.items:
        if isinstance(item, syntax.Attribute):
            yield from _collections(item.names, bound)
            yield item.expr, inner if item.names is None else {**bound, **item.names.rounds}
        else:
            yield item, inner


def _collections(names: Names | None, bound: _Bound) -> Iterator[tuple[Node, _Bound]]:
    """Where the values of names come from, as far as they are not known."""
    for late in names.late if names is not None else ():
        if late.collection is not None:
            yield late.collection, bound if late.outer is None else {**bound, **late.outer.rounds}
        yield from _collections(late.outer, bound)


def _block_parts(node: syntax.Block, bound: _Bound) -> Iterator[tuple[Node, _Bound]]:
    if node.type.text != "dynamic" or len(node.labels) != 1:
        yield node.body, bound
        return
    given = node.body.attributes
    iterator = given["iterator"].expr if "iterator" in given else None
    name = iterator.name if isinstance(iterator, syntax.Variable) else node.labels[0].text
    if "for_each" in given:
        yield given["for_each"].expr, bound
    inner = {**bound, name: None}
    if "labels" in given:
        yield given["labels"].expr, inner
    yield from ((block.body, inner) for block in node.body.blocks)


_FIELDS: dict[type[Node], tuple[str, ...]] = {}


def _fields(kind: type[Node]) -> tuple[str, ...]:
    names = _FIELDS.get(kind)
    if names is None:
        names = tuple(name for name in kind.__attrs_names__() if name not in ("source", "start", "end", "name"))
        if kind is syntax.Attribute:
            names = ("expr",)
        elif kind is syntax.Call:
            names = ("args",)
        _FIELDS[kind] = names
    return names
