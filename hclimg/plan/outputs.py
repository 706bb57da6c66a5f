"""The outputs of a template in its plan: what each needs, and its value as far as that is known before a run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import attrs

from hclimg.diagnostics import Diagnostics, Range
from hclimg.lang.evaluate import Reference, Scope, evaluate, references
from hclimg.lang.syntax import Expr
from hclimg.lang.values import SENSITIVE, Value, deep_marks, object_of
from hclimg.plan.artifacts import ROOT, Artifacts
from hclimg.plan.data import data_node_id
from hclimg.plan.lanes import LaneDraft
from hclimg.plan.specs import Specs
from hclimg.template.globals import Globals
from hclimg.template.model import OutputBlock
from hclimg.template.scope import UNKNOWN_ARTIFACT, unknown_build

_SENSITIVE = frozenset((SENSITIVE,))


@attrs.frozen(eq=False, repr=False, kw_only=True)
class PlannedOutput:
    """``value`` is what is known now of ``expr`` in ``scope``; a run evaluates it again.

    ``lanes`` are the builds whose images it tells of, ``data`` the nodes of the data sources that it needs. Not
    ``complete`` when one of the builds is not in this plan.
    """

    name: str
    header: Range
    context: str
    expr: Expr
    scope: Scope
    value: Value
    sensitive: bool = False
    description: str = ""
    lanes: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    complete: bool = True


@attrs.define(eq=False, repr=False)
class OutputPlanner:
    """``chosen`` are the lanes of the plan, out of ``drafts``."""

    globals: Globals
    specs: Specs
    drafts: Mapping[str, LaneDraft]
    chosen: Collection[str]
    artifacts: Artifacts
    diags: Diagnostics

    def outputs(self) -> Iterator[PlannedOutput]:
        for block in self.globals.template.outputs.values():
            yield self._output(block)

    def _output(self, block: OutputBlock) -> PlannedOutput:
        found = references(block.value)
        lanes = self.artifacts.lanes_of(self.globals, found, block.context, self.diags)
        scope = self.globals.scope.child({ROOT: self._artifact_root(lanes)})
        value = evaluate(block.value, scope, self.diags)
        if deep_marks((value,)) and not block.sensitive:
            report_secret(block.name, block.value.range, self.diags)
        return PlannedOutput(
            name=block.name,
            header=block.header,
            context=block.context,
            expr=block.value,
            scope=scope,
            value=value.with_marks(_SENSITIVE) if block.sensitive else value,
            sensitive=block.sensitive,
            description=block.description,
            lanes=tuple(lanes),
            data=tuple(self._data(found)),
            complete=set(self.chosen).issuperset(lanes),
        )

    def _artifact_root(self, lanes: Mapping[str, Range]) -> Value:
        """``artifact``, with what the machines of some lanes will tell."""
        return self.artifacts.of(self.globals.address).with_machines({name: self._artifact(name) for name in lanes})

    def _artifact(self, name: str) -> Value:
        draft = self.drafts[name]
        if name not in self.chosen:
            return UNKNOWN_ARTIFACT
        builder = self.specs.component_class(draft.source)
        build = unknown_build(draft.lane.build_name, draft.lane.source_type, getattr(builder, "facts", ()))
        return object_of({**UNKNOWN_ARTIFACT.raw, "build": build})

    def _data(self, found: list[Reference]) -> Iterator[str]:
        needed = self.globals.data_of(found) - self.globals.known.data.keys()
        return iter(sorted(map(data_node_id, needed)))


def report_secret(name: str, at: Range, diags: Diagnostics) -> None:
    """An output that would show a secret."""
    detail = (
        f'The value of output "{name}" is derived from sensitive values. Add sensitive = true to the output, so that '
        "it is not shown; or take the mark off what is no secret, with nonsensitive(…)."
    )
    diags.error("Output refers to sensitive values", detail, subject=at, context=f'output "{name}"')
