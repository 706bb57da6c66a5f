"""A template and what the user wants of it → the plan: lanes of nodes, and what waits for what.

Everything is checked on the way, with what a run will tell still unknown; this is what ``validate`` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

import attrs

from hclimg.diagnostics import Absence, Diagnostic, Diagnostics
from hclimg.lang.secrets import secret_texts
from hclimg.lang.types import Type
from hclimg.lang.values import Value, unknown
from hclimg.plan.artifacts import ArtifactNames, Needs
from hclimg.plan.data import data_nodes, deciding_data, readable_data
from hclimg.plan.lanes import LaneDraft, draft_lanes
from hclimg.plan.layout import Layouts
from hclimg.plan.outputs import OutputPlanner
from hclimg.plan.plan import Plan
from hclimg.plan.select import Candidate, Selection, make_selection, report_nothing, report_unused, select_lanes
from hclimg.plan.specs import LaneScope, Specs
from hclimg.plan.weave import Weaver
from hclimg.redaction import hidden
from hclimg.registry import Registry
from hclimg.template.expand import Expansion, expand_template
from hclimg.template.inputs import VariableInputs
from hclimg.template.model import Address, DataAddress, Template
from hclimg.template.ordering import in_text_order
from hclimg.template.scope import Globals, make_globals, surroundings
from hclimg.template.variables import resolve_variables


@attrs.frozen(kw_only=True)
class CompileOptions:
    """``now`` is what ``timestamp()`` gives, ``cwd`` is ``path.cwd``; ``only`` and ``except_`` are the options.

    ``data`` are results of data sources that have been read already.
    """

    now: datetime
    cwd: Path
    variables: VariableInputs = attrs.field(factory=VariableInputs)
    only: tuple[str, ...] = ()
    except_: tuple[str, ...] = ()
    data: Mapping[DataAddress, Value] = attrs.field(factory=dict)


def compile_plan(template: Template, options: CompileOptions, registry: Registry, diags: Diagnostics) -> Plan:
    """The plan. With errors reported it is as complete as it can be, and must not be run."""
    found = Diagnostics()
    specs = Specs(registry, found)
    globals_ = _globals(template, options, specs, found)
    plan = _Compiler(template, options, globals_, specs, found).run()
    if not template.whole:
        found.items[:] = [item for item in found if item.absence is None]
    elif not template.knows_builds:
        found.items[:] = [item for item in found if item.absence is not Absence.BUILD]
    diags.extend(_redacted(in_text_order(found), globals_))
    return plan


def _redacted(found: list[Diagnostic], globals_: Globals) -> list[Diagnostic]:
    """What was found, without the sensitive values that it quotes."""
    known = (*globals_.variables.values(), *globals_.locals.values())
    secrets = {text for value in known for text in secret_texts(value)}
    return [attrs.evolve(item, detail=hidden(item.detail, secrets)) for item in found] if secrets else found


def compile_reading(
    template: Template, options: CompileOptions, registry: Registry, diags: Diagnostics, *, every: bool = False
) -> Plan:
    """A plan that only reads data sources: those that have to be known before :func:`compile_plan`, or ``every`` one.

    What it finds belongs into ``CompileOptions.data``.
    """
    if not template.data:
        return Plan((), ())
    found = Diagnostics()
    specs = Specs(registry, found)
    globals_ = _globals(template, options, specs, found)
    readable = readable_data(globals_)
    plan = Plan(*data_nodes(globals_, specs, readable if every else readable & deciding_data(globals_)))
    if plan.nodes:
        diags.extend(_redacted(in_text_order(found), globals_))
    return plan


def evaluate_globals(
    template: Template,
    options: CompileOptions,
    diags: Diagnostics,
    data_types: Mapping[Address, Type] | None = None,
) -> Globals:
    """Variables and locals of a template."""
    from hclimg.lang.functions import standard_functions

    functions = standard_functions(template.base_dir, options.now)
    roots = surroundings(template, options.cwd)
    variables = resolve_variables(template, options.variables, functions, diags, roots)
    return make_globals(
        template, variables, functions, diags, cwd=options.cwd, data=options.data, data_types=data_types
    )


def _globals(template: Template, options: CompileOptions, specs: Specs, diags: Diagnostics) -> Globals:
    types = {address: specs.data_type(block) for address, block in template.data.items()}
    return evaluate_globals(template, options, diags, types)


@attrs.define(eq=False, repr=False)
class _Compiler:
    template: Template
    options: CompileOptions
    globals: Globals
    specs: Specs
    diags: Diagnostics

    def run(self) -> Plan:
        diags = self.diags
        scope = self.globals.scope
        expansion = expand_template(self.template, scope, diags)
        drafts = {draft.lane.name: draft for draft in draft_lanes(self.template, expansion, scope, diags)}
        self._check_unused(expansion, drafts.values())
        selection = make_selection(self.options.only, self.options.except_, diags)
        layouts = Layouts(self.template, scope, self.specs, selection, drafts, diags)
        artifacts = ArtifactNames(draft.lane for draft in drafts.values())
        needs = Needs(layouts, artifacts, diags)
        chosen = self._choose(selection, drafts, needs)
        weaver = Weaver(self.globals, self.specs, drafts, needs.without_cycles(chosen), artifacts)
        weaver.data_sources()
        for name in chosen:
            weaver.lane(layouts.of(name))
        report_unused(selection, _candidates(drafts.values()), layouts.labels, diags)
        outputs = OutputPlanner(self.globals, self.specs, drafts, chosen, artifacts, diags).outputs()
        return weaver.plan(outputs)

    def _check_unused(self, expansion: Expansion, drafts: Iterable[LaneDraft]) -> None:
        """A source that no build uses is at least of a type that exists; the steps of a build without one are right."""
        drafts = list(drafts)
        used = {id(draft.source) for draft in drafts}
        built = {id(draft.build) for draft in drafts}
        for sources in expansion.sources.values():
            for block in sources.found.values():
                if id(block) not in used:
                    self.specs.component_class(block)
        nowhere = self.globals.scope.child({name: unknown() for name in ("build", "source", "artifact", "each")})
        scope = LaneScope(scope=nowhere, lane="", type="", build_name="")
        for build in expansion.builds:
            for step in build.steps if id(build) not in built else ():
                self.specs.check(step, step.body, scope)

    def _choose(self, selection: Selection, drafts: Mapping[str, LaneDraft], needs: Needs) -> list[str]:
        candidates = _candidates(drafts.values())
        chosen = select_lanes(selection, candidates, needs.of, self.diags)
        if candidates and not chosen:
            report_nothing(selection, candidates, self.diags)
        return [name for name in drafts if name in chosen]


def _candidates(drafts: Iterable[LaneDraft]) -> list[Candidate]:
    return [Candidate(draft.lane.name, draft.callings) for draft in drafts]
