"""What one lane consists of: which provisioners and post-processors apply to it, with which settings.

Settings that lanes share are evaluated once. Nothing here knows nodes or edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from hclimg.diagnostics import Diagnostics
from hclimg.lang.evaluate import Reference, Scope, references
from hclimg.lang.names import Names, around, inner_names
from hclimg.lang.syntax import Body
from hclimg.lang.values import Value, object_of, string, unknown
from hclimg.plan.lanes import LaneDraft
from hclimg.plan.select import Selection
from hclimg.plan.settings import Filter, StepSettings, check_names, overridden, step_filter, step_settings
from hclimg.plan.specs import LaneScope, Mentions, Specs
from hclimg.template.disabled import check_unused
from hclimg.template.instances import expand_block
from hclimg.template.model import BuildBlock, ChainBlock, ComponentBlock, Template
from hclimg.template.repeat import REPETITION, Instance, instances, key_text
from hclimg.template.scope import source_object, unknown_build


@attrs.frozen(eq=False, repr=False)
class Step:
    """A provisioner or post-processor of a lane; ``body`` is its settings with the lane's overrides."""

    block: ComponentBlock
    body: Body
    settings: StepSettings

    @property
    def label(self) -> str:
        """What people call it."""
        return (self.settings.name or self.block.type) + key_text(self.block.key)

    @property
    def callings(self) -> tuple[str, ...]:
        """What ``-except`` can call a post-processor."""
        return tuple(dict.fromkeys((self.label, self.settings.name or self.block.type)))


@attrs.frozen(eq=False, repr=False, kw_only=True)
class LaneLayout:
    """``source_scope`` is for the source, ``scope`` for everything after it."""

    draft: LaneDraft
    source_scope: LaneScope
    scope: LaneScope
    provisioners: tuple[Step, ...]
    error_cleanup: Step | None
    chains: tuple[tuple[Step, ...], ...]

    @property
    def name(self) -> str:
        return self.draft.lane.name

    @property
    def steps(self) -> Iterator[Step]:
        yield from self.provisioners
        if self.error_cleanup:
            yield self.error_cleanup
        for chain in self.chains:
            yield from chain


@attrs.frozen
class _BuildNames:
    """What ``only`` and ``except``, and what ``override``, can call the lanes of a build; what users call them."""

    filters: frozenset[str]
    overrides: frozenset[str]
    shown: tuple[str, ...]


@attrs.define(eq=False, repr=False)
class Layouts:
    """Lays lanes out, each once. ``labels`` are what the post-processors that were met can be called."""

    template: Template
    scope: Scope
    specs: Specs
    selection: Selection
    drafts: dict[str, LaneDraft]
    diags: Diagnostics
    labels: set[str] = attrs.field(factory=set, init=False)
    _done: dict[str, LaneLayout] = attrs.field(factory=dict, init=False)
    _filters: dict[tuple[object, ...], Filter] = attrs.field(factory=dict, init=False)
    _settings: dict[tuple[object, ...], StepSettings] = attrs.field(factory=dict, init=False)
    _names: dict[int, _BuildNames] = attrs.field(factory=dict, init=False)
    _builds: dict[int, list[LaneDraft]] = attrs.field(factory=dict, init=False)
    _repeated: dict[tuple[object, ...], tuple[ComponentBlock, ...]] = attrs.field(factory=dict, init=False)
    _repeated_chains: dict[tuple[object, ...], tuple[Instance, ...]] = attrs.field(factory=dict, init=False)

    def of(self, name: str) -> LaneLayout:
        if name not in self._done:
            self._done[name] = self._lay_out(self.drafts[name])
        return self._done[name]

    def references(self, layout: LaneLayout) -> Iterator[tuple[ComponentBlock, Iterable[Reference]]]:
        """What the blocks of a lane refer to, its source first."""
        draft = layout.draft
        yield draft.source, self.specs.mentions(draft.source, draft.body).references
        for step in layout.steps:
            yield step.block, self.specs.mentions(step.block, step.body).references

    def _lay_out(self, draft: LaneDraft) -> LaneLayout:
        scope = self._step_scope(draft)
        build, names = draft.build, draft.build.names
        steps = [self._step(block, draft, scope) for block in self._instances(build.provisioners, names, scope)]
        cleanups = (build.error_cleanup,) if build.error_cleanup else ()
        cleanup = [self._step(block, draft, scope) for block in self._instances(cleanups, names, scope)]
        chains = [chain for block in build.chains for chain in self._chains(block, draft, scope)]
        return LaneLayout(
            draft=draft,
            source_scope=self._source_scope(draft),
            scope=scope,
            provisioners=tuple(step for step in steps if step),
            error_cleanup=next(filter(None, cleanup), None),
            chains=tuple(chain for chain in chains if chain),
        )

    # -- instances ----------------------------------------------------------------

    def _instances(
        self, blocks: tuple[ComponentBlock, ...], outer: Names | None, scope: LaneScope, key: str | None = None
    ) -> Iterator[ComponentBlock]:
        """The blocks as they apply to a lane, those with ``for_each`` once for each key.

        ``outer`` is what they see of what is around them; ``key`` is the one of the chain that they belong to.
        """
        for block in blocks:
            if outer is None and REPETITION.isdisjoint(block.meta):
                yield block
                continue
            known = (id(block), id(outer), *self.specs.key(self.specs.mentions(block, block.body), scope))
            if known not in self._repeated:
                seen = block.with_names(inner_names(outer, block.names), key)
                found = expand_block(seen, scope.scope, self.diags)
                self._repeated[known] = tuple(found.found.values())
            yield from self._repeated[known]

    def _chains(self, chain: ChainBlock, draft: LaneDraft, scope: LaneScope) -> Iterator[tuple[Step, ...]]:
        outer = inner_names(draft.build.names, chain.names)
        for instance in self._chain_instances(chain, outer, scope):
            yield self._chain(tuple(self._instances(chain.steps, instance.names, scope, instance.key)), draft, scope)

    def _chain_instances(self, chain: ChainBlock, outer: Names | None, scope: LaneScope) -> tuple[Instance, ...]:
        if not chain.meta:
            return (Instance(None, outer),)
        roots = frozenset(reference.root for expr in chain.meta.values() for reference in references(expr))
        key = (id(chain), id(outer), *self.specs.key(Mentions((), roots), scope))
        if key not in self._repeated_chains:
            found = instances(chain.meta, outer, scope.scope, chain.context, self.diags)
            if not found.found:
                for step in chain.steps:
                    meta = {**chain.meta, **step.meta}
                    check_unused(meta, step.body, outer, scope.scope, step.context, self.diags)
            self._repeated_chains[key] = found.found
        return self._repeated_chains[key]

    # -- scopes -------------------------------------------------------------------

    def _source_scope(self, draft: LaneDraft) -> LaneScope:
        lane = draft.lane
        build = object_of({"name": string(lane.build_name), "type": string(lane.source_type)})
        return self._scope(draft, {"build": build})

    def _step_scope(self, draft: LaneDraft) -> LaneScope:
        lane = draft.lane
        builder = self.specs.component_class(draft.source)
        facts = getattr(builder, "facts", ())
        build = unknown_build(lane.build_name, lane.source_type, facts) if builder else unknown()
        return self._scope(draft, {"build": build})

    def _scope(self, draft: LaneDraft, names: dict[str, Value]) -> LaneScope:
        lane = draft.lane
        source = source_object(lane.source_type, lane.label, lane.keys)
        scope = self.scope.child({"source": source, **names})
        return LaneScope(scope=scope, lane=lane.name, type=lane.source_type, build_name=lane.build_name)

    # -- steps --------------------------------------------------------------------

    def _step(self, block: ComponentBlock, draft: LaneDraft, scope: LaneScope) -> Step | None:
        """None when the step does not apply to the lane."""
        key = (id(block), *self.specs.key(self.specs.mentions(block, block.body), scope))
        if key not in self._filters:
            self._filters[key] = self._filter(block, draft, scope)
        if not self._filters[key].admits(draft.names):
            return None
        inner = around(scope.scope, block.names)
        if key not in self._settings:
            self._settings[key] = step_settings(block, inner, self.diags)
        known = self._known(draft).overrides
        names = (*draft.names, draft.source.name, draft.lane.source_name)
        body = overridden(block, names, known, inner, self.diags, strict=self.template.legacy)
        return Step(block, body, self._settings[key])

    def _filter(self, block: ComponentBlock, draft: LaneDraft, scope: LaneScope) -> Filter:
        found = step_filter(block, around(scope.scope, block.names), self.diags)
        known = self._known(draft)
        check_names(block, found, known.filters, known.shown, self.diags, strict=self.template.legacy)
        return found

    def _known(self, draft: LaneDraft) -> _BuildNames:
        key = id(draft.build)
        if key not in self._names:
            others = self._lanes_of(draft.build)
            filters = frozenset(name for other in others for name in other.names)
            own = frozenset(name for other in others for name in (other.source.name, other.lane.source_name))
            self._names[key] = _BuildNames(filters, filters | own, tuple(other.names[0] for other in others))
        return self._names[key]

    def _lanes_of(self, build: BuildBlock) -> list[LaneDraft]:
        if not self._builds:
            for draft in self.drafts.values():
                self._builds.setdefault(id(draft.build), []).append(draft)
        return self._builds[id(build)]

    def _chain(self, blocks: tuple[ComponentBlock, ...], draft: LaneDraft, scope: LaneScope) -> tuple[Step, ...]:
        """A chain of post-processors up to the first that ``-except`` names: what follows would lack its input."""
        found: list[Step] = []
        for position, block in enumerate(blocks):
            step = self._step(block, draft, scope)
            if step is None:
                continue
            self.labels.update(step.callings)
            if self.selection.drops(*step.callings):
                self._report_rest(step, blocks[position + 1 :])
                break
            found.append(step)
        return tuple(found)

    def _report_rest(self, step: Step, rest: tuple[ComponentBlock, ...]) -> None:
        if not rest:
            return
        names = ", ".join(f'"{block.type}"' for block in rest)
        detail = f'-except leaves out "{step.label}", and with it the rest of its chain: {names}.'
        block = step.block
        self.diags.warn("Post-processors left out", detail, subject=block.header, context=block.context)
