"""What is written but not built is checked too: sources, steps and groups that nobody uses, calls of modules."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import attrs

from hclimg.diagnostics import Absence, Diagnostics
from hclimg.lang.evaluate import evaluate, references
from hclimg.lang.values import unknown
from hclimg.plan.artifacts import ROOT, Artifacts
from hclimg.plan.lanes import LaneDraft
from hclimg.plan.specs import LaneScope, Specs
from hclimg.template.disabled import check_unused
from hclimg.template.expand import Expansion
from hclimg.template.globals import Globals
from hclimg.template.groups import unknown_inputs
from hclimg.template.model import GroupMember

_LATE = ("build", "source", "artifact", "each")


def check_unused_blocks(names: Globals, expansion: Expansion, drafts: Iterable[LaneDraft], specs: Specs) -> None:
    """A source that no build uses is at least of a type that exists; the steps of a build without one are right."""
    drafts = list(drafts)
    used = {id(draft.source) for draft in drafts}
    built = {id(draft.build) for draft in drafts}
    for sources in expansion.sources.values():
        for block in sources.found.values():
            if id(block) not in used:
                specs.component_class(block)
    scope = _nowhere(names)
    for build in expansion.builds:
        for step in build.steps if id(build) not in built else ():
            specs.check(step, step.body, scope)


def check_unused_groups(names: Globals, used: Collection[tuple[str, str]], specs: Specs, diags: Diagnostics) -> None:
    """The steps of groups that no build uses are right as far as can be told without knowing their inputs."""
    scope = _nowhere(names)
    for group in names.template.groups.values():
        for step in group.steps if (names.address, group.name) not in used else ():
            member = GroupMember(group.name, group.name, ())
            seen = attrs.evolve(step, group=member).with_names(unknown_inputs(group, names))
            check_unused(step.meta, None, seen.names, scope.scope, seen.context, diags)
            specs.check(seen, seen.body, scope)


def check_artifact_uses(names: Globals, artifacts: Artifacts, diags: Diagnostics) -> None:
    """The artifacts exist that calls of modules, and outputs of modules, refer to."""
    own = artifacts.of(names.address)
    blocks = [(item.expr, block.context) for block in names.template.modules.values() for item in block.given.values()]
    if names.parent is not None:
        blocks += [(block.value, block.context) for block in names.template.outputs.values()]
    for expr, context in blocks:
        found = [reference for reference in references(expr) if reference.root == ROOT]
        own.lanes_of(found, context, diags)
        if found:
            seen = {ROOT: own.value_for(found), "each": unknown()}
            evaluate(expr, names.scope.child(seen), diags)


def _nowhere(names: Globals) -> LaneScope:
    scope = names.scope.child({name: unknown() for name in _LATE})
    return LaneScope(scope=scope, module=names.address, lane="", type="", build_name="")


def missing_builds(root: Globals, diags: Diagnostics) -> None:
    """Say that there is nothing to build, neither in the template nor in its modules."""
    if any(names.template.builds for names in root.all()):
        return
    what = "builders" if root.template.legacy else "build block"
    detail = f"The template has no {what}, so there is nothing to build."
    diags.error(f"Missing {what}", detail, absence=Absence.BUILD)
