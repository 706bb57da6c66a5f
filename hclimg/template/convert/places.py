"""What may stand in a body, as far as conversion has to know: which names are blocks, and what is no expression.

HCL's JSON syntax leaves both to the reader of a body. Here the same is said of whole files, so that they can be
written in the other syntax without being compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from hclimg.config.schema import Schema, schema_of
from hclimg.diagnostics import Diagnostics
from hclimg.lang.shape import Shape, shaped
from hclimg.lang.syntax import Block, Body, Expr, Literal, ObjectCons, Property, TupleCons
from hclimg.registry import Kind, Registry
from hclimg.template.convert.bodies import is_block
from hclimg.template.hcl import BUILD_SHAPE, CHAIN_SHAPE, GROUP_SHAPE, ROOT_SHAPE

_DYNAMIC: Final[Shape] = {"dynamic": ("type",)}
_SHAPES: Final[Mapping[str, Shape]] = {
    "build": BUILD_SHAPE,
    "group": GROUP_SHAPE,
    "input": {"validation": ()},
    "packer": {"required_plugins": ()},
    "post-processors": CHAIN_SHAPE,
    "variable": {"validation": ()},
}
_STEPS: Final = {
    "provisioner": Kind.PROVISIONER,
    "error-cleanup-provisioner": Kind.PROVISIONER,
    "post-processor": Kind.POST_PROCESSOR,
}
_ALL: Final = frozenset(("",))
_VERBATIM: Final[Mapping[str, frozenset[str]]] = {
    "required_plugins": _ALL,
    "packer": frozenset(("required_version",)),
    "variable": frozenset(("description", "sensitive")),
    "input": frozenset(("description", "sensitive")),
    "local": frozenset(("sensitive",)),
    "output": frozenset(("description", "sensitive")),
    "vars": _ALL,
}
"""Arguments whose texts are plain text in JSON, by the block that they stand in."""
_WRITTEN: Final[Mapping[str, frozenset[str]]] = {
    "variable": frozenset(("type",)),
    "input": frozenset(("type",)),
    "dynamic": frozenset(("iterator",)),
}
"""Arguments that JSON has as the text of an expression."""


@attrs.frozen
class Place:
    """A kind of body: that of a file (``root``, ``vars``), of a block by its type, or of a component (``schema``).

    ``generated`` is the place of what a ``dynamic`` block makes.
    """

    keyword: str
    registry: Registry
    component: bool = False
    schema: Schema | None = None
    generated: Place | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing says what may stand here: the component is none of ours."""
        return self.component and self.schema is None

    def shaped(self, body: Body) -> Body:
        """The body with blocks as such."""
        return shaped(body, self._shape(body), Diagnostics())

    def _shape(self, body: Body) -> Shape:
        if self.keyword == "root":
            return ROOT_SHAPE
        if self.keyword == "dynamic":
            return {"content": ()}
        if not self.component:
            known = _SHAPES.get(self.keyword, {})
            return {**known, **_DYNAMIC} if self.keyword in ("build", "post-processors") else known
        known = self.schema.shape if self.schema else _guessed(body)
        steps: Shape = {"retry": ()} if self.keyword in _STEPS else {}
        return {**known, **_DYNAMIC, **steps}

    def within(self, block: Block) -> Place:
        """The place that the body of a block in this one is."""
        if block.type.text == "content" and self.generated is not None:
            return self.generated
        if block.type.text != "dynamic":
            return self._named(block.type.text, tuple(label.text for label in block.labels))
        made = self._named(block.labels[0].text if block.labels else "", _labels_of(block))
        return Place("dynamic", self.registry, generated=made)

    def _named(self, keyword: str, labels: tuple[str, ...]) -> Place:
        if self.component:
            spec = self.schema.names.get(keyword) if self.schema else None
            inner = schema_of(spec.element) if spec is not None and spec.meta.nested else None
            return Place(keyword, self.registry, component=keyword != "retry", schema=inner)
        type_ = labels[0] if labels else ""
        if keyword in _STEPS:
            return self._component(keyword, _STEPS[keyword], type_)
        if keyword == "source" and self.keyword == "build":
            return self._component(keyword, Kind.BUILDER, type_.removeprefix("source.").partition(".")[0])
        if keyword in ("source", "data"):
            return self._component(keyword, Kind.BUILDER if keyword == "source" else Kind.DATA_SOURCE, type_)
        return Place(keyword, self.registry)

    def _component(self, keyword: str, kind: Kind, type_: str) -> Place:
        found = self.registry.load(kind, type_)
        return Place(keyword, self.registry, component=True, schema=schema_of(found.Config) if found else None)

    def is_verbatim(self, name: str) -> bool:
        found = _VERBATIM.get(self.keyword, frozenset()) if not self.component else frozenset()
        return found is _ALL or name in found

    def is_written(self, name: str) -> bool:
        return not self.component and name in _WRITTEN.get(self.keyword, frozenset())


def looks_like_blocks(name: str, expr: Expr) -> bool:
    """Of a component that hclimg does not have, the values must tell what is a block."""
    objects = expr.items if isinstance(expr, TupleCons) else (expr,)
    return bool(objects) and all(isinstance(one, ObjectCons) for one in objects) and is_block(name, expr)


def _guessed(body: Body) -> Shape:
    properties = (item for item in body.items if isinstance(item, Property))
    return {item.name.text: () for item in properties if looks_like_blocks(item.name.text, item.expr)}


def _labels_of(block: Block) -> tuple[str, ...]:
    """The labels that a ``dynamic`` block gives to what it makes, as far as they are written out."""
    given = block.body.attributes.get("labels")
    items = given.expr.items if given is not None and isinstance(given.expr, TupleCons) else ()
    return tuple(str(item.value.raw) for item in items if isinstance(item, Literal))
