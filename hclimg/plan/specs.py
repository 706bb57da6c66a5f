"""Specs of components, decoded once to check them: with what a run will tell still unknown.

Lanes share blocks. A block is decoded once for all the lanes for which its expressions mean the same, which keeps
``validate`` linear in the blocks that are written rather than in blocks times lanes.
"""

from __future__ import annotations

from typing import Any

import attrs

from hclimg.config.decode import Beside, Decoded, decode_body
from hclimg.config.kinds import object_type
from hclimg.diagnostics import Diagnostics, Related, did_you_mean
from hclimg.errors import PluginError, TemplateError
from hclimg.lang.evaluate import Reference, Scope, references
from hclimg.lang.syntax import Body
from hclimg.lang.types import ANY, Type
from hclimg.plan.node import Spec
from hclimg.redaction import hidden
from hclimg.registry import Kind, Registry
from hclimg.sdk.components import Component, DataSource
from hclimg.template.groups import references_of
from hclimg.template.model import ComponentBlock
from hclimg.template.steps import meta_names


@attrs.frozen(eq=False, repr=False)
class Checked:
    """A spec, and what it says as far as that is known. ``component`` is None when something is wrong with it.

    ``module`` is the address of the module in which it means that.
    """

    spec: Spec
    component: Component[Any] | None = None
    decoded: Decoded[Any] | None = None
    module: str = ""

    def titled(self, title: str) -> str:
        """The title with a summary of what the component will do, in which nothing is secret."""
        summary = self.component.summary() if self.component else ""
        if summary and self.decoded and self.decoded.secrets:
            summary = hidden(summary, self.decoded.secrets)
        return f"{title}: {summary}" if summary else title


def told_with_uses(block: ComponentBlock, diags: Diagnostics, before: int) -> None:
    """Add to what has been reported of a step of a group by which uses it comes into the build."""
    if block.group is None or not block.group.places or len(diags) == before:
        return
    related = tuple(Related("used here", place) for place in block.group.places)
    items = diags.items[before:]
    diags.items[before:] = [attrs.evolve(item, related=(*item.related, *related)) for item in items]


@attrs.frozen(eq=False, repr=False)
class Mentions:
    """What a body (and the arguments around it) refers to. ``roots`` are the first names."""

    references: tuple[Reference, ...]
    roots: frozenset[str]


@attrs.frozen(eq=False, repr=False, kw_only=True)
class LaneScope:
    """The names in one lane. ``type`` and ``build_name`` are what ``build.*`` depends on before a machine runs;
    ``module`` is the address of the module whose names they are."""

    scope: Scope
    module: str
    lane: str
    type: str
    build_name: str


@attrs.define(eq=False, repr=False)
class Specs:
    registry: Registry
    diags: Diagnostics
    _checked: dict[tuple[object, ...], Checked] = attrs.field(factory=dict, init=False)
    _mentions: dict[tuple[int, int], Mentions] = attrs.field(factory=dict, init=False)
    _classes: dict[tuple[Kind, str], type[Component[Any]] | None] = attrs.field(factory=dict, init=False)
    _broken: set[tuple[Kind, str]] = attrs.field(factory=set, init=False)
    _alive: list[object] = attrs.field(factory=list, init=False)

    def component_class(self, block: ComponentBlock) -> type[Component[Any]] | None:
        """The class that a block names; None, after a report, when there is none."""
        key = block.kind, block.type
        if key not in self._classes:
            try:
                self._classes[key] = self.registry.load(block.kind, block.type)
            except PluginError as error:
                self.diags.error("Broken component", str(error), subject=block.header, context=block.context)
                self._classes[key] = None
                self._broken.add(key)
        found = self._classes[key]
        if found is None and key not in self._broken:
            self._report_unknown(block)
        return found

    def data_type(self, block: ComponentBlock) -> Type:
        """What kind of object ``data.TYPE.NAME`` will be."""
        cls = self.component_class(block)
        output = cls.Output if cls is not None and issubclass(cls, DataSource) else None
        return ANY if output is None else object_type(output)

    def mentions(self, block: ComponentBlock, body: Body) -> Mentions:
        """What a block with this body refers to."""
        key = id(block), id(body)
        found = self._mentions.get(key)
        if found is None:
            around = [reference for expr in block.meta.values() for reference in references(expr, body.names)]
            every = (*references_of(body), *around)
            found = self._mentions[key] = Mentions(every, frozenset(reference.root for reference in every))
            self._alive.append(body)
        return found

    def key(self, mentions: Mentions, lane: LaneScope) -> tuple[object, ...]:
        """Equal for lanes for which an expression with these references means the same."""
        if "source" in mentions.roots:
            return (lane.lane,)
        own = (lane.type, lane.build_name) if "build" in mentions.roots else ()
        return (lane.module, *own)

    def check(self, block: ComponentBlock, body: Body, lane: LaneScope) -> Checked:
        """The spec of a block in a lane, decoded unless that has been done already."""
        key = (id(block), id(body), *self.key(self.mentions(block, body), lane))
        found = self._checked.get(key)
        if found is None:
            found = self._checked[key] = attrs.evolve(self._check(block, body, lane.scope), module=lane.module)
        return found

    def _check(self, block: ComponentBlock, body: Body, scope: Scope) -> Checked:
        spec = Spec(block.kind, block.type, body, scope, block.header, block.context)
        cls = self.component_class(block)
        if cls is None:
            return Checked(spec)
        decoded: Decoded[Any] | None
        beside = Beside(meta_names(block.kind), f"{block.kind.value.replace(' ', '-')}/{block.type}")
        before = len(self.diags)
        try:
            decoded = decode_body(
                cls.Config, body, scope, self.diags, context=block.context, header=block.header, beside=beside
            )
        except TemplateError as error:  # of what the step is given by who uses its group
            self.diags.extend(error.diagnostics)
            return Checked(spec)
        told_with_uses(block, self.diags, before)
        return Checked(spec, cls(decoded.config), decoded) if decoded else Checked(spec)

    def _report_unknown(self, block: ComponentBlock) -> None:
        names = self.registry.names(block.kind)
        hint = did_you_mean(block.type, names) or f" hclimg has {', '.join(names)}." if names else ""
        detail = f'There is no {block.kind} called "{block.type}".{hint}'
        self.diags.error(f"Unknown {block.kind} type", detail, subject=block.header, context=block.context)
