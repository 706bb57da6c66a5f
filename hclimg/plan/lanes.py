"""From build blocks to lanes: every source of every build, with its name and its settings.

Whatever decides which lanes there are has to be known before anything runs: names, references to sources.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from hclimg.diagnostics import Diagnostics, Range, Related, did_you_mean
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.evaluate import Scope, evaluate, references
from hclimg.lang.syntax import Attribute, Body, Expr, Property, TupleCons
from hclimg.lang.types import STRING, ListType, Type
from hclimg.lang.values import Value
from hclimg.plan.node import Lane
from hclimg.template.blocks import bad_reference, source_reference
from hclimg.template.model import Address, BuildBlock, ComponentBlock, SourceUse, Template
from hclimg.template.scope import waits_for_data


@attrs.frozen(eq=False, repr=False, kw_only=True)
class LaneDraft:
    """A lane on its way into the plan.

    ``body`` are the settings of its source, with those that the build adds. ``names`` are what ``only``, ``except``
    and ``override`` of the template, and the options, can call it. ``place`` is where the build names it.
    """

    lane: Lane
    build: BuildBlock
    source: ComponentBlock
    body: Body
    names: tuple[str, ...]
    place: Range


def draft_lanes(template: Template, scope: Scope, diags: Diagnostics) -> list[LaneDraft]:
    """The lanes of all builds, in the order in which they are written."""
    if not template.builds:
        what = "builders" if template.legacy else "build block"
        detail = f"The template has no {what}, so there is nothing to build."
        diags.error(f"Missing {what}", detail, absence=True)
    drafts: dict[str, LaneDraft] = {}
    for build in template.builds:
        for draft in _drafts(template, build, scope, diags):
            unique = _unique(draft, drafts, diags)
            drafts[unique.lane.name] = unique
    return list(drafts.values())


def _unique(draft: LaneDraft, drafts: dict[str, LaneDraft], diags: Diagnostics) -> LaneDraft:
    """Packer accepts two builds of the same name; what they make still has to be told apart."""
    lane, first = draft.lane, drafts.get(draft.lane.name)
    if first is None:
        return draft
    number = next(n for n in range(2, len(drafts) + 3) if f"{lane.name}#{n}" not in drafts)
    name = f"{lane.name}#{number}"
    detail = f'Two builds are called "{lane.name}". The second one is shown as "{name}"; give the build block a name.'
    related = (Related("first built here", first.place),)
    where = {"subject": draft.place, "context": "build", "related": related}
    diags.warn("Builds with the same name", detail, **where, absence=True)
    return attrs.evolve(draft, lane=attrs.evolve(lane, name=name, address=f"{lane.address}#{number}"))


def _drafts(template: Template, build: BuildBlock, scope: Scope, diags: Diagnostics) -> Iterator[LaneDraft]:
    build_name = known_text(build.name, scope, "build", diags) or ""
    known_text(build.description, scope, "build", diags)
    if build.sources is None and not build.uses:
        detail = 'This build has no source: write sources = ["source.TYPE.NAME"], or a source block.'
        diags.error("Missing source", detail, subject=build.header, context="build", absence=True)
    for use in (*_references(build, scope, diags), *build.uses):
        source = template.sources.get(use.source)
        if source is None:
            _unknown_source(use, template, diags)
            continue
        name = known_text(use.name, scope, "build", diags) or source.name
        yield _draft(template, build, build_name, source, use, name, diags)


def _draft(
    template: Template,
    build: BuildBlock,
    build_name: str,
    source: ComponentBlock,
    use: SourceUse,
    name: str,
    diags: Diagnostics,
) -> LaneDraft:
    local = f"{source.type}.{name}"
    address = f"{build_name}.{local}" if build_name else local
    lane = Lane(
        address=address,
        name=name if template.legacy else address,
        source_type=source.type,
        source_name=name,
        build_name=build_name,
    )
    names = (name, local) if template.legacy else (local,)
    body = source.body if use.body is None else _merged(source, use.body, diags)
    return LaneDraft(lane=lane, build=build, source=source, body=body, names=names, place=use.header)


def _merged(source: ComponentBlock, more: Body, diags: Diagnostics) -> Body:
    """The settings of a source with those that a build adds; nothing can be set twice."""
    known = source.body.attributes
    items = list(source.body.items)
    for item in more.items:
        # Members of JSON objects may be blocks, which can be repeated; decoding finds those that cannot.
        if isinstance(item, Attribute) and not isinstance(item, Property) and item.name.text in known:
            first = known[item.name.text].name.range
            detail = f'The source sets "{item.name.text}" already. A build can only add settings to a source.'
            related = (Related("already set here", first),)
            diags.error("Duplicate argument", detail, subject=item.name.range, context=source.context, related=related)
        else:
            items.append(item)
    body = source.body
    return Body(body.source, body.start, body.end, tuple(items), body.flexible, body.whole and more.whole)


# -- references -----------------------------------------------------------------


def _references(build: BuildBlock, scope: Scope, diags: Diagnostics) -> Iterator[SourceUse]:
    """The ``sources`` argument, item by item, so that each knows its place."""
    if build.sources is None:
        return
    for text, at in _texts(build.sources, scope, diags):
        address: Address | None = source_reference(text)
        if address is None:
            bad_reference(text, at, diags)
        else:
            yield SourceUse(address, at)


def _texts(expr: Expr, scope: Scope, diags: Diagnostics) -> Iterator[tuple[str, Range]]:
    if isinstance(expr, TupleCons):
        for item in expr.items:
            text = known_text(item, scope, "build", diags)
            if text is not None:
                yield text, item.range
        return
    value = known_value(expr, ListType(STRING), scope, "build", diags)
    for item in value.raw or () if value is not None else ():
        if isinstance(item.raw, str):
            yield item.raw, expr.range


def _unknown_source(use: SourceUse, template: Template, diags: Diagnostics) -> None:
    wanted = ".".join(use.source)
    known = sorted(".".join(address) for address in template.sources)
    listing = f" The sources are {', '.join(known)}." if known else " The template has no source block."
    hint = did_you_mean(wanted, known) or listing
    detail = f'There is no source "{use.source[0]}" "{use.source[1]}".{hint}'
    diags.error("Unknown source", detail, subject=use.header, context="build", absence=True)


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
    found = references(expr)
    if waits_for_data(expr, scope):
        return  # before a run they are read first; only validate goes on without them
    # A variable or local is unknown also after an error that has been reported where it is declared.
    roots = {reference.root for reference in found}
    if roots <= {"var"} or (diags.has_errors and roots <= {"var", "local"}):
        return
    names = ", ".join(sorted({str(reference) for reference in found}))
    detail = f"This must be known before anything runs, but it depends on {names}, which is not."
    diags.error("Value not known yet", detail, subject=expr.range, context=context, absence=roots <= {"var", "local"})
