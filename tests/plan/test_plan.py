"""The graph: order, lanes, cycles, questions."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hclimg.plan.node import Lane, Node, NodeKind, Trigger
from hclimg.plan.plan import CycleError, Plan

ROOT = Path(__file__).resolve().parents[2]


def node(name: str, lane: str = "", trigger: Trigger = Trigger.ON_SUCCESS) -> Node:
    return Node(id=name, kind=NodeKind.PROVISION, title=f"Doing {name}", lane=lane, trigger=trigger)


def nodes(names: str) -> list[Node]:
    return [node(name) for name in names]


def lane(name: str) -> Lane:
    return Lane(address=name, name=name, source_type="null", source_name=name)


def ids(plan: Plan) -> str:
    return "".join(item.id for item in plan.in_order())


def test_the_order_is_that_of_the_plan_where_the_edges_allow_it() -> None:
    assert ids(Plan(nodes("dacb"), [("b", "a")])) == "dcba"


def test_order_edges_count_for_the_order_only() -> None:
    plan = Plan(nodes("abc"), [("c", "b")], order=[("b", "a"), ("c", "b")])
    assert ids(plan) == "cba"
    assert list(plan.predecessors("a")) == []
    assert list(plan.order_predecessors("a")) == ["b"]
    assert list(plan.order_successors("b")) == ["a"]
    assert list(plan.order) == [("b", "a")], "an edge that also decides is not said twice"
    assert list(plan.edges) == [("c", "b")]


def test_an_edge_that_is_given_twice_is_one_edge() -> None:
    assert list(Plan(nodes("ab"), [("a", "b"), ("a", "b")]).predecessors("b")) == ["a"]


def test_lanes_have_their_nodes_in_order() -> None:
    plan = Plan([node("b", "x"), node("s"), node("a", "x"), node("c", "y")], [("a", "b")], [lane("x"), lane("y")])
    assert [n.id for n in plan.nodes_of("x")] == ["a", "b"]
    assert [n.id for n in plan.nodes_of("")] == ["s"]
    assert plan.nodes_of("z") == ()
    assert list(plan.lanes) == ["x", "y"]


def test_a_cycle_is_told_with_its_whole_path_from_its_first_node() -> None:
    with pytest.raises(CycleError) as caught:
        Plan(nodes("abcde"), [("a", "b"), ("d", "c"), ("c", "b"), ("b", "d"), ("d", "e")])
    assert caught.value.path in {("b", "d", "c", "b"), ("b", "c", "d", "b")}
    assert str(caught.value) == "b -> d -> c -> b"


def test_a_node_that_waits_for_itself_is_a_cycle() -> None:
    with pytest.raises(CycleError) as caught:
        Plan(nodes("a"), [("a", "a")])
    assert caught.value.path == ("a", "a")


def test_a_cycle_through_an_order_edge_is_one_too() -> None:
    with pytest.raises(CycleError):
        Plan(nodes("ab"), [("a", "b")], order=[("b", "a")])


def test_what_the_compiler_must_not_do() -> None:
    with pytest.raises(ValueError, match="a is given twice"):
        Plan(nodes("aa"), [])
    with pytest.raises(ValueError, match="x, which does not exist"):
        Plan(nodes("a"), [("a", "x")])


def test_the_critical_path_is_the_slowest_chain() -> None:
    plan = Plan(nodes("abcd"), [("a", "b"), ("a", "c"), ("b", "d")], order=[("c", "d")])
    assert plan.critical_path({"a": 1, "b": 2, "c": 5, "d": 1}) == ("a", "c", "d")
    assert plan.critical_path({"a": 1, "b": 9, "c": 5, "d": 1}) == ("a", "b", "d")
    assert Plan([], []).critical_path({}) == ()


def test_dot_shows_lanes_and_leaves_out_what_is_implied() -> None:
    plan = Plan(
        [node("s"), node('b"1"', "x"), node("t", "x", Trigger.ALWAYS), node("r", "x")],
        [("s", 'b"1"'), ('b"1"', "t"), ("s", "t")],
        [lane("x")],
        order=[("t", "r")],
    )
    dot = plan.dot()
    assert '  subgraph cluster_1 {\n    label="x";\n    "b\\"1\\"" [label="Doing b\\"1\\""];' in dot
    assert '"b\\"1\\"" -> "t" [style="dashed", label="always"];' in dot
    assert '"t" -> "r" [style="dotted"];' in dot
    assert '"s" -> "t"' not in dot
    assert dot.count("{") == dot.count("}")


def test_making_a_plan_needs_no_networkx() -> None:
    code = (
        "import sys; from hclimg.plan.plan import Plan; from hclimg.plan.node import Node, NodeKind\n"
        "p = Plan([Node(id=n, kind=NodeKind.DATA, title=n) for n in 'ab'], [('a', 'b')]); p.in_order()\n"
        "print('networkx' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@given(st.integers(1, 12), st.sets(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30))
def test_order_and_cycles_agree_with_networkx(count: int, pairs: set[tuple[int, int]]) -> None:
    names = [f"{i:02}" for i in range(count)]
    edges = [(names[a], names[b]) for a, b in sorted(pairs) if a < count and b < count]
    graph: nx.DiGraph[str] = nx.DiGraph(edges)
    graph.add_nodes_from(names)
    if nx.is_directed_acyclic_graph(graph):
        plan = Plan(map(node, names), edges)
        assert [item.id for item in plan.in_order()] == list(nx.lexicographical_topological_sort(graph))
        return
    with pytest.raises(CycleError) as caught:
        Plan(map(node, names), edges)
    path = caught.value.path
    assert path[0] == path[-1]
    assert all(graph.has_edge(a, b) for a, b in pairwise(path))
