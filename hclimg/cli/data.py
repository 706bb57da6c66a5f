"""Reading data sources before there is a plan, and showing that they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from attrs import frozen

from hclimg.cli.reading import run_options
from hclimg.engine.interrupts import Interrupts
from hclimg.engine.result import RunStatus
from hclimg.engine.run import apply
from hclimg.errors import Cancelled, TemplateError
from hclimg.events import Event, RunFinished, RunStarted, Sink
from hclimg.lang.values import Value
from hclimg.plan.plan import Plan
from hclimg.registry import Registry
from hclimg.template.model import Address


@frozen
class DataReader:
    """Reads the data sources of a plan that does nothing else. ``sinks`` makes what is told of it."""

    registry: Registry
    command: str
    sinks: Callable[[], Iterable[Sink]]

    def __call__(self, plan: Plan) -> Mapping[Address, Value]:
        """The results. Raises TemplateError when a data source fails, with the place of each."""
        sinks = [Frameless(sink) for sink in self.sinks()]
        with Interrupts() as interrupts:
            options = run_options(command=self.command)
            result = apply(plan, options, registry=self.registry, sinks=sinks, interrupts=interrupts)
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
