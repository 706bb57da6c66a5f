"""Nodes and edges of the lanes: the shape that :mod:`hclimg.plan.plan` describes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from hclimg.diagnostics import Diagnostics, Range
from hclimg.lang.evaluate import Reference
from hclimg.lang.syntax import Body
from hclimg.plan.artifacts import ROOT, Artifacts
from hclimg.plan.canonical import settings_of
from hclimg.plan.data import data_node_id, data_nodes
from hclimg.plan.lanes import LaneDraft
from hclimg.plan.layout import LaneLayout, Step
from hclimg.plan.node import Lane, Node, NodeKind, Trigger
from hclimg.plan.outputs import PlannedOutput
from hclimg.plan.plan import Edge, Plan
from hclimg.plan.specs import Checked, LaneScope, Specs
from hclimg.template.globals import Globals
from hclimg.template.model import ComponentBlock


@attrs.define(eq=False, repr=False)
class Weaver:
    """Adds lane after lane. ``globals`` are the names of the whole template; ``needs`` says what each waits for."""

    globals: Globals
    specs: Specs
    drafts: Mapping[str, LaneDraft]
    needs: Mapping[str, Mapping[str, Range]]
    artifacts: Artifacts
    nodes: list[Node] = attrs.field(factory=list, init=False)
    edges: list[Edge] = attrs.field(factory=list, init=False)
    order: list[Edge] = attrs.field(factory=list, init=False)
    lanes: list[Lane] = attrs.field(factory=list, init=False)
    _sources: dict[str, str] = attrs.field(factory=dict, init=False)
    _readers: dict[str, list[str]] = attrs.field(factory=dict, init=False)
    _releases: dict[str, str] = attrs.field(factory=dict, init=False)

    def plan(self, outputs: Iterable[PlannedOutput]) -> Plan:
        """Everything that was added. An artifact that other lanes read is released after them."""
        for lane, release in self._releases.items():
            self.order += [(reader, release) for reader in self._readers.get(lane, ())]
        return Plan(self.nodes, self.edges, self.lanes, self.order, outputs)

    # -- what lanes share -----------------------------------------------------------

    def data_sources(self) -> None:
        nodes, edges = data_nodes(self.globals, self.specs)
        self.nodes += nodes
        self.edges += edges

    def _source(self, layout: LaneLayout, checked: Checked) -> str:
        """The node that finds what a machine starts from; lanes with equal settings share it."""
        key = _source_key(checked)
        if key in self._sources:
            return self._sources[key]
        draft = layout.draft
        node = f"{draft.lane.address}/source"
        self._sources[key or node] = node
        title = f"Finding what {checked.spec.type} starts from"
        self.nodes.append(Node(id=node, kind=NodeKind.SOURCE, title=title, spec=checked.spec))
        found = self.specs.mentions(draft.source, draft.body).references
        self._wait_for_data(draft.globals, node, found)
        for other in self.artifacts.lanes_of(draft.globals, found, draft.source.context, Diagnostics()):
            self._wait_for_lane(layout.name, other, node)
        return node

    # -- one lane ---------------------------------------------------------------------

    def lane(self, layout: LaneLayout) -> None:
        draft = layout.draft
        self.lanes.append(draft.lane)
        checked = self._checked(draft.source, draft.body, layout.source_scope)
        build = f"{draft.lane.address}/build"
        title = checked.titled(f"Launching {checked.spec.type}")
        source = self._source(layout, checked)
        self._builder_node(layout, checked, build, NodeKind.BUILD, title)
        self.edges.append((source, build))
        self._wait_for_others(layout, build)
        capture = self._machine(layout, checked, build)
        if layout.chains:
            self._post_processors(layout, capture)

    def _machine(self, layout: LaneLayout, checked: Checked, build: str) -> str:
        """The nodes that use the machine; gives the one that makes the artifact."""
        lane = layout.draft.lane
        users = [build]
        for index, step in enumerate(layout.provisioners):
            node = f"{lane.address}/provision[{index}]:{step.block.type}"
            self._step(layout, step, node, NodeKind.PROVISION)
            self.edges.append((users[-1], node))
            users.append(node)
        capture = f"{lane.address}/capture"
        self._builder_node(layout, checked, capture, NodeKind.CAPTURE, "Capturing the image")
        self.edges.append((users[-1], capture))
        users.append(capture)
        users += self._error_cleanups(layout, users[1:])
        self._teardown(layout, users)
        return capture

    def _error_cleanups(self, layout: LaneLayout, after: Iterable[str]) -> list[str]:
        """Several only where ``for_each`` says so: they run one after another."""
        found: list[str] = []
        for index, step in enumerate(layout.error_cleanups):
            number = f"[{index}]" if len(layout.error_cleanups) > 1 else ""
            node = f"{layout.draft.lane.address}/error-cleanup{number}:{step.block.type}"
            self.edges += [(before, node) for before in after]
            self.order += [(before, node) for before in found[-1:]]
            self._step(layout, step, node, NodeKind.ERROR_CLEANUP)
            found.append(node)
        return found

    def _teardown(self, layout: LaneLayout, users: Iterable[str]) -> None:
        lane = layout.draft.lane
        node = f"{lane.address}/teardown"
        title = "Cleaning up"
        self.nodes.append(Node(id=node, kind=NodeKind.TEARDOWN, title=title, lane=lane.name, trigger=Trigger.ALWAYS))
        self.edges += [(user, node) for user in users]
        self._reads_others(layout, node)

    def _post_processors(self, layout: LaneLayout, capture: str) -> None:
        lane = layout.draft.lane
        readers: list[str] = []
        for number, chain in enumerate(layout.chains):
            previous, before = readers[-1:], capture
            for position, step in enumerate(chain):
                node = f"{lane.address}/post-process[{number}.{position}]:{step.block.type}"
                self._step(layout, step, node, NodeKind.POST_PROCESS)
                self.edges.append((before, node))
                readers.append(node)
                found = self.specs.mentions(step.block, step.body).references
                if self.artifacts.lanes_of(step.names, found, "", Diagnostics()):
                    self._reads_others(layout, node)
                before = node
            # Chains run one after another, whatever becomes of the one before.
            self.order += [(last, readers[-len(chain)]) for last in previous]
        release = f"{lane.address}/release"
        title = "Removing artifacts that are not kept"
        self.nodes.append(Node(id=release, kind=NodeKind.RELEASE, title=title, lane=lane.name))
        self.edges.append((capture, release))
        self.order += [(reader, release) for reader in readers]
        self._releases[layout.name] = release

    # -- nodes ------------------------------------------------------------------------

    def _builder_node(self, layout: LaneLayout, checked: Checked, node: str, kind: NodeKind, title: str) -> None:
        uses = checked.component.uses() if checked.component else {}
        lane = layout.draft.lane.name
        self.nodes.append(Node(id=node, kind=kind, title=title, lane=lane, spec=checked.spec, uses=uses))

    def _step(self, layout: LaneLayout, step: Step, node: str, kind: NodeKind) -> None:
        checked = self._checked(step.block, step.body, step.scope)
        settings = step.settings
        self.nodes.append(
            Node(
                id=node,
                kind=kind,
                title=checked.titled(f"Running {step.block.keyword} {step.label}{step.origin}"),
                lane=layout.draft.lane.name,
                spec=checked.spec,
                trigger=Trigger.ON_FAILURE if kind is NodeKind.ERROR_CLEANUP else Trigger.ON_SUCCESS,
                uses=checked.component.uses() if checked.component else {},
                retry=settings.retry,
                timeout=settings.timeout,
                pause_before=settings.pause_before,
                continue_on_error=settings.continue_on_error,
                keep_input=settings.keep_input,
            )
        )

    def _checked(self, block: ComponentBlock, body: Body, scope: LaneScope) -> Checked:
        artifact = self.artifacts.of(scope.module).value_for(self.specs.mentions(block, body).references)
        return self.specs.check(block, body, attrs.evolve(scope, scope=scope.scope.child({ROOT: artifact})))

    # -- what a lane waits for -----------------------------------------------------------

    def _wait_for_others(self, layout: LaneLayout, build: str) -> None:
        """A lane begins when all that it needs from elsewhere is there, so that no two can wait for each other."""
        for other in self.needs[layout.name]:
            self._wait_for_lane(layout.name, other, build)
        for step in layout.steps:
            self._wait_for_data(step.names, build, self.specs.mentions(step.block, step.body).references)

    def _wait_for_lane(self, name: str, other: str, node: str) -> None:
        if other in self.needs[name]:
            self.edges.append((f"{self.drafts[other].lane.address}/capture", node))

    def _wait_for_data(self, names: Globals, node: str, found: Iterable[Reference]) -> None:
        for before in sorted(map(data_node_id, names.data_of(found) - self.globals.known.data.keys())):
            self.edges.append((before, node))

    def _reads_others(self, layout: LaneLayout, node: str) -> None:
        for other in self.needs[layout.name]:
            self._readers.setdefault(other, []).append(node)


def _source_key(checked: Checked) -> str | None:
    """Equal for sources with equal settings; None when the settings are wrong."""
    if checked.decoded is None or checked.component is None:
        return None
    spec, config = checked.spec, checked.component.Config
    settings = settings_of(config, checked.decoded.values, spec.body, spec.scope, reveal=True)
    # What is not known yet may be something else in another module, although it is spelt the same.
    where = checked.module if checked.decoded.unknown else ""
    return f"{where} {spec.type} {sorted(settings.items(), key=lambda item: item[0])!r}"
