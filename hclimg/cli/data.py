"""Reading data sources before there is a plan, and showing that they are read."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from hclimg.cli.reading import Reading, run_options
from hclimg.engine.interrupts import Interrupts
from hclimg.engine.result import RunStatus
from hclimg.engine.run import apply
from hclimg.errors import Cancelled, TemplateError
from hclimg.events import Event, RunFinished, RunStarted, Sink
from hclimg.lang.values import Value
from hclimg.plan.plan import Plan
from hclimg.registry import Registry
from hclimg.template.model import DataAddress


def read_data(plan: Plan, registry: Registry, reading: Reading) -> Mapping[DataAddress, Value]:
    """The results of a plan that only reads data sources.

    Raises TemplateError when data sources fail, with the place of each.
    """
    sinks = [Frameless(sink) for sink in reading.sinks()]
    with Interrupts() as interrupts:
        options = run_options(command=reading.command)
        result = apply(plan, options, registry=registry, sinks=sinks, interrupts=interrupts)
    if result.status is RunStatus.CANCELLED:
        raise Cancelled("Interrupted while data sources were read.")
    if not result.ok:
        raise TemplateError(item for failure in result.failures for item in failure.diagnostics)
    return result.data


@frozen
class Frameless:
    """A sink without the beginning and the end of the run: the run that the user asked for is still to come."""

    inner: Sink

    def handle(self, event: Event) -> None:
        if not isinstance(event, RunStarted | RunFinished):
            self.inner.handle(event)

    def close(self) -> None:
        """The inner sink goes on."""
