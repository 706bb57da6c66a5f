"""Cycles: each thing is told once, and nobody gets a text of a hundred pages."""

from __future__ import annotations

from collections.abc import Mapping

from hclimg.diagnostics import Diagnostics, Range, SourceText
from hclimg.template.ordering import in_order, report_cycle

HERE = SourceText("t", "x" * 100).range(0, 1)


def ordered(links: Mapping[int, list[int]]) -> tuple[list[int], list[tuple[int, ...]]]:
    def dependencies(thing: int) -> Mapping[int, Range]:
        return dict.fromkeys(links.get(thing, ()), HERE)

    done, cycles = in_order(links, dependencies)
    assert sorted(done) == sorted(links)
    return done, [cycle.path for cycle in cycles]


def test_what_others_depend_on_comes_first() -> None:
    assert ordered({1: [2, 3], 2: [3], 3: [], 4: []}) == ([3, 2, 1, 4], [])


def test_a_long_chain_takes_no_recursion() -> None:
    length = 50_000
    done, cycles = ordered({i: [i + 1] if i < length else [] for i in range(length + 1)})
    assert done == list(range(length, -1, -1))
    assert not cycles


def test_each_thing_is_in_one_cycle_with_others() -> None:
    _, cycles = ordered({1: [2], 2: [1, 2, 3], 3: [2, 3], 4: [4], 5: [6], 6: [5]})
    assert cycles == [(1, 2, 1), (2, 2), (3, 3), (4, 4), (5, 6, 5)]


def test_things_that_all_depend_on_each_other() -> None:
    everything = list(range(300))
    _, cycles = ordered({i: [j for j in everything if j != i] for i in everything})
    told = [thing for path in cycles for thing in path[1:]]
    assert len(told) == len(set(told))
    assert len(ordered(dict.fromkeys(everything, everything))[1]) == 100


def test_of_a_long_cycle_the_ends_are_told() -> None:
    _, (path,) = ordered({i: [(i + 1) % 50_000] for i in range(50_000)})
    assert len(path) == 50_001
    diags = Diagnostics()
    (cycle,) = in_order(range(50_000), lambda i: {(i + 1) % 50_000: HERE})[1]
    report_cycle("They wait for each other", cycle, str, diags)
    (problem,) = diags
    assert problem.detail == (
        "They wait for each other: 0 → 1 → 2 → 3 → 4 → 5 → 6 → 7 → 8 → 9 → (49980 more) → "
        "49991 → 49992 → 49993 → 49994 → 49995 → 49996 → 49997 → 49998 → 49999 → 0. Remove one of the references."
    )
    assert len(problem.related) == 19
