"""A plan as plain data: a tree for people, JSON for programs, DOT for Graphviz. How it looks is for ``ui`` to say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from hclimg.lang.values import to_python
from hclimg.plan.canonical import EXPRESSION, expression_text
from hclimg.plan.node import Node, NodeKind, Trigger
from hclimg.plan.plan import Plan
from hclimg.registry import Registry
from hclimg.sdk.retry import ONCE, RetryPolicy
from hclimg.units import show_duration

if TYPE_CHECKING:
    from hclimg.plan.fingerprint import SpecReader
    from hclimg.plan.outputs import PlannedOutput

FORMAT = 1
"""The version of the JSON form."""


@attrs.frozen(eq=False)
class Branch:
    """A lane, or the nodes that lanes share (``lane`` is then empty). ``after`` are the lanes that it waits for."""

    lane: str
    title: str
    after: tuple[str, ...]
    leaves: tuple[Leaf, ...]


@attrs.frozen(eq=False)
class Leaf:
    """A node. ``notes`` are short texts on how it runs: ``retried up to 3 times``."""

    node: Node
    notes: tuple[str, ...] = ()


def tree(plan: Plan) -> tuple[Branch, ...]:
    """The plan lane by lane, what lanes share first."""
    shared = [node for node in plan.nodes_of("") if node.kind is NodeKind.DATA or len(_lanes_of(plan, node)) > 1]
    branches = [Branch("", "Shared", (), tuple(_leaf(plan, node) for node in shared))] if shared else []
    own: dict[str, list[Node]] = {}
    for node in plan.nodes_of(""):
        lanes = _lanes_of(plan, node)
        if node.kind is NodeKind.SOURCE and len(lanes) == 1:
            own.setdefault(lanes[0], []).append(node)
    for name in plan.lanes:
        nodes = [*own.get(name, ()), *plan.nodes_of(name)]
        leaves = tuple(_leaf(plan, node) for node in nodes)
        branches.append(Branch(name, _lane_title(plan, name), _waits_for(plan, name), leaves))
    return tuple(branches)


def _lanes_of(plan: Plan, node: Node) -> list[str]:
    """The lanes whose machine starts from what this node finds."""
    return [plan.nodes[name].lane for name in plan.successors(node.id) if plan.nodes[name].kind is NodeKind.BUILD]


def _lane_title(plan: Plan, name: str) -> str:
    lane = plan.lanes[name]
    return name if name == lane.address else f"{name} ({lane.address})"


def _waits_for(plan: Plan, name: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for node in plan.nodes_of(name):
        for before in plan.predecessors(node.id):
            other = plan.nodes[before]
            if node.kind is NodeKind.BUILD and other.lane not in ("", name):
                found[other.lane] = None
            elif node.kind is NodeKind.BUILD and other.kind is NodeKind.SOURCE:
                found |= dict.fromkeys(plan.nodes[n].lane for n in plan.predecessors(other.id) if plan.nodes[n].lane)
    return tuple(found)


def _leaf(plan: Plan, node: Node) -> Leaf:
    notes = []
    if node.kind is NodeKind.SOURCE and len(_lanes_of(plan, node)) > 1:
        notes.append(f"for {', '.join(_lanes_of(plan, node))}")
    if node.trigger is Trigger.ON_FAILURE:
        notes.append("only when something before it failed")
    if node.retry.attempts > 1:
        notes.append(f"up to {node.retry.attempts} attempts")
    if node.timeout:
        notes.append(f"at most {_seconds(node.timeout)}")
    if node.pause_before:
        notes.append(f"after a pause of {_seconds(node.pause_before)}")
    if node.continue_on_error:
        notes.append("the build goes on when it fails")
    if node.keep_input:
        notes.append("keeps its input")
    return Leaf(node, tuple(notes))


def _seconds(seconds: float) -> str:
    from datetime import timedelta

    return show_duration(timedelta(seconds=seconds))


# -- JSON -----------------------------------------------------------------------


def to_json(plan: Plan, registry: Registry, *, positions: bool = False, reveal: bool = False) -> dict[str, Any]:
    """The plan as JSON data. Two templates that say the same give the same, whatever they are written in.

    ``positions`` adds where each node's block stands; secrets show only with ``reveal``.
    """
    from hclimg.plan.fingerprint import SpecReader, fingerprints  # reads package metadata, which the tree does without

    reader, prints = SpecReader(registry), fingerprints(plan, registry)
    found = {
        "format": FORMAT,
        "lanes": [_lane(plan, name) for name in plan.lanes],
        "nodes": [_node(plan, node, reader, prints, positions, reveal) for node in plan.in_order()],
    }
    if plan.outputs:
        found["outputs"] = {output.name: _output(output) for output in plan.outputs}
    return found


def _output(output: PlannedOutput) -> dict[str, Any]:
    """``value``, or ``expression`` where only a run knows it; of what is sensitive neither."""
    found: dict[str, Any] = {"sensitive": output.sensitive, "lanes": list(output.lanes), "complete": output.complete}
    if output.description:
        found["description"] = output.description
    if output.sensitive:
        return found
    if output.value.is_wholly_known:
        return {**found, "value": to_python(output.value)}
    return {**found, EXPRESSION: expression_text(output.expr, output.scope)}


def _lane(plan: Plan, name: str) -> dict[str, Any]:
    lane = plan.lanes[name]
    build = {"build": lane.build_name} if lane.build_name else {}
    keys = {"keys": list(lane.keys)} if lane.keys else {}
    return {"address": lane.address, **build, "type": lane.source_type, "name": lane.source_name, **keys}


def _node(
    plan: Plan, node: Node, reader: SpecReader, prints: Mapping[str, str], positions: bool, reveal: bool
) -> dict[str, Any]:
    lane = plan.lanes.get(node.lane)
    found: dict[str, Any] = {
        "id": node.id,
        "kind": node.kind.value,
        "title": node.title,
        "lane": lane.address if lane else "",
        "trigger": node.trigger.value,
        "after": sorted(plan.predecessors(node.id)),
        "fingerprint": prints[node.id],
        **_ways(plan, node),
    }
    if node.spec is not None:
        found["component"] = f"{node.spec.kind.value}/{node.spec.type}"
        found["settings"] = reader.read(node.spec, reveal=reveal)[1]
    if positions and node.spec is not None:
        found["position"] = _position(node)
    return found


def _ways(plan: Plan, node: Node) -> dict[str, Any]:
    """How the node runs, as far as it is not what is usual."""
    ways = {
        "order_after": sorted(plan.order_predecessors(node.id)),
        "uses": dict(node.uses),
        "timeout": node.timeout,
        "pause_before": node.pause_before,
        "continue_on_error": node.continue_on_error,
        "retry": _retry(node.retry) if node.retry != ONCE else None,
    }
    found = {name: way for name, way in ways.items() if way}
    if node.keep_input is not None:
        found["keep_input_artifact"] = node.keep_input
    return found


def _retry(policy: RetryPolicy) -> dict[str, float]:
    return {"attempts": policy.attempts, "delay": policy.delay, "max_delay": policy.max_delay}


def _position(node: Node) -> dict[str, Any]:
    assert node.spec is not None
    at = node.spec.header
    return {"file": at.filename, "line": at.begin.line, "column": at.begin.column}


def to_dot(plan: Plan) -> str:
    """The graph for Graphviz."""
    return plan.dot()
