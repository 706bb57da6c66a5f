"""The syntax tree that every front end makes: HCL, HCL's JSON form, legacy JSON, Python.

Every node knows its source text and its offsets in it, so any piece of it can be shown to the user.
Nodes are immutable. Compare them with :func:`same`, which ignores where they stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast, dataclass_transform

import attrs

from hclimg.diagnostics import Diagnostic, Range, SourceText
from hclimg.lang.values import Value

if TYPE_CHECKING:
    from hclimg.lang.names import Names

T = TypeVar("T")


@dataclass_transform(frozen_default=True, eq_default=False)
def node(cls: type[T]) -> type[T]:
    # Only __init__ is generated: start-up pays for each generated method of each class.
    return attrs.frozen(eq=False, repr=False, order=False)(cls)


@node
class Node:
    """A piece of ``source`` from offset ``start`` to ``end`` (not included)."""

    source: SourceText
    start: int
    end: int

    @property
    def range(self) -> Range:
        return Range(self.source, self.start, self.end)

    def __repr__(self) -> str:
        inner = ", ".join(f"{n}={getattr(self, n)!r}" for n in self.__attrs_names__() if n not in _POSITION)
        return f"{type(self).__name__}({inner})"

    @classmethod
    def __attrs_names__(cls) -> list[str]:
        return [a.name for a in attrs.fields(cast(Any, cls))]


_POSITION = ("source", "start", "end")


# -- bodies -----------------------------------------------------------------


@node
class Name(Node):
    """An identifier where it stands: a block type, an argument's name, a label."""

    text: str


@node
class Attribute(Node):
    """An argument. ``names`` takes the place of its body's, for one that was added to the body from elsewhere."""

    name: Name
    expr: Expr
    names: Names | None = None

    def with_names(self, names: Names | None) -> Attribute:
        """The same argument, which sees other names than the rest of its body."""
        return cast("Attribute", attrs.evolve(cast(Any, self), names=names))


@node
class Property(Attribute):
    """A member of a JSON object that is a body: an argument, or blocks if the reader of the body expects blocks.

    :func:`hclimg.lang.shape.shaped` tells them apart.
    """


@node
class Block(Node):
    type: Name
    labels: tuple[Name, ...]
    body: Body

    @property
    def header(self) -> Range:
        """The block's type and labels."""
        last = self.labels[-1] if self.labels else self.type
        return Range(self.source, self.type.start, last.end)

    def with_body(self, body: Body) -> Block:
        return cast("Block", attrs.evolve(cast(Any, self), body=body))


@node
class ObjectBlock(Block):
    """A block that was written as an object; ``place`` is the key or bracket that introduces it alone."""

    place: tuple[int, int]

    @property
    def header(self) -> Range:
        return Range(self.source, *self.place)


@node
class Body(Node):
    """Arguments and nested blocks in the order in which they were written.

    ``flexible`` is true for bodies of legacy templates, whose values may have the wrong type: Packer takes one string
    for a list of strings, and an empty one for nothing. Not ``whole`` when an item could not be read: what seems to be
    missing may have been written. ``names`` are those that everything in the body can use on top of what is around it:
    the iterator of the ``dynamic`` block that it comes from, ``each``.
    """

    items: tuple[Attribute | Block, ...]
    flexible: bool = False
    whole: bool = True
    names: Names | None = None

    def holding(self, items: tuple[Attribute | Block, ...], *, flexible: bool | None = None) -> Body:
        """The same body with other items."""
        flexible = self.flexible if flexible is None else flexible
        return Body(self.source, self.start, self.end, items, flexible, self.whole, self.names)

    def with_names(self, names: Names | None) -> Body:
        """The same body, in which these names mean something too."""
        return Body(self.source, self.start, self.end, self.items, self.flexible, self.whole, names)

    @property
    def attributes(self) -> Mapping[str, Attribute]:
        return {i.name.text: i for i in self.items if isinstance(i, Attribute)}

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(i for i in self.items if isinstance(i, Block))


# -- expressions ------------------------------------------------------------


@node
class Expr(Node):
    pass


@node
class Literal(Expr):
    """A number, ``true``, ``false``, ``null``, or the text of a string without interpolation."""

    value: Value


@node
class Variable(Expr):
    """A root name: ``var``, ``local``, an iterator."""

    name: str


@node
class GetAttr(Expr):
    object: Expr
    name: str


@node
class Index(Expr):
    """``object[key]``; ``legacy`` for ``object.0``."""

    object: Expr
    key: Expr
    legacy: bool = False


@node
class SplatItem(Expr):
    """Stands for each element inside :attr:`Splat.each`."""


@node
class Splat(Expr):
    """``object[*]…`` or ``object.*…``: ``each`` is the rest of the traversal, rooted in ``item``."""

    object: Expr
    item: SplatItem
    each: Expr
    full: bool


@node
class Unary(Expr):
    op: str
    operand: Expr


@node
class Binary(Expr):
    op: str
    left: Expr
    right: Expr


@node
class Conditional(Expr):
    condition: Expr
    yes: Expr
    no: Expr


@node
class Call(Expr):
    """``name(args)``; ``expand`` when the last argument is followed by ``...``."""

    name: Name
    args: tuple[Expr, ...]
    expand: bool = False


@node
class Paren(Expr):
    inner: Expr


@node
class TupleCons(Expr):
    items: tuple[Expr, ...]


@node
class ObjectItem(Node):
    """``key`` is a :class:`Variable` for a bare word (it means its own name) unless in :class:`Paren`."""

    key: Expr
    value: Expr


@node
class ObjectCons(Expr):
    items: tuple[ObjectItem, ...]


@node
class JsonObject(ObjectCons):
    """An object of a JSON file. It may be a body as well, where keys are plain text and may be repeated."""


@node
class JsonTemplate(Expr):
    """A string of a JSON file with ``${`` or ``%{`` in it: a template where a value is wanted, else just ``text``.

    What is wrong with the template counts only if it is evaluated.
    """

    text: str
    template: Expr
    problems: tuple[Diagnostic, ...]


@node
class ForTuple(Expr):
    key_name: str | None
    value_name: str
    collection: Expr
    value: Expr
    condition: Expr | None


@node
class ForObject(Expr):
    key_name: str | None
    value_name: str
    collection: Expr
    key: Expr
    value: Expr
    condition: Expr | None
    group: bool


@node
class Template(Expr):
    """Text with interpolations and directives; the parts are joined to one string.

    Escapes are decoded, strip markers (``~``) and the indentation of flush heredocs already applied.
    A template of exactly one interpolation is a :class:`TemplateWrap`; one without any is a :class:`Literal`.
    """

    parts: tuple[Expr, ...]


@node
class TemplateWrap(Expr):
    """``"${inner}"``: the value itself, not converted to a string."""

    inner: Expr


@node
class TemplateIf(Expr):
    """``%{ if condition }yes%{ else }no%{ endif }``; always a string."""

    condition: Expr
    yes: Template
    no: Template | None


@node
class TemplateFor(Expr):
    key_name: str | None
    value_name: str
    collection: Expr
    body: Template


def children(expr: Node) -> Iterator[Node]:
    """The nodes directly below one node, in source order."""
    for name in expr.__attrs_names__():
        value = getattr(expr, name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (v for v in value if isinstance(v, Node))


def walk(root: Node) -> Iterator[Node]:
    """The node and everything below it, parents first, without recursion."""
    todo = [root]
    while todo:
        current = todo.pop()
        yield current
        todo.extend(reversed(list(children(current))))


def same(a: Any, b: Any) -> bool:
    """Whether two trees say the same, wherever they stand."""
    if isinstance(a, Node):
        return type(a) is type(b) and all(
            same(getattr(a, n), getattr(b, n)) for n in a.__attrs_names__() if n not in _POSITION
        )
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)
