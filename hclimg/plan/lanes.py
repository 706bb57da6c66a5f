"""From build blocks to lanes: every source of every build, with its name and its settings.

Whatever decides which lanes there are has to be known before anything runs: names, references to sources.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from hclimg.diagnostics import Absence, Diagnostics, Range, Related, did_you_mean
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.evaluate import Scope, evaluate, references
from hclimg.lang.limits import next_block
from hclimg.lang.names import around, inner_names
from hclimg.lang.syntax import Attribute, Body, Expr, Property, TupleCons
from hclimg.lang.types import ANY, STRING, Type
from hclimg.lang.values import Value
from hclimg.plan.naming import BuildName, SourceName, file_part, lane_names, source_values, unknown_instance
from hclimg.plan.node import Lane
from hclimg.template.blocks import bad_reference, source_reference, within
from hclimg.template.disabled import check_unused
from hclimg.template.expand import Expansion
from hclimg.template.globals import Globals
from hclimg.template.instances import BlockInstances
from hclimg.template.model import BuildBlock, ComponentBlock, SourceReference, SourceUse, prefix
from hclimg.template.repeat import UNDECIDED, instances, refers_to_each
from hclimg.template.roots import origins, waits_for_data


@attrs.frozen(eq=False, repr=False, kw_only=True)
class LaneDraft:
    """A lane on its way into the plan.

    ``body`` are the settings of its source, with those that the build adds. ``names`` are what ``only``, ``except``
    and ``override`` of the template can call it, ``callings`` what the options can: also without the keys of instances.
    ``place`` is where the build names it. ``globals`` are the names of the module that it stands in.
    """

    lane: Lane
    globals: Globals
    build: BuildBlock
    source: ComponentBlock
    body: Body
    names: tuple[str, ...]
    callings: tuple[str, ...]
    place: Range


def draft_lanes(globals_: Globals, expansion: Expansion, diags: Diagnostics) -> list[LaneDraft]:
    """The lanes of all builds of a template or a module, in the order in which they are written."""
    drafts: dict[str, LaneDraft] = {}
    numbers: dict[str, int] = {}
    values = source_values(expansion)
    for build in expansion.builds:
        inner = around(globals_.scope, build.names)
        for draft in _Drafting(globals_, expansion, build, inner, values, diags).drafts():
            unique = _unique(draft, drafts, numbers, diags)
            drafts[unique.lane.name] = unique
    return list(drafts.values())


def _unique(draft: LaneDraft, drafts: dict[str, LaneDraft], numbers: dict[str, int], diags: Diagnostics) -> LaneDraft:
    """Packer accepts two builds of the same name; what they make still has to be told apart."""
    lane, first = draft.lane, drafts.get(draft.lane.name)
    if first is None:
        return draft
    number = numbers.get(lane.name, 1) + 1
    while f"{lane.name}#{number}" in drafts:
        number += 1
    numbers[lane.name] = number
    name = f"{lane.name}#{number}"
    detail = f'Two builds are called "{lane.name}". The second one is shown as "{name}"; give the build block a name.'
    related = (Related("first built here", first.place),)
    where = {"subject": draft.place, "context": "build", "related": related}
    diags.warn("Builds with the same name", detail, **where, absence=Absence.BUILD)
    named = attrs.evolve(lane, name=name, address=f"{lane.address}#{number}")
    return attrs.evolve(draft, lane=named, callings=(*draft.callings, name))


@attrs.frozen(eq=False, repr=False)
class _Drafting:
    """Drafts the lanes of one build; ``scope`` is the one inside it, ``values`` what ``source`` is in ``sources``."""

    globals: Globals
    expansion: Expansion
    build: BuildBlock
    scope: Scope
    values: Value
    diags: Diagnostics

    def drafts(self) -> Iterator[LaneDraft]:
        build = self.build
        name = known_text(build.name, self.scope, "build", self.diags) or ""
        known_text(build.description, self.scope, "build", self.diags)
        if build.sources is None and not build.uses:
            detail = 'This build has no source: write sources = ["source.TYPE.NAME"], or a source block.'
            self.diags.error("Missing source", detail, subject=build.header, context="build", absence=Absence.BUILD)
        named = BuildName.of(build, name)
        for use in self._references():
            yield from self._lanes(use, SourceName(None), named)
        for use in build.uses:
            yield from self._used(use, named)

    def _used(self, use: SourceUse, named: BuildName) -> Iterator[LaneDraft]:
        names = inner_names(self.build.names, use.names)
        found = instances(use.meta, names, self.scope, use.context, self.diags)
        if not found.found:
            check_unused(use.meta, use.body, names, self.scope, use.context, self.diags)
        for item in found.found:
            text = known_text(use.name, around(self.scope, item.names), "build", self.diags) or None
            own = () if item.key is None or (use.name is not None and refers_to_each(use.name)) else (item.key,)
            body = use.body.with_names(item.names) if use.body is not None else None
            yield from self._lanes(attrs.evolve(use, body=body), SourceName(text, own, item.key), named)

    def _lanes(self, use: SourceUse, name: SourceName, build: BuildName) -> Iterator[LaneDraft]:
        sources = self.expansion.sources.get(use.source.address)
        if sources is None:
            self._unknown_source(use)
            return
        for source in self._chosen(use, sources):
            if not next_block(self.diags, use.header, "build"):
                return
            body = source.body if use.body is None else _merged(source, use.body, self.diags)
            yield self._draft(source, body, use, name, build)

    def _chosen(self, use: SourceUse, sources: BlockInstances) -> tuple[ComponentBlock, ...]:
        """The instances that a reference means."""
        key = use.source.key
        if key is None:
            return tuple(sources.found.values())
        meant = sources.found.get(key) or sources.found.get(UNDECIDED)
        if meant is not None:
            return (meant,)
        if sources.repeated or sources.found:
            summary, detail = unknown_instance(use.source, sources)
            self.diags.error(summary, detail, subject=use.header, context="build", absence=Absence.DECLARATION)
        return ()

    def _draft(
        self, source: ComponentBlock, body: Body, use: SourceUse, named: SourceName, build: BuildName
    ) -> LaneDraft:
        names = lane_names(source, use.source, named, build, prefix(self.globals.address))
        legacy = self.globals.template.legacy
        lane = Lane(
            address=names.address,
            name=names.name if legacy else names.address,
            source_type=source.type,
            source_name=names.name,
            build_name=build.name,
            keys=tuple(key for key in (source.key, named.key) if key is not None),
            label="-".join([*map(file_part, self.globals.path), names.name, *map(file_part, names.told)]),
            module=self.globals.address,
            steps=names.steps,
            families=names.families,
        )
        return LaneDraft(
            lane=lane,
            globals=self.globals,
            build=self.build,
            source=source,
            body=body,
            names=(names.name, *names.locals) if legacy else names.locals,
            callings=(lane.name, *names.callings),
            place=use.header,
        )

    # -- references -----------------------------------------------------------------

    def _references(self) -> Iterator[SourceUse]:
        """The ``sources`` argument, item by item, so that each knows its place."""
        if self.build.sources is None:
            return
        for text, at in self._texts(self.build.sources):
            source = source_reference(text)
            if source is None:
                known = [".".join(address) for address in self.expansion.sources]
                bad_reference(text, known, at, self.diags)
            else:
                yield SourceUse(source, at)

    def _texts(self, expr: Expr) -> Iterator[tuple[str, Range]]:
        scope = self.scope.child({"source": self.values})
        for item in expr.items if isinstance(expr, TupleCons) else (expr,):
            value = None if self._is_wrong(item) else known_value(item, ANY, scope, "build", self.diags)
            if value is None:
                continue
            texts = list(_strings(value))
            if None in texts or not (isinstance(value.raw, tuple | dict) or texts):
                detail = "sources must be a list of references to sources, such as [source.qemu.web]."
                self.diags.error("Incorrect value", detail, subject=item.range, context="build")
            yield from ((text, item.range) for text in texts if text is not None)

    def _is_wrong(self, expr: Expr) -> bool:
        """Report a bare reference to a source, or to an instance, that does not exist."""
        before = len(self.diags)
        for reference in references(expr):
            steps = tuple(map(str, reference.steps))
            if reference.root == "source" and len(steps) > 1:
                meant = SourceReference(steps[0], steps[1], steps[2] if len(steps) > 2 else None)
                sources = self.expansion.sources.get(meant.address)
                use = SourceUse(meant, reference.range)
                if sources is None:
                    self._unknown_source(use)
                else:
                    self._chosen(use, sources)
        return len(self.diags) > before

    def _unknown_source(self, use: SourceUse) -> None:
        wanted = ".".join(use.source.address)
        known = sorted(".".join(address) for address in self.expansion.sources)
        listing = f" The sources are {', '.join(known)}." if known else " The template has no source block."
        hint = did_you_mean(wanted, known) or listing
        detail = f'There is no source "{use.source.type}" "{use.source.name}".{hint}'
        self.diags.error("Unknown source", detail, subject=use.header, context="build", absence=Absence.DECLARATION)


def _strings(value: Value) -> Iterator[str | None]:
    """The texts in a value; None for what cannot be one."""
    raw = value.raw
    if isinstance(raw, tuple | dict):
        for item in raw.values() if isinstance(raw, dict) else raw:
            yield from _strings(item)
    else:
        yield raw if isinstance(raw, str) else None


def _merged(source: ComponentBlock, more: Body, diags: Diagnostics) -> Body:
    """The settings of a source with those that a build adds; nothing can be set twice."""
    known = source.body.attributes
    items = list(source.body.items)
    for item in more.items:
        if not isinstance(item, Attribute):
            items.append(within(item, more.names))
        elif isinstance(item, Property) or item.name.text not in known:
            # Members of JSON objects may be blocks, which can be repeated; decoding finds those that cannot.
            items.append(item if more.names is None else item.with_names(more.names))
        else:
            first = known[item.name.text].name.range
            detail = f'The source sets "{item.name.text}" already. A build can only add settings to a source.'
            related = (Related("already set here", first),)
            diags.error("Duplicate argument", detail, subject=item.name.range, context=source.context, related=related)
    body = source.body
    return Body(
        body.source, body.start, body.end, tuple(items), body.flexible, body.whole and more.whole, body.names
    )


# -- values that have to be known -----------------------------------------------


def known_text(expr: Expr | None, scope: Scope, context: str, diags: Diagnostics) -> str | None:
    value = known_value(expr, STRING, scope, context, diags) if expr is not None else None
    return value.raw if value is not None else None


def known_value(
    expr: Expr, type_: Type, scope: Scope, context: str, diags: Diagnostics, *, name: str = ""
) -> Value | None:
    """The value of an argument that cannot wait for a run; None, after a report, when it has to or is wrong."""
    before = len(diags.items)
    value = evaluate(expr, scope, diags)
    if len(diags.items) > before:
        diags.items[before:] = [attrs.evolve(item, context=item.context or context) for item in diags.items[before:]]
        return None
    if not value.is_wholly_known:
        _report_unknown(expr, scope, context, diags)
        return None
    try:
        return convert(value, type_)
    except ConversionError as error:
        which = f' for "{name}"' if name else ""
        diags.error("Incorrect value", f"Inappropriate value{which}: {error}.", subject=expr.range, context=context)
        return None


def _report_unknown(expr: Expr, scope: Scope, context: str, diags: Diagnostics) -> None:
    found = origins(expr, scope)
    if waits_for_data(expr, scope):
        return  # before a run they are read first; only validate goes on without them
    # A variable or local is unknown also after an error that has been reported where it is declared.
    roots = {reference.root for reference in found}
    if roots <= {"var"} or (diags.has_errors and roots <= {"var", "local"}):
        return
    names = ", ".join(sorted({str(reference) for reference in found}))
    detail = f"This must be known before anything runs, but it depends on {names}, which is not."
    absence = Absence.DECLARATION if roots <= {"var", "local"} else None
    diags.error("Value not known yet", detail, subject=expr.range, context=context, absence=absence)
