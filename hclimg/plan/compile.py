"""A template and what the user wants of it → the plan: lanes of nodes, and what waits for what.

Everything is checked on the way, with what a run will tell still unknown; this is what ``validate`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path

import attrs

from hclimg.diagnostics import Absence, Diagnostic, Diagnostics
from hclimg.lang.functions.model import Function
from hclimg.lang.limits import Blocks, has_blocks_left
from hclimg.lang.secrets import secret_texts
from hclimg.lang.types import ANY, Type
from hclimg.lang.values import Value
from hclimg.plan.artifacts import Artifacts, Needs
from hclimg.plan.data import data_nodes, deciding_data, readable_data
from hclimg.plan.lanes import LaneDraft, draft_lanes
from hclimg.plan.layout import Layouts
from hclimg.plan.outputs import OutputPlanner
from hclimg.plan.plan import Plan
from hclimg.plan.select import Candidate, Selection, make_selection, report_nothing, report_unused, select_lanes
from hclimg.plan.specs import Specs
from hclimg.plan.unused import check_artifact_uses, check_unused_blocks, check_unused_groups, missing_builds
from hclimg.plan.weave import Weaver
from hclimg.redaction import hidden
from hclimg.registry import Registry
from hclimg.template.calls import instantiate
from hclimg.template.expand import expand_template
from hclimg.template.globals import Globals, Known, World, surroundings
from hclimg.template.groups import sound_groups
from hclimg.template.inputs import VariableInputs
from hclimg.template.model import ComponentBlock, DataAddress, GroupBlock, Template
from hclimg.template.ordering import in_text_order
from hclimg.template.repeat import UNDECIDED
from hclimg.template.variables import resolve_variables


@attrs.frozen(kw_only=True)
class CompileOptions:
    """``now`` is what ``timestamp()`` gives, ``cwd`` is ``path.cwd``; ``only`` and ``except_`` are the options.

    ``data`` are results of data sources that have been read already. ``functions`` stand in the place of those that
    templates have by these names.
    """

    now: datetime
    cwd: Path
    variables: VariableInputs = attrs.field(factory=VariableInputs)
    only: tuple[str, ...] = ()
    except_: tuple[str, ...] = ()
    data: Mapping[DataAddress, Value] = attrs.field(factory=dict)
    functions: Mapping[str, Function] = attrs.field(factory=dict)


def compile_plan(template: Template, options: CompileOptions, registry: Registry, diags: Diagnostics) -> Plan:
    """The plan. With errors reported it is as complete as it can be, and must not be run."""
    found = Diagnostics()
    specs = Specs(registry, found)
    with Blocks():
        globals_ = evaluate_globals(template, options, found, specs.data_type)
        plan = _Compiler(options, globals_, specs, found).run()
    if not template.whole:
        found.items[:] = [item for item in found if item.absence is None]
    elif not template.knows_builds:
        found.items[:] = [item for item in found if item.absence is not Absence.BUILD]
    diags.extend(_redacted(in_text_order(found), globals_))
    return plan


def _redacted(found: list[Diagnostic], globals_: Globals) -> list[Diagnostic]:
    """What was found, without the sensitive values that it quotes."""
    values = [v for names in globals_.all() for v in (*names.variables.values(), *names.locals.values())]
    secrets = {text for value in values for text in secret_texts(value)}
    return [attrs.evolve(item, detail=hidden(item.detail, secrets)) for item in found] if secrets else found


def compile_reading(
    template: Template, options: CompileOptions, registry: Registry, diags: Diagnostics, *, every: bool = False
) -> Plan:
    """A plan that only reads data sources: those that have to be known before :func:`compile_plan`, or ``every`` one.

    What it finds belongs into ``CompileOptions.data``.
    """
    if not any(one.data for one in template.all()):
        return Plan((), ())
    found = Diagnostics()
    specs = Specs(registry, found)
    globals_ = evaluate_globals(template, options, found, specs.data_type)
    readable = readable_data(globals_)
    plan = Plan(*data_nodes(globals_, specs, readable if every else readable & deciding_data(globals_)))
    if plan.nodes:
        diags.extend(_redacted(in_text_order(found), globals_))
    return plan


def evaluate_globals(
    template: Template,
    options: CompileOptions,
    diags: Diagnostics,
    data_type: Callable[[ComponentBlock], Type] = lambda _: ANY,
) -> Globals:
    """Variables, locals, outputs and modules of a template."""
    world = World(
        functions=_functions(options),
        environment=options.variables.environment,
        cwd=options.cwd,
        data_type=data_type,
        instantiate=instantiate,
    )
    functions = world.functions(template.base_dir)
    roots = surroundings(template.base_dir, template.base_dir, options.cwd)
    variables = resolve_variables(template, options.variables, functions, diags, roots)
    known = Known(data=options.data)
    made = Globals(template=template, variables=variables, functions=functions, world=world, known=known)
    return made.evaluate(diags)


def _functions(options: CompileOptions) -> Callable[[Path], Mapping[str, Function]]:
    """The functions for the folder of a template, made once."""
    from hclimg.lang.functions import standard_functions

    made: dict[Path, Mapping[str, Function]] = {}

    def functions(folder: Path) -> Mapping[str, Function]:
        if folder not in made:
            made[folder] = standard_functions(folder, options.now, options.functions)
        return made[folder]

    return functions


@attrs.define(eq=False, repr=False)
class _Compiler:
    """``globals`` are those of the template itself, from which those of all modules can be had."""

    options: CompileOptions
    globals: Globals
    specs: Specs
    diags: Diagnostics

    def run(self) -> Plan:
        diags = self.diags
        missing_builds(self.globals, diags)
        drafts: dict[str, LaneDraft] = {}
        groups: dict[str, Mapping[str, GroupBlock]] = {}
        for names in self.globals.all():
            drafts |= self._drafts(names, groups)
        if not has_blocks_left():
            drafts = {}  # checking them all would take as long as it takes to make them
        selection = make_selection(self.options.only, self.options.except_, diags)
        layouts = Layouts(groups, self.specs, selection, drafts, diags)
        artifacts = Artifacts(draft.lane for draft in drafts.values())
        needs = Needs(layouts, artifacts, diags)
        chosen = self._choose(selection, drafts, needs)
        weaver = Weaver(self.globals, self.specs, drafts, needs.without_cycles(chosen), artifacts)
        weaver.data_sources()
        for name in chosen:
            weaver.lane(layouts.of(name))
        for names in self.globals.all():
            check_unused_groups(names, layouts.used, self.specs, diags)
            check_artifact_uses(names, artifacts, diags)
        if not any(map(_is_undecided, drafts.values())):
            report_unused(selection, _candidates(drafts.values()), layouts.labels, diags)
        outputs = OutputPlanner(self.globals, self.specs, drafts, chosen, artifacts, diags).outputs()
        return weaver.plan(outputs)

    def _drafts(self, names: Globals, groups: dict[str, Mapping[str, GroupBlock]]) -> dict[str, LaneDraft]:
        """The lanes of the template or of a module; its groups that can be used are added to the others."""
        expansion = expand_template(names.template, names.scope, self.diags)
        drafts = {draft.lane.name: draft for draft in draft_lanes(names, expansion, self.diags)}
        check_unused_blocks(names, expansion, drafts.values(), self.specs)
        uses = [use for build in expansion.builds for use in build.uses_of_groups]
        groups[names.address] = sound_groups(names.template.groups, uses, self.diags)
        return drafts

    def _choose(self, selection: Selection, drafts: Mapping[str, LaneDraft], needs: Needs) -> list[str]:
        candidates = _candidates(drafts.values())
        chosen = select_lanes(selection, candidates, needs.of, self.diags)
        if candidates and not chosen and not any(map(_is_undecided, drafts.values())):
            report_nothing(selection, candidates, self.diags)
        return [name for name in drafts if name in chosen]


def _is_undecided(draft: LaneDraft) -> bool:
    """Whether this stands for lanes of which nobody knows before data sources have been read."""
    return UNDECIDED in draft.lane.steps or not draft.globals.decided


def _candidates(drafts: Iterable[LaneDraft]) -> list[Candidate]:
    return [Candidate(draft.lane.name, draft.callings) for draft in drafts]
