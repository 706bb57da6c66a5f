"""The immutable graph that the engine walks.

What must hold between the nodes of a lane stands here, because the compiler makes it and the engine relies on it:

- Two kinds of edges. ``edges``: the second node waits for the first, and how the first ended decides, with the second
  node's trigger, whether it runs. ``order``: the second node only waits until the first is over, however it ended
  (the chains of post-processors of a lane run one after another, but a failing one does not stop the next).
- ``Node.lane`` is the ``Lane.name`` of its lane, or empty. Data sources and sources have no lane: lanes share them.
- The id of a data source's node is ``data.TYPE.NAME``.
- An input is found by kind: BUILD looks for its SOURCE, POST_PROCESS for the POST_PROCESS or the CAPTURE before it.
  SOURCE, BUILD and CAPTURE of a lane hold the same ``Spec`` object, so that its expressions are evaluated once.
- TEARDOWN has an edge from every node that uses the machine: BUILD, each PROVISION, CAPTURE, ERROR_CLEANUP.
- ERROR_CLEANUP has an edge from each PROVISION and from CAPTURE, not from BUILD: it runs when one of them failed.
- RELEASE has an edge from CAPTURE and an order edge from each node that reads an artifact of its lane: each
  POST_PROCESS, and the nodes of other lanes that refer to it.

networkx is imported only by what asks questions about the graph; making a plan does without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING, TypeVar

from hclimg.plan.node import Lane, Node, Trigger

if TYPE_CHECKING:
    import networkx as nx

    from hclimg.plan.outputs import PlannedOutput

Edge = tuple[str, str]
Links = dict[str, list[str]]
T = TypeVar("T")


class CycleError(ValueError):
    """Nodes wait for each other; ``path`` begins and ends with the same one."""

    def __init__(self, path: Sequence[str]) -> None:
        super().__init__(" -> ".join(path))
        self.path = tuple(path)


class Plan:
    """Nodes and edges, without cycles. Nodes and lanes keep the order in which they were given.

    Raises CycleError, and ValueError for an id that is given twice or an edge to a node that does not exist.
    """

    __slots__ = (
        "_after", "_before", "_members", "_order_after", "_order_before", "_sorted", "lanes", "nodes", "outputs",
    )  # fmt: skip

    nodes: Mapping[str, Node]
    lanes: Mapping[str, Lane]
    outputs: tuple[PlannedOutput, ...]

    def __init__(
        self,
        nodes: Iterable[Node],
        edges: Iterable[Edge],
        lanes: Iterable[Lane] = (),
        order: Iterable[Edge] = (),
        outputs: Iterable[PlannedOutput] = (),
    ) -> None:
        self.outputs = tuple(outputs)
        self.nodes = _by_id((node.id, node) for node in nodes)
        self.lanes = _by_id((lane.name, lane) for lane in lanes)
        hard = dict.fromkeys(edges)
        soft = [edge for edge in dict.fromkeys(order) if edge not in hard]
        self._before, self._after = self._adjacency(hard)
        self._order_before, self._order_after = self._adjacency(soft)
        self._sorted = self._sort()
        self._members: dict[str, list[Node]] = {name: [] for name in ("", *self.lanes)}
        for node in self._sorted:
            self._members.setdefault(node.lane, []).append(node)

    def _adjacency(self, edges: Iterable[Edge]) -> tuple[Links, Links]:
        before: Links = {}
        after: Links = {}
        for first, second in edges:
            before.setdefault(second, []).append(first)
            after.setdefault(first, []).append(second)
        for name in (*before, *after):
            if name not in self.nodes:
                raise ValueError(f"an edge leads to or from {name}, which does not exist")
        return before, after

    def _sort(self) -> tuple[Node, ...]:
        """Kahn's algorithm; among the nodes that may come next, the one given first comes first."""
        ids = list(self.nodes)
        place = {name: i for i, name in enumerate(ids)}
        waiting = dict.fromkeys(ids, 0)
        for links in (self._before, self._order_before):
            for name, before in links.items():
                waiting[name] += len(before)
        ready = [i for i, name in enumerate(ids) if not waiting[name]]
        found: list[Node] = []
        while ready:
            name = ids[heappop(ready)]
            found.append(self.nodes[name])
            for following in (*self._after.get(name, ()), *self._order_after.get(name, ())):
                waiting[following] -= 1
                if not waiting[following]:
                    heappush(ready, place[following])
        if len(found) < len(ids):
            raise CycleError(self._cycle())
        return tuple(found)

    def _cycle(self) -> list[str]:
        import networkx as nx

        path = [edge[0] for edge in nx.find_cycle(self.graph())]
        given = {name: i for i, name in enumerate(self.nodes)}
        start = path.index(min(path, key=given.__getitem__))
        return [*path[start:], *path[:start], path[start]]

    # -- reading ------------------------------------------------------------------

    def predecessors(self, name: str) -> Sequence[str]:
        """The nodes whose end decides whether this one runs."""
        return self._before.get(name, ())

    def successors(self, name: str) -> Sequence[str]:
        """The nodes for which the end of this one decides whether they run."""
        return self._after.get(name, ())

    def order_predecessors(self, name: str) -> Sequence[str]:
        """The nodes that this one only waits for."""
        return self._order_before.get(name, ())

    def order_successors(self, name: str) -> Sequence[str]:
        """The nodes that only wait for this one."""
        return self._order_after.get(name, ())

    def in_order(self) -> tuple[Node, ...]:
        """The nodes in an order in which they could run one by one."""
        return self._sorted

    def nodes_of(self, lane: str) -> Sequence[Node]:
        """The nodes of a lane in order; of ``""``, the nodes that lanes share."""
        return self._members.get(lane, ())

    @property
    def edges(self) -> Iterator[Edge]:
        return ((first, second) for first, following in self._after.items() for second in following)

    @property
    def order(self) -> Iterator[Edge]:
        return ((first, second) for first, following in self._order_after.items() for second in following)

    # -- questions about the graph --------------------------------------------------

    def graph(self) -> nx.DiGraph[str]:
        """All nodes and edges; an edge of ``order`` has the attribute ``order=True``."""
        import networkx as nx

        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(self.nodes)
        graph.add_edges_from(self.edges, order=False)
        graph.add_edges_from(self.order, order=True)
        return graph

    def critical_path(self, seconds: Mapping[str, float]) -> tuple[str, ...]:
        """The chain of nodes that took longest together: what a faster run has to make faster."""
        best: dict[str, float] = {}
        came_from: dict[str, str] = {}
        for node in self._sorted:
            before = (*self.predecessors(node.id), *self.order_predecessors(node.id))
            slowest = max(before, key=best.__getitem__, default=None)
            best[node.id] = seconds.get(node.id, 0.0) + (best[slowest] if slowest else 0.0)
            if slowest:
                came_from[node.id] = slowest
        name: str | None = max(best, key=best.__getitem__, default=None)
        path = []
        while name:
            path.append(name)
            name = came_from.get(name)
        return tuple(reversed(path))

    def dot(self) -> str:
        """The graph for Graphviz, without the edges that others imply."""
        import networkx as nx

        lines = ["digraph plan {", '  rankdir="LR";', '  node [shape="box", style="rounded"];']
        for number, (lane, members) in enumerate(self._members.items()):
            named = [f"    {_quoted(n.id)} [label={_quoted(n.title or n.id)}];" for n in members]
            if lane and named:
                named = [f"  subgraph cluster_{number} {{", f"    label={_quoted(lane)};", *named, "  }"]
            lines += named
        whole = self.graph()
        for first, second in sorted(nx.transitive_reduction(whole).edges):
            lines.append(f"  {_quoted(first)} -> {_quoted(second)}{self._style(first, second)};")
        return "\n".join([*lines, "}", ""])

    def _style(self, first: str, second: str) -> str:
        if first not in self.predecessors(second):
            return ' [style="dotted"]'
        trigger = self.nodes[second].trigger
        return "" if trigger is Trigger.ON_SUCCESS else f' [style="dashed", label={_quoted(trigger)}]'


def _by_id(pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    found: dict[str, T] = {}
    for name, item in pairs:
        if name in found:
            raise ValueError(f"{name} is given twice")
        found[name] = item
    return found


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
