"""Runs a plan: the facade of the engine."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from attrs import define, evolve, field, frozen

from hclimg.engine.artifactfile import ArtifactFile, artifact_file
from hclimg.engine.execute import NodeRunner
from hclimg.engine.executors.local import LocalExecutor
from hclimg.engine.interrupts import Interrupts
from hclimg.engine.journal import ResourceJournal
from hclimg.engine.keeping import Keeping
from hclimg.engine.limits import DEFAULTS
from hclimg.engine.onerror import FailurePolicy, OnError
from hclimg.engine.outputfile import earlier_outputs, remember_outputs
from hclimg.engine.outputs import Outputs, settle
from hclimg.engine.reclaim import prune, reminder
from hclimg.engine.result import LaneResult, NodeResult, RunResult, RunStatus, failure_of, status_of
from hclimg.engine.rundir import EventFile, LogFiles, RunDirectory, new_run_id
from hclimg.engine.scheduler import BUILDS, WORKERS, Scheduler
from hclimg.engine.secrets import secrets_of
from hclimg.errors import BuildError
from hclimg.events import EventBus, LeftBehind, Redactor, RunFinished, RunStarted, Said, Sink
from hclimg.plan.plan import Plan
from hclimg.registry import Registry
from hclimg.sdk.context import NoPrompter, Prompter, RunInfo

NODES_AT_ONCE = 256


def _run_id() -> str:
    return new_run_id(datetime.now(UTC), secrets.token_hex(3))


@frozen(kw_only=True)
class RunOptions:
    """How to run.

    ``home`` is where run directories are, ``cache`` where downloads are kept (see ``rundir``). ``parallel_builds`` 0 is
    no limit. ``limits`` are further named limits, such as ``{"aws.ec2": 10}``; 0 is no limit. ``started`` is what
    ``timestamp`` means to components: give it what the plan was compiled with. ``template`` is how outputs are
    remembered; without it they are not evaluated. ``state`` is the file of artifacts, if it is not the one in ``home``.
    """

    home: Path
    cache: Path
    template: str = ""
    state: Path | None = None
    command: str = "apply"
    version: str = ""
    parallel_builds: int = 0
    limits: Mapping[str, int] = field(factory=dict)
    force: bool = False
    debug: bool = False
    on_error: OnError = field(default=OnError.CLEANUP, converter=OnError)
    run_id: str = field(factory=_run_id)
    started: float = field(factory=time.time)

    def all_limits(self) -> dict[str, int]:
        builds = 1 if self.debug else self.parallel_builds
        named = {name: count for name, count in {**DEFAULTS, **self.limits}.items() if count > 0}
        return {WORKERS: NODES_AT_ONCE, **named, **({BUILDS: builds} if builds > 0 else {})}


def apply(
    plan: Plan,
    options: RunOptions,
    *,
    registry: Registry | None = None,
    sinks: Iterable[Sink] = (),
    prompter: Prompter | None = None,
    interrupts: Interrupts | None = None,
    redact: Redactor | None = None,
) -> RunResult:
    """Run a plan to its end. Failures of nodes are in the result.

    Raises BuildError when the run cannot even begin. After a result that says ``stopped``, threads of the run may still
    be at work: end the process with ``os._exit``.
    """
    prompter = prompter or NoPrompter()
    _check_terminal(options, prompter)
    directory = RunDirectory.create(options.home.absolute(), options.run_id)
    redact = redact or Redactor()
    redact.add(*secrets_of(plan))
    run = _Run(plan, options, directory, registry or Registry(), prompter, interrupts or Interrupts(), redact)
    try:
        return run.run(sinks)
    finally:
        directory.close()
        with suppress(OSError):  # somebody else's directory among them is no reason to fail
            prune(options.home)


def _check_terminal(options: RunOptions, prompter: Prompter) -> None:
    wanted = "-debug" if options.debug else "-on-error=ask" if options.on_error is OnError.ASK else ""
    if wanted and not prompter.interactive:
        raise BuildError(f"{wanted} asks questions, and there is no terminal to answer them on.")


@define(eq=False)
class _Run:
    plan: Plan
    options: RunOptions
    directory: RunDirectory
    registry: Registry
    prompter: Prompter
    interrupts: Interrupts
    redact: Redactor

    def run(self, sinks: Iterable[Sink]) -> RunResult:
        began = time.monotonic()
        journal = ResourceJournal(self.directory.resources, self.options.run_id)
        own = (EventFile(self.directory.events), LogFiles(self.directory.logs))
        with EventBus([*own, *sinks], self.redact) as bus:
            bus.emit(self._started())
            self._remind(bus)
            policy = FailurePolicy(self.options.on_error, self.prompter)
            runner = self._runner(bus, journal, policy)
            executor = LocalExecutor()
            scheduler = self._scheduler(bus, runner, policy, executor)
            with self._telling(bus):
                scheduler.run()
            left = self._left_behind(bus, runner, journal)
            outputs = self._outputs(bus, scheduler, runner)
            result = self._result(scheduler, runner, left, outputs, time.monotonic() - began)
            bus.emit(RunFinished(status=result.status))
        if not result.stopped:
            executor.close()
            journal.close()
        return evolve(result, sink_errors=tuple(bus.failures))

    def _started(self) -> RunStarted:
        lanes = tuple(self.plan.lanes)
        options = self.options
        return RunStarted(run=options.run_id, version=options.version, command=options.command, lanes=lanes)

    def _remind(self, bus: EventBus) -> None:
        """What dead runs left may cost money. Runs without builds only read data, for a run that is still to come."""
        text = reminder(self.options.home.absolute()) if self.plan.lanes else ""
        if text:
            bus.emit(Said(text=text, level="warning"))

    def _runner(self, bus: EventBus, journal: ResourceJournal, policy: FailurePolicy) -> NodeRunner:
        options = self.options
        info = RunInfo(
            id=options.run_id, directory=self.directory.path, cache=options.cache, force=options.force,
            debug=options.debug, on_error=options.on_error, started=options.started,
            template=options.template,
        )  # fmt: skip
        keeping = Keeping(
            file=ArtifactFile(options.state or artifact_file(options.home.absolute())), registry=self.registry,
            redact=self.redact, run=options.run_id, template=options.template,
            warn=lambda text: bus.emit(Said(text=text, level="warning")),
        )  # fmt: skip
        return NodeRunner(
            plan=self.plan, run=info, bus=bus, registry=self.registry, journal=journal, keeping=keeping,
            redact=self.redact, prompter=self.prompter, policy=policy, cancel=self.interrupts.cancel,
            bugs=self.directory.bugs,
        )  # fmt: skip

    def _scheduler(
        self, bus: EventBus, runner: NodeRunner, policy: FailurePolicy, executor: LocalExecutor
    ) -> Scheduler:
        return Scheduler(
            plan=self.plan, run_node=runner, bus=bus, executor=executor, cancel=self.interrupts.cancel,
            stop=self.interrupts.stop, limits=self.options.all_limits(), policy=policy, lane_over=runner.lane_over,
        )  # fmt: skip

    @contextmanager
    def _telling(self, bus: EventBus) -> Iterator[None]:
        """Say that an interrupt was seen."""

        def say(text: str) -> None:
            bus.emit(Said(text=text, level="warning"))

        first = "Interrupted: cancelling the builds and cleaning up. Interrupt again to leave at once."
        second = "Interrupted again: leaving without waiting for the clean-up."
        cancel, stop = self.interrupts.cancel, self.interrupts.stop
        with cancel.closing(lambda: say(first)), stop.closing(lambda: say(second)):
            yield

    def _left_behind(self, bus: EventBus, runner: NodeRunner, journal: ResourceJournal) -> tuple[LeftBehind, ...]:
        """Tell of what nobody undoes any more: what lanes still own after a stop, and what the journal has."""
        left = list(runner.left)
        if self.interrupts.stop.cancelled:
            for name, lane in runner.lanes.items():
                left += [LeftBehind(lane=name, what=title, reason="not waited for") for title in lane.scope.titles]
        for resource in journal.left():
            left.append(LeftBehind(what=str(resource), reason='"hclimg cleanup" removes it'))
        for event in left[len(runner.left) :]:
            bus.emit(event)
        text = self.redact.text
        return tuple(evolve(event, what=text(event.what), reason=text(event.reason)) for event in left)

    def _outputs(self, bus: EventBus, scheduler: Scheduler, runner: NodeRunner) -> Outputs:
        """Evaluate the outputs, tell of them and remember them. After a stop nobody waits for that."""
        options = self.options
        if not options.template or self.interrupts.stop.cancelled:
            return Outputs()
        home, warnings = options.home.absolute(), list[str]()
        earlier = earlier_outputs(home, options.template, warnings)
        found = settle(self.plan.outputs, scheduler, runner, earlier or {}, options.run_id)
        if earlier is not None:
            remember_outputs(home, options.template, found.stored, warnings)
        for text in warnings:
            bus.emit(Said(text=text, level="warning"))
        for event in found.events():
            bus.emit(event)
        return found

    def _result(
        self,
        scheduler: Scheduler,
        runner: NodeRunner,
        left: tuple[LeftBehind, ...],
        outputs: Outputs,
        seconds: float,
    ) -> RunResult:
        states = scheduler.states
        lanes = tuple(
            LaneResult(
                lane=lane, status=state.status, seconds=state.seconds, error=self.redact.text(state.error),
                artifacts=runner.lanes[name].result(),
            )
            for name, lane in self.plan.lanes.items()
            for state in (scheduler.lanes[name],)
        )  # fmt: skip
        nodes = {
            name: NodeResult(id=name, status=state.status, seconds=state.seconds, attempts=state.attempt)
            for name, state in states.items()
        }
        status = status_of(lanes, states, interrupted=self.interrupts.cancel.cancelled)
        if outputs.failures and status is RunStatus.SUCCEEDED:
            status = RunStatus.FAILED
        return RunResult(
            id=self.options.run_id,
            directory=self.directory.path,
            status=status,
            seconds=seconds,
            lanes=lanes,
            nodes=nodes,
            failures=(*filter(None, (failure_of(state, self.redact) for state in states.values())), *outputs.failures),
            left_behind=left,
            data=runner.data,
            outputs=outputs.stored,
            stopped=self.interrupts.stop.cancelled,
        )
