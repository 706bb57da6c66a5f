"""What became of the outputs of a template: evaluated after a run, kept from an earlier one, or missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from attrs import evolve, field, frozen

from hclimg.diagnostics import Diagnostics
from hclimg.engine.execute import NodeRunner
from hclimg.engine.outputfile import StoredOutput
from hclimg.engine.result import Failure
from hclimg.engine.scheduler import Scheduler
from hclimg.engine.state import Status
from hclimg.errors import TemplateError
from hclimg.events import TemplateOutput
from hclimg.lang.evaluate import evaluate, references
from hclimg.lang.functions.jsonvalues import encode
from hclimg.lang.functions.model import FunctionError
from hclimg.lang.secrets import secret_texts
from hclimg.lang.values import Value, deep_marks, unmark_deep
from hclimg.plan.outputs import PlannedOutput, report_secret
from hclimg.template.globals import globals_of

UNSUCCESSFUL = {
    Status.FAILED: "failed",
    Status.CANCELLED: "was cancelled",
    Status.SKIPPED: "was skipped",
}


@frozen(kw_only=True, eq=False)
class Outputs:
    """``stored`` by name is what to remember; ``failures`` are those of expressions that turned out to be wrong."""

    stored: Mapping[str, StoredOutput] = field(factory=dict)
    failures: tuple[Failure, ...] = ()

    def events(self) -> Iterator[TemplateOutput]:
        """What to tell of them; nothing of the values of sensitive ones."""
        return (output.event(name) for name, output in self.stored.items())


def settle(
    planned: Iterable[PlannedOutput],
    scheduler: Scheduler,
    runner: NodeRunner,
    earlier: Mapping[str, StoredOutput],
    run: str,
) -> Outputs:
    """Evaluate the outputs as far as the run has come.

    An output that tells of builds which this run was not to make keeps the value of an ``earlier`` run. One that tells
    of a build that failed has none: what an earlier run made may be gone.
    """
    return _Settling(scheduler, runner, earlier, run).settle(planned)


@frozen(eq=False)
class _Settling:
    scheduler: Scheduler
    runner: NodeRunner
    earlier: Mapping[str, StoredOutput]
    run: str

    def settle(self, planned: Iterable[PlannedOutput]) -> Outputs:
        stored: dict[str, StoredOutput] = {}
        failures: list[Failure] = []
        for output in planned:
            diags = Diagnostics()
            stored[output.name] = self._one(output, diags)
            if diags.has_errors:
                failures.append(_failure(output, diags))
        return Outputs(stored=stored, failures=tuple(failures))

    def _one(self, output: PlannedOutput, diags: Diagnostics) -> StoredOutput:
        nothing = StoredOutput(run=self.run, sensitive=output.sensitive)
        reason = self._trouble(output)
        if reason:
            return evolve(nothing, missing=reason)
        if not output.complete:
            missing = evolve(nothing, missing="it tells of a build that has not been run yet")
            # Whether it is secret is for the template to say, as it is now.
            return evolve(self.earlier.get(output.name, missing), sensitive=output.sensitive)
        value = self._value(output, diags)
        if value is None:
            return evolve(nothing, missing="its value turned out to be wrong")
        return evolve(nothing, value=value)

    def _trouble(self, output: PlannedOutput) -> str:
        """Which of the things that it needs did not succeed."""
        lanes, nodes = self.scheduler.lanes, self.scheduler.states
        ended = [(f"the build {name}", lanes[name].status) for name in output.lanes if name in lanes]
        ended += [(name, nodes[name].status) for name in output.data]
        troubles = [f"{what} {UNSUCCESSFUL[status]}" for what, status in ended if status in UNSUCCESSFUL]
        return " and ".join(troubles)

    def _value(self, output: PlannedOutput, diags: Diagnostics) -> Value | None:
        scope = self.runner.scope_after(output.scope, output.expr, output.lanes)
        names = globals_of(scope)
        diags.extend(names.problems_of(references(output.expr)) if names else ())
        if diags.has_errors:
            return None
        value = evaluate(output.expr, scope, diags)
        self.runner.redact.add(*secret_texts(value, hidden=output.sensitive))
        if deep_marks((value,)) and not output.sensitive:
            report_secret(output.name, output.expr.range, diags)
        if not value.is_wholly_known and not diags.has_errors:
            detail = "The value of this output is not known, even now that everything has run."
            diags.error("Value is not known", detail, subject=output.expr.range, context=output.context)
        if diags.has_errors:
            return None
        plain = unmark_deep(value)
        try:
            encode(plain)
        except FunctionError as error:
            diags.error("Invalid output value", f"{error}.", subject=output.expr.range, context=output.context)
            return None
        return plain


def _failure(output: PlannedOutput, diags: Diagnostics) -> Failure:
    return Failure(
        node=f"output.{output.name}", title=f"Evaluating output {output.name}", lane="",
        error=TemplateError(diags.items), diagnostics=tuple(diags.items),
    )  # fmt: skip
