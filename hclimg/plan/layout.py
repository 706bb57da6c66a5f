"""What one lane consists of: which provisioners and post-processors apply to it, with which settings.

Settings that lanes share are evaluated once. Nothing here knows nodes or edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import attrs

from hclimg.diagnostics import Diagnostics
from hclimg.lang.evaluate import Reference, references
from hclimg.lang.names import Names, around, inner_names
from hclimg.lang.syntax import Body, Expr
from hclimg.lang.values import Value, object_of, string, unknown
from hclimg.plan.lanes import LaneDraft
from hclimg.plan.select import Selection
from hclimg.plan.settings import Filter, StepSettings, check_names, overridden, step_filter, step_settings
from hclimg.plan.specs import LaneScope, Mentions, Specs, told_with_uses
from hclimg.template.disabled import check_unused
from hclimg.template.globals import Globals, moved
from hclimg.template.groups import GroupInputs, UsedGroup, home_of, used_group
from hclimg.template.instances import expand_block
from hclimg.template.model import BuildBlock, ChainBlock, ComponentBlock, GroupBlock, UseBlock
from hclimg.template.repeat import REPETITION, Instance, instances, key_text
from hclimg.template.scope import source_object, unknown_build

MOST_USES = 10_000
"""How often groups can be used in one build."""


@attrs.frozen(eq=False, repr=False)
class Step:
    """A provisioner or post-processor of a lane; ``body`` is its settings with the lane's overrides.

    ``names`` are those of the module that it stands in, ``scope`` has them with those of the lane.
    """

    block: ComponentBlock
    body: Body
    settings: StepSettings
    scope: LaneScope
    names: Globals

    @property
    def label(self) -> str:
        """What people call it."""
        return (self.settings.name or self.block.type) + key_text(self.block.key)

    @property
    def origin(self) -> str:
        """Which group it comes from, as people read it."""
        return f" of group {self.block.group.label}" if self.block.group else ""

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
    error_cleanups: tuple[Step, ...]
    chains: tuple[tuple[Step, ...], ...]

    @property
    def name(self) -> str:
        return self.draft.lane.name

    @property
    def steps(self) -> Iterator[Step]:
        yield from self.provisioners
        yield from self.error_cleanups
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
    """Lays lanes out, each once. ``labels`` are what the post-processors that were met can be called.

    ``groups`` are those that can be used in each module, ``used`` says which of them are.
    """

    groups: Mapping[str, Mapping[str, GroupBlock]]
    specs: Specs
    selection: Selection
    drafts: dict[str, LaneDraft]
    diags: Diagnostics
    labels: set[str] = attrs.field(factory=set, init=False)
    used: set[tuple[str, str]] = attrs.field(factory=set, init=False)
    _done: dict[str, LaneLayout] = attrs.field(factory=dict, init=False)
    _filters: dict[tuple[object, ...], Filter] = attrs.field(factory=dict, init=False)
    _settings: dict[tuple[object, ...], StepSettings] = attrs.field(factory=dict, init=False)
    _names: dict[int, _BuildNames] = attrs.field(factory=dict, init=False)
    _builds: dict[int, list[LaneDraft]] = attrs.field(factory=dict, init=False)
    _repeated: dict[tuple[object, ...], tuple[ComponentBlock, ...]] = attrs.field(factory=dict, init=False)
    _groups: dict[tuple[object, ...], tuple[tuple[Filter, UsedGroup], ...]] = attrs.field(factory=dict, init=False)
    _uses: dict[str, int] = attrs.field(factory=dict, init=False)
    _repeated_chains: dict[tuple[object, ...], tuple[Instance, ...]] = attrs.field(factory=dict, init=False)

    def of(self, name: str) -> LaneLayout:
        if name not in self._done:
            self._done[name] = self._lay_out(self.drafts[name])
        return self._done[name]

    def references(self, layout: LaneLayout) -> Iterator[tuple[ComponentBlock, Globals, Iterable[Reference]]]:
        """What the blocks of a lane refer to, and in which module, its source first."""
        draft = layout.draft
        yield draft.source, draft.globals, self.specs.mentions(draft.source, draft.body).references
        for step in layout.steps:
            yield step.block, step.names, self.specs.mentions(step.block, step.body).references

    def _lay_out(self, draft: LaneDraft) -> LaneLayout:
        scope = self._step_scope(draft)
        build, names = draft.build, draft.build.names
        steps = self._steps(build.provisioners, names, draft, scope)
        cleanups = (build.error_cleanup,) if build.error_cleanup else ()
        cleanup = self._steps(cleanups, names, draft, scope)
        chains = self._chains(build.chains, names, draft, scope)
        return LaneLayout(
            draft=draft,
            source_scope=self._source_scope(draft),
            scope=scope,
            provisioners=tuple(steps),
            error_cleanups=tuple(cleanup),
            chains=tuple(chain for chain in chains if chain),
        )

    # -- instances ----------------------------------------------------------------

    def _steps(
        self, blocks: tuple[ComponentBlock | UseBlock, ...], outer: Names | None, draft: LaneDraft, scope: LaneScope
    ) -> Iterator[Step]:
        """The provisioners that apply to a lane, those of groups too."""
        for block in blocks:
            if isinstance(block, UseBlock):
                for used, inner in self._used(block, outer, draft, scope):
                    yield from self._steps(used.provisioners, used.names, draft, inner)
                continue
            for instance in self._instances((block,), outer, scope):
                step = self._step(instance, draft, scope)
                if step is not None:
                    yield step

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

    def _chains(
        self, chains: tuple[ChainBlock | UseBlock, ...], outer: Names | None, draft: LaneDraft, scope: LaneScope
    ) -> Iterator[tuple[Step, ...]]:
        for chain in chains:
            if isinstance(chain, UseBlock):
                for used, inner in self._used(chain, outer, draft, scope):
                    yield from self._chains(used.chains, used.names, draft, inner)
                continue
            for instance in self._chain_instances(chain, inner_names(outer, chain.names), scope):
                steps = tuple(self._instances(chain.steps, instance.names, scope, instance.key))
                yield self._chain(steps, draft, scope)

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

    # -- groups -------------------------------------------------------------------

    def _used(
        self, use: UseBlock, outer: Names | None, draft: LaneDraft, scope: LaneScope
    ) -> Iterator[tuple[UsedGroup, LaneScope]]:
        """The groups that a ``use`` block adds to a lane, with the scope of their steps; none when it is for others."""
        found = home_of(use, draft.globals.at(scope.module), self.diags)
        home, name = found or (draft.globals, "")
        group = self.groups[home.address].get(name)
        if group is None:
            return
        roots = {reference.root for expr in _expressions(use) for reference in references(expr)}
        key = (id(use), id(outer), *self.specs.key(Mentions((), frozenset(roots)), scope))
        self.used.add((home.address, name))
        if key not in self._groups:
            self._groups[key] = tuple(self._expanded(use, (home, group), outer, draft, scope))
        inner = attrs.evolve(scope, scope=moved(scope.scope, home.address), module=home.address)
        for admitted, used in self._groups[key]:
            if admitted.admits(draft.names) and self._has_room(use, draft):
                yield used, inner

    def _expanded(
        self,
        use: UseBlock,
        group: tuple[Globals, GroupBlock],
        outer: Names | None,
        draft: LaneDraft,
        scope: LaneScope,
    ) -> Iterator[tuple[Filter, UsedGroup]]:
        names, diags = inner_names(outer, use.names), self.diags
        found = instances(use.meta, names, scope.scope, use.context, diags).found
        if not found:
            given = {name: item.expr for name, item in use.given.items()}
            check_unused({**use.meta, **given}, None, names, scope.scope, use.context, diags)
        for item in found:
            inputs = GroupInputs(group=group[1], use=use, outer=item.names, home=group[0], caller=scope.module)
            seen = self._filter(attrs.evolve(use, names=item.names), draft, scope)
            yield seen, used_group(inputs, item.key, scope.scope, diags)

    def _has_room(self, use: UseBlock, draft: LaneDraft) -> bool:
        """Groups that use groups twice, and so on, grow without bounds."""
        lane = draft.lane.name
        self._uses[lane] = self._uses.get(lane, 0) + 1
        if self._uses[lane] == MOST_USES + 1:
            detail = f"Groups are used more than {MOST_USES} times in one build, because groups use groups."
            self.diags.error("Too many steps", detail, subject=use.header, context=use.context)
        return self._uses[lane] <= MOST_USES

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
        scope = draft.globals.scope.child({"source": source, **names})
        return LaneScope(
            scope=scope, module=lane.module, lane=lane.name, type=lane.source_type, build_name=lane.build_name
        )

    # -- steps --------------------------------------------------------------------

    def _step(self, block: ComponentBlock, draft: LaneDraft, scope: LaneScope) -> Step | None:
        """None when the step does not apply to the lane."""
        key = (id(block), *self.specs.key(self.specs.mentions(block, block.body), scope))
        if key not in self._filters:
            self._filters[key] = self._filter(block, draft, scope)
        if not self._filters[key].admits(draft.names):
            return None
        inner = around(scope.scope, block.names)
        before = len(self.diags)
        if key not in self._settings:
            self._settings[key] = step_settings(block, inner, self.diags)
        known = self._known(draft).overrides
        names = (*draft.names, draft.source.name, draft.lane.source_name)
        body = overridden(block, names, known, inner, self.diags, strict=draft.globals.template.legacy)
        told_with_uses(block, self.diags, before)
        return Step(block, body, self._settings[key], scope, draft.globals.at(scope.module))

    def _filter(self, block: ComponentBlock | UseBlock, draft: LaneDraft, scope: LaneScope) -> Filter:
        found = step_filter(block, around(scope.scope, block.names), self.diags)
        known = self._known(draft)
        check_names(block, found, known.filters, known.shown, self.diags, strict=draft.globals.template.legacy)
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


def _expressions(use: UseBlock) -> Iterator[Expr]:
    yield from use.meta.values()
    yield from (item.expr for item in use.given.values())
