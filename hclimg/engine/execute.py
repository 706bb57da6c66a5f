"""Runs one attempt at one node: the only place that knows what each kind of node means."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from attrs import define, evolve, field

from hclimg.engine.configure import Configurator, facts_of, plain_facts, secret_facts
from hclimg.engine.journal import ResourceJournal
from hclimg.engine.keeping import Keeping, maker_of
from hclimg.engine.lane import LaneRun
from hclimg.engine.onerror import FailurePolicy
from hclimg.engine.state import Status, Work, error_text
from hclimg.errors import BuildError, Cancelled, CleanupError, HclimgError
from hclimg.events import ArtifactMade, EventBus, LeftBehind, Redactor
from hclimg.lang.scope import Scope as LanguageScope
from hclimg.lang.syntax import Expr
from hclimg.lang.values import Value
from hclimg.plan.node import Node, NodeKind, Spec
from hclimg.plan.plan import Plan
from hclimg.registry import Registry
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.components import Builder, DataSource, PostProcessor, Provisioner
from hclimg.sdk.context import Context, Prompter, RunInfo
from hclimg.sdk.scope import Scope
from hclimg.sdk.steps import close_scope
from hclimg.template.model import DataAddress


@define(kw_only=True, eq=False)
class NodeRunner:
    """``run_node`` of the scheduler. Called by the workers; what it remembers, a lane or a lock guards.

    What nobody undoes goes to the event bus and to ``left``. ``bugs`` is the file for tracebacks.
    """

    plan: Plan
    run: RunInfo
    bus: EventBus
    registry: Registry
    journal: ResourceJournal
    keeping: Keeping
    redact: Redactor
    prompter: Prompter
    policy: FailurePolicy
    cancel: CancelToken
    bugs: Path
    lanes: dict[str, LaneRun] = field(init=False)
    left: list[LeftBehind] = field(factory=list, init=False)
    _configurator: Configurator = field(init=False)
    _sources: dict[str, Any] = field(factory=dict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        self.lanes = {name: LaneRun(lane) for name, lane in self.plan.lanes.items()}
        self._configurator = Configurator(self.registry, self.plan.lanes)

    def __call__(self, work: Work) -> None:
        run: dict[NodeKind, Callable[[Work], None]] = {
            NodeKind.DATA: self._data,
            NodeKind.SOURCE: self._source,
            NodeKind.BUILD: self._build,
            NodeKind.PROVISION: self._provision,
            NodeKind.CAPTURE: self._capture,
            NodeKind.ERROR_CLEANUP: self._error_cleanup,
            NodeKind.TEARDOWN: self._teardown,
            NodeKind.POST_PROCESS: self._post_process,
            NodeKind.RELEASE: self._release,
        }
        try:
            run[work.node.kind](work)
        except HclimgError:
            raise
        except BaseException as error:
            raise self._bug(work.node, error) from error

    @property
    def data(self) -> Mapping[DataAddress, Value]:
        """The results of the data sources that have been read."""
        return self._configurator.data

    def lane_over(self, name: str) -> None:
        """Tell which artifacts a lane has made."""
        for artifact in self.lanes[name].result():
            made = ArtifactMade(
                lane=name, builder=artifact.builder, id=artifact.id, description=artifact.description,
                files=artifact.files,
            )  # fmt: skip
            self.bus.emit(made)

    def scope_after(self, scope: LanguageScope, expr: Expr, lanes: Iterable[str]) -> LanguageScope:
        """The scope of an expression with all that is known now; the artifacts of these lanes are what they leave."""
        for name in lanes:
            left = self.lanes[name].result()
            if left:
                self._configurator.learn_artifact(self.lanes[name], left[0])
        return self._configurator.scope_after(scope, expr)

    # -- what lanes share -----------------------------------------------------------

    def _data(self, work: Work) -> None:
        node = work.node
        with self._own_scope(self._context(work)) as ctx:
            source = cast("DataSource[Any]", self._configurator.component(_spec(node), ctx))
            attributes = source.read(ctx)
        assert node.data is not None
        self.redact.add(*self._configurator.learn_data(node.data, source, attributes, self.redact))

    def _source(self, work: Work) -> None:
        lane = self._first_lane_after(work.node)
        with self._own_scope(self._context(work, names=lane)) as ctx:
            builder = cast("Builder[Any]", self._configurator.component(_spec(work.node), ctx))
            self._sources[work.node.id] = builder.resolve(ctx)

    def _first_lane_after(self, node: Node) -> LaneRun | None:
        lanes = (self.plan.nodes[name].lane for name in self.plan.successors(node.id))
        return next((self.lanes[lane] for lane in lanes if lane), None)

    # -- the machine of a lane ------------------------------------------------------

    def _build(self, work: Work) -> None:
        node, lane = work.node, self.lanes[work.node.lane]
        with lane.token.attempt(work.cancel):
            ctx = self._context(work, lane, scope=lane.scope, cancel=lane.token)
            if work.attempt > 1:
                self._undo(evolve(ctx, cancel=CancelToken()))
            lane.builder = cast("Builder[Any]", self._configurator.component(_spec(node), ctx, lane))
            source = self._input(node, NodeKind.SOURCE, self._sources)
            machine = lane.builder.launch(ctx, source)
        lane.machine, lane.facts = machine, facts_of(machine, self.run.id)
        self.redact.add(*secret_facts(lane.facts))

    def _provision(self, work: Work) -> None:
        lane = self.lanes[work.node.lane]
        with self._at_machine(work, lane) as ctx:
            self._pause(ctx, work.node.title)
            provisioner = cast("Provisioner[Any]", self._configurator.component(_spec(work.node), ctx, lane))
            assert lane.machine is not None
            provisioner.provision(ctx, lane.machine)

    def _error_cleanup(self, work: Work) -> None:
        """Its own failure is only told: the lane has failed already."""
        try:
            self._provision(work)
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            known = error if isinstance(error, HclimgError) else self._bug(work.node, error)
            self._context(work).warn(f'"{work.node.title}" failed: {error_text(known)}')

    def _capture(self, work: Work) -> None:
        lane = self.lanes[work.node.lane]
        with self._at_machine(work, lane) as ctx:
            assert lane.builder is not None
            assert lane.machine is not None
            artifact = lane.builder.capture(ctx, lane.machine)
            # It counts from the moment that it exists, also when something fails after that.
            lane.artifacts[work.node.id] = artifact
            self.keeping.update(lane)
            lane.facts = {**lane.facts, **artifact.facts}
            self._configurator.learn_artifact(lane, artifact)

    def _teardown(self, work: Work) -> None:
        lane = self.lanes[work.node.lane]
        failed = not work.trouble.isdisjoint({Status.FAILED, Status.CANCELLED})
        if self.policy.abandons(work.node.lane, failed=failed):
            reason = f"not done, because of -on-error={self.policy.mode}"
            for title in lane.scope.abandon():
                self._leave(work.node, title, reason)
            return
        with lane.token.attempt(work.cancel):
            ctx = self._context(work, lane, scope=lane.scope, cancel=lane.token)
            if lane.scope.titles:
                self._pause_unless_cancelled(ctx, work.node.title)
            failures = self._undo(ctx)
        lane.machine = None
        _raise_cleanup(failures)

    # -- artifacts ------------------------------------------------------------------

    def _post_process(self, work: Work) -> None:
        node, lane = work.node, self.lanes[work.node.lane]
        with self._own_scope(self._context(work, lane)) as ctx:
            component = cast("PostProcessor[Any]", self._configurator.component(_spec(node), ctx, lane))
            given = self._input(node, NodeKind.POST_PROCESS, lane.artifacts)
            given = given or self._input(node, NodeKind.CAPTURE, lane.artifacts)
            lane.artifacts[node.id] = component.process(ctx, given)
            self.keeping.update(lane)
        wanted = component.keeps(given) if node.keep_input is None else node.keep_input
        lane.keeps[node.id] = wanted or component.forces_input

    def _release(self, work: Work) -> None:
        lane = self.lanes[work.node.lane]
        failures: list[Exception] = []
        with self._own_scope(self._context(work, lane)) as ctx:
            for name, artifact in lane.unwanted(self.plan).items():
                try:
                    maker_of(self.registry, artifact).destroy(ctx, artifact)
                except Cancelled:
                    raise
                except Exception as error:  # noqa: BLE001 - the others are removed all the same
                    self._leave(work.node, artifact.description or artifact.id, str(error))
                    failures.append(error)
                else:
                    lane.removed.add(name)
                    self.keeping.update(lane)
        _raise_cleanup(failures)

    # -- contexts and scopes ----------------------------------------------------------

    def _context(
        self,
        work: Work,
        lane: LaneRun | None = None,
        *,
        names: LaneRun | None = None,
        scope: Scope | None = None,
        cancel: CancelToken | None = None,
    ) -> Context:
        """``names`` is the lane after which things are called, when the node belongs to none."""
        named = lane or names
        return Context(
            run=self.run,
            lane=work.node.lane,
            node=work.node.id,
            bus=self.bus,
            cancel=cancel or work.cancel,
            scope=scope or Scope(),
            build_name=named.lane.label if named else "",
            build_type=named.lane.source_type if named else "",
            facts=plain_facts(lane.facts) if lane else {},
            journal=self.journal.of(work.node.lane),
            redact=self.redact,
            prompter=self.prompter,
            forget=lambda names: self.keeping.forget(work.node.lane, names),
        )

    @contextmanager
    def _at_machine(self, work: Work, lane: LaneRun) -> Iterator[Context]:
        """A context of its own, whose cancel also wakes what waits for the machine."""
        with lane.token.attempt(work.cancel), self._own_scope(self._context(work, lane, cancel=lane.token)) as ctx:
            yield ctx

    @contextmanager
    def _own_scope(self, ctx: Context) -> Iterator[Context]:
        """Undo at the end what was done inside. What cannot be undone is an error, but hides no earlier one."""
        try:
            yield ctx
        except BaseException:
            self._undo(evolve(ctx, cancel=CancelToken()))
            raise
        _raise_cleanup(self._undo(evolve(ctx, cancel=CancelToken())))

    def _undo(self, ctx: Context) -> list[Exception]:
        node = self.plan.nodes[ctx.node]

        def tell(title: str, error: Exception) -> None:
            known = error if isinstance(error, HclimgError) else self._bug(node, error)
            self._leave(node, title, str(known))

        return close_scope(ctx, tell)

    def _leave(self, node: Node, what: str, reason: str) -> None:
        event = LeftBehind(lane=node.lane, node=node.id, what=what, reason=reason)
        with self._lock:
            self.left.append(event)
        self.bus.emit(event)

    def _input(self, node: Node, kind: NodeKind, results: dict[str, Any]) -> Any:
        """What the node of this kind before this one made."""
        before = (name for name in self.plan.predecessors(node.id) if self.plan.nodes[name].kind is kind)
        return next((results[name] for name in before), None)

    def _pause(self, ctx: Context, title: str) -> None:
        if self.run.debug:
            ctx.ask(f"Next: {title}. Press enter to continue.")

    def _pause_unless_cancelled(self, ctx: Context, title: str) -> None:
        """Before a clean-up: an interrupt ends the pause, not the clean-up."""
        with suppress(Cancelled):
            self._pause(evolve(ctx, cancel=self.cancel), title)

    def _bug(self, node: Node, error: BaseException) -> BuildError:
        """Keep the traceback, and give an error that can be shown."""
        import traceback

        trace = self.redact.text("".join(traceback.format_exception(error)))
        with self._lock, self.bugs.open("a", encoding="utf-8") as file:
            file.write(f"{node.id}\n{trace}\n")
        message = f"Internal error: {type(error).__name__}: {error}"
        return BuildError(message, hint=f"This is a bug of hclimg. Please report it, with what {self.bugs} says.")


def _spec(node: Node) -> Spec:
    assert node.spec is not None, node.id
    return node.spec


def _raise_cleanup(failures: list[Exception]) -> None:
    if failures:
        raise CleanupError(f"Something was left behind: {'; '.join(map(str, failures))}") from failures[0]
