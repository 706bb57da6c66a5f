"""What would take unbounded time or memory is a diagnostic. Each of these would go on for hours, or fill any memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from evaluating import problem_of, problems_of, python_of, scope, value_of

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang import limits
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.parse import parse_expression
from hclimg.lang.values import Value, object_of

LONG = 'join("", [for i in range(1000) : "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"])'


def doubled(text: str, start: str, times: int) -> tuple[Value, Diagnostics]:
    """Evaluate ``text`` again and again, each time with the last result as ``x``."""
    diags = Diagnostics()
    value = value_of(start)
    expr = parse_expression(SourceText("t", text), diags)
    for _ in range(times):
        value = evaluate(expr, Scope({"x": value}, scope().functions), diags)
    return value, diags


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("range(1e12)", "more than 1024 values were generated"),
        (f'replace({LONG}, "a", {LONG})', "the result would be longer than 128 Mi characters"),
        (f'replace({LONG}, "", {LONG})', "the result would be longer than 128 Mi characters"),
        (f'regex_replace({LONG}, "a", {LONG})', "the result would be longer than 128 Mi characters"),
        (f'indent(100000, replace({LONG}, "a", "\\n"))', "the result would be longer than 128 Mi characters"),
        (f'format("{"%100000s" * 2000}", {",".join("1" * 2000)})', "the result would be longer than 128 Mi characters"),
        (f'formatlist("%s", [for i in range(1000) : {"0" * 9}])', ""),
        ("setproduct(range(1000), range(999))", "the result would hold more than 1,000,000 values"),
        (f"setproduct({','.join(['[1, 2]'] * 40)})", "the result would hold more than 1,000,000 values"),
        ("[for a in range(1000) : length([for b in range(1000) : b])]", "more than 250,000 elements"),
        ("%{ for a in range(1000) }%{ for b in range(1000) }x%{ endfor }%{ endfor }", "more than 250,000 elements"),
        ("{ for a in range(1000) : a => [for b in range(1000) : b] }", "more than 250,000 elements"),
        ('bcrypt("x", 31)', "a cost of 31 would take too long"),
        ('yamldecode("a: 1e999999999")', "the number 1e999999999 is out of range"),
        ("1e70000 * 1e70000", "the result has more than 78,000 digits"),
        ('tonumber("1e999999")', "given string must be a decimal representation of a number"),
        ('convert("1e-999999", number)', "a number of at most 78,000 digits is required"),
        ('fileset("/", "**")', "there are more than 250,000 files to look at"),
    ],
)
def test_refused(text: str, detail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if text.startswith("fileset"):
        monkeypatch.setattr("hclimg.lang.functions.globs._MOST_ENTRIES", 100)
        detail = "there are more than 100 files to look at"
    if text.startswith("%{"):
        text = f'"{text}"'
    if not detail:
        monkeypatch.setattr(limits, "LARGEST_TEXT", 500)
        detail = "the result would be longer than"
    assert detail in problem_of(text).detail


def test_loops_share_their_rounds_with_those_inside_templates(tmp_path: Path) -> None:
    (tmp_path / "t.tpl").write_text("%{ for b in range(1000) }x%{ endfor }")
    problem = problem_of('[for a in range(1000) : templatefile("t.tpl", {})]', tmp_path)
    assert problem.summary == "Too many iterations"
    assert str(problem.subject) == "t.tpl:1:13"


@pytest.mark.parametrize("literal", ["1e999999", "1e-999999", "1e100000", "1e" + "9" * 50_000])
def test_numbers_beyond_all_bounds(literal: str) -> None:
    diags = Diagnostics()
    parse_expression(SourceText("t", literal), diags)
    (problem,) = diags.errors
    assert problem.detail == "Numbers of this size are not supported; at most 78,000 digits are."


def test_small_numbers_that_are_zero() -> None:
    assert python_of("0e999999") == 0
    assert python_of("0.000") == 0
    assert python_of('tonumber("0e-999999")') == 0
    assert value_of("1 / 0").raw == float("inf")
    assert value_of("1 / 0 * 2").raw == float("inf")


def test_a_string_in_a_string_in_a_string() -> None:
    value, diags = doubled('"${x}${x}"', '"0123456789"', 40)
    assert [d.summary for d in diags] == ["String too long"]
    assert not value.is_known


@pytest.mark.parametrize(
    "text", ["[x, x, x, x, x]", "{ a = x, b = x, c = x }", "[for i in [1, 2, 3] : x]", "concat(x, x, x)"]
)
def test_a_list_in_a_list_in_a_list(text: str) -> None:
    value, diags = doubled(text, "[1, 2, 3]", 40)
    assert all("more than 1,000,000 values" in diagnostic.detail for diagnostic in diags)
    assert 1 <= len(diags) <= 4  # it is unknown then, and grows anew
    assert value.size[0] <= 1_000_000


def test_shared_values_that_are_small_enough() -> None:
    value, diags = doubled("[x, x]", "[1]", 12)
    assert not diags
    assert value.size[0] == 3 * 2**12 - 1
    assert object_of({"a": value}).size[0] == value.size[0] + 1


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "again").symlink_to(".")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 40)
    for function in ("file", "filebase64", "filesha256"):
        for name, reason in (
            ("pipe", "it is a device, a pipe or a socket"),
            ("/dev/zero", "it is a device, a pipe or a socket"),
            ("loop", "Too many levels of symbolic links"),
            ("folder", "it is a directory"),
            ("huge", "it is larger than 128 MiB"),
        ):
            assert f"failed to read {name}: {reason}" in problem_of(f'{function}("{name}")', tmp_path).detail
    assert "Too many levels" in problem_of('templatefile("loop", {})', tmp_path).detail
    assert python_of('fileset("folder", "**")', tmp_path) == []
    assert python_of('fileset("loop", "**")', tmp_path) == []


def test_patterns_of_files_that_match_in_many_ways(tmp_path: Path) -> None:
    (tmp_path / "/".join("abcdefgh")).mkdir(parents=True)
    (tmp_path / "a/b/c/d/x").touch()
    stars = "**/" * 20 + "*/**/*/" + "**/" * 20
    assert python_of(f'fileset(".", "{stars}x")', tmp_path) == ["a/b/c/d/x"]
    assert python_of('fileset("a", "*/**/../c/**")', tmp_path) == ["b/c/../c/d/x"]


def test_a_template_file_that_includes_itself(tmp_path: Path) -> None:
    (tmp_path / "rec.tpl").write_text('${templatefile("rec.tpl", {})}')
    (problem,) = problems_of('templatefile("rec.tpl", {})', tmp_path)
    assert "cannot recursively call templatefile from inside templatefile call" in problem.detail
    assert str(problem.subject) == "rec.tpl:1:3"


def test_a_value_that_is_too_deep() -> None:
    """Deep values are made step by step, without a deep expression."""
    value, diags = doubled("[x]", "1", 240)
    assert not diags
    assert value.size == (241, 241)
    value, diags = doubled("{ a = x }", "1", 260)
    assert [d.detail for d in diags] == ["This value is nested more than 250 deep."]
    nested = "[" * 251 + "]" * 251
    assert "deep" in problem_of(f'jsondecode("{nested}")').detail


def test_names_in_sensitive_objects_are_not_told() -> None:
    for step in (".x", '["x"]', '["hunter"]'):
        problem = problem_of(f"{{(sensitive(var.s)) = 1}}{step}", s="hunter2")
        assert "hunter2" not in problem.detail
