"""Globs and patterns of -only and -except."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hclimg.diagnostics import Diagnostics
from hclimg.plan.select import Candidate, glob, make_selection, report_unused, select_lanes, split_patterns


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("*", ["", "a", "a.b.c"], []),
        ("my.*", ["my.", "my.file.a"], ["myx", "amy.b"]),
        ("*.a", ["x.a", "x.y.a"], ["a", "x.ab"]),
        ("a?c", ["abc", "a.c"], ["ac", "abbc"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "x"]),
        ("[!a-c]x", ["dx"], ["ax", "x"]),
        ("{a,b.*}.z", ["a.z", "b.c.z"], ["c.z", "a,b.z"]),
        ("a{,b}", ["a", "ab"], ["abb"]),
        (r"a\*b", ["a*b"], ["axb"]),
        ("a.b+c(d)|e$", ["a.b+c(d)|e$"], ["axb+c(d)|e$"]),
        ("a,b", ["a,b"], ["a"]),
    ],
)
def test_globs(pattern: str, matches: list[str], others: list[str]) -> None:
    found = glob(pattern)
    assert [name for name in matches if not found.matches(name)] == []
    assert [name for name in others if found.matches(name)] == []


@pytest.mark.parametrize("pattern", ["foo[]bar", "foo[", "a{b", "a}b", "[z-a]", "[!]", "{a,{b}"])
def test_what_is_no_glob_raises(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"clos|stands|without|class"):
        glob(pattern)


@given(st.text(alphabet="ab.*?", max_size=8), st.text(alphabet="ab.", max_size=8))
def test_simple_globs_match_as_those_of_the_shell(pattern: str, name: str) -> None:
    assert glob(pattern).matches(name) == fnmatch.fnmatchcase(name, pattern)


@given(st.text(max_size=20))
def test_any_other_text_is_a_pattern_or_an_error(text: str) -> None:
    diags = Diagnostics()
    selection = make_selection([text], [], diags)
    assert len(selection.only) + len(diags) == len(split_patterns([text]))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a,b", "c"], ["a", "b", "c"]),
        (["x.{a,b},c"], ["x.{a,b}", "c"]),
        (["{a,{b,c}},d"], ["{a,{b,c}}", "d"]),
        ([" a , ,b,"], ["a", "b"]),
        ([""], []),
    ],
)
def test_options_are_cut_at_commas_outside_of_braces(texts: list[str], expected: list[str]) -> None:
    assert split_patterns(texts) == expected


LANES = [Candidate(name, (name,)) for name in ("a.x", "a.y", "b.x")]


def select(only: list[str], except_: list[str], needs: dict[str, dict[str, None]]) -> tuple[set[str], list[str]]:
    diags = Diagnostics()
    selection = make_selection(only, except_, diags)
    chosen = select_lanes(selection, LANES, lambda name: needs.get(name, {}), diags)
    report_unused(selection, LANES, ["pack"], diags)
    return chosen, [item.detail for item in diags]


def test_needs_come_along_with_what_they_need() -> None:
    needs = {"a.x": {"a.y": None}, "a.y": {"b.x": None}}
    chosen, told = select(["a.x"], [], needs)
    assert chosen == {"a.x", "a.y", "b.x"}
    assert len(told) == 2


def test_patterns_without_a_match_are_told_with_the_nearest_name() -> None:
    chosen, told = select(["a.*", "b.z"], ["pak"], {})
    assert chosen == {"a.x", "a.y"}
    assert told == [
        '-only "b.z" matches no build. The builds are a.x, a.y, b.x. Did you mean "b.x"?',
        '-except "pak" matches no build. The builds are a.x, a.y, b.x. Did you mean "pack"?',
    ]
