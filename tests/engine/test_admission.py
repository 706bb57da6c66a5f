"""Admission: all or nothing, in the order of the plan, and nobody is forgotten or looked at over and over."""

from __future__ import annotations

import pytest
from engine_kit import count_calls
from hypothesis import given
from hypothesis import strategies as st

from hclimg.engine.limits import Admission


def admitted(admission: Admission) -> list[int]:
    found = []
    while claim := admission.admit():
        found.append(claim[0])
    return found


def test_unlimited_names_cost_nothing() -> None:
    admission = Admission({})
    for place in (3, 1, 2):
        admission.ask(place, admission.limited({"x": 100}))
    assert admitted(admission) == [1, 2, 3]
    assert admission.used == {}


def test_all_or_nothing() -> None:
    admission = Admission({"a": 1, "b": 1})
    admission.ask(0, {"b": 1})
    admission.ask(1, {"a": 1, "b": 1})
    admission.ask(2, {"a": 1})
    assert admitted(admission) == [0, 2]
    assert admission.used == {"a": 1, "b": 1}


def test_first_in_the_plan_comes_first() -> None:
    admission = Admission({"a": 1})
    admission.ask(0, {"a": 1})
    claim = admission.admit()
    assert claim is not None
    for place in (5, 4, 9):
        admission.ask(place, {"a": 1})
    assert admission.admit() is None
    admission.release(claim[1])
    assert admitted(admission) == [4]


def test_a_slot_that_is_not_used_goes_to_the_next() -> None:
    """Claim 1 is woken by ``a`` but lacks ``b``; claim 2 must get the slot."""
    admission = Admission({"a": 1, "b": 1})
    admission.ask(0, {"a": 1})
    first = admission.admit()
    assert first is not None
    admission.ask(1, {"a": 1, "b": 1})
    admission.ask(2, {"a": 1})
    assert admission.admit() is None
    admission.ask(3, {"b": 1})
    assert admitted(admission) == [3]
    admission.release(first[1])
    assert admitted(admission) == [2]


def test_overrule_takes_the_first_that_waits() -> None:
    admission = Admission({"a": 1, "b": 1})
    admission.ask(0, {"a": 1, "b": 1})
    assert admission.admit() is not None
    admission.ask(2, {"a": 1})
    admission.ask(1, {"b": 1})
    assert admission.admit() is None
    assert admission.overrule() == (1, {"b": 1})
    assert admission.used == {"a": 1, "b": 2}
    assert admission.overrule() == (2, {"a": 1})
    assert admission.overrule() is None


def test_withdraw_gives_every_claim_back() -> None:
    admission = Admission({"a": 1})
    for place in (3, 1, 2):
        admission.ask(place, {"a": 1})
    assert admission.admit() is not None
    assert admission.admit() is None
    assert admission.withdraw() == [2, 3]
    assert admission.admit() is None


@pytest.mark.parametrize("count", [0, -1])
def test_a_limit_is_at_least_one(count: int) -> None:
    with pytest.raises(ValueError, match="the limit a must be at least 1"):
        Admission({"a": count})


def wants() -> st.SearchStrategy[dict[str, int]]:
    return st.dictionaries(st.sampled_from("abc"), st.integers(1, 3), max_size=3)


@given(
    capacity=st.dictionaries(st.sampled_from("abc"), st.integers(1, 3)),
    claims=st.lists(wants(), max_size=12),
    choices=st.lists(st.integers(0, 100), min_size=12, max_size=12),
)
def test_every_claim_is_admitted_in_the_end_and_no_limit_is_passed(
    capacity: dict[str, int], claims: list[dict[str, int]], choices: list[int]
) -> None:
    admission = Admission(capacity)
    for place, claim in enumerate(claims):
        admission.ask(place, admission.limited(claim))
    held, seen = [], []
    for choice in [*choices, *([0] * len(claims))]:
        while claim := admission.admit():
            held.append(claim)
            seen.append(claim[0])
            for name, count in capacity.items():
                assert sum(wanted.get(name, 0) for _, wanted in held) == admission.used.get(name, 0) <= count
        if held:
            admission.release(held.pop(choice % len(held))[1])
    assert sorted(seen) == list(range(len(claims)))


def contended(number: int) -> int:
    """Calls for so many claims on one slot, each of which wants a lock of its own too."""
    admission = Admission({"a": 1, **{f"own-{i}": 1 for i in range(number)}})
    for place in range(number):
        admission.ask(place, {"a": 1, f"own-{place}": 1})

    def run() -> None:
        for place in range(number):
            claim = admission.admit()
            assert claim is not None
            assert claim[0] == place
            assert admission.admit() is None
            admission.release(claim[1])

    return count_calls(run)


def test_claims_that_wait_are_not_scanned() -> None:
    assert contended(5_000) < 10 * contended(500) * 1.1
