"""Patterns with google-re2 and without: both give the same matches and refuse the same."""

from __future__ import annotations

import sys

import pytest
import re2
from evaluating import problem_of, python_of

from hclimg.lang.functions import translated
from hclimg.lang.functions.translated import SlowPattern, Untranslatable

TEXTS = (
    "",
    "ab12 c\u00e9\n",
    "x\\1 a.bb",
    "aaa\nbbb\n",
    "\x0b\t foo-bar_baz",
    "{1}[a]&&|~",
    "A\u00c9 [x] ]^-",
    "a+b*c?",
)
PATTERNS = (
    r"[[:alpha:]]+",
    r"[[:punct:]]+",
    r"[^[:space:]]+",
    r"\Qa.b\E+",
    r"\w+\z",
    "(?P<x>a)",
    "(?<y>b+)",
    r"\\1",
    "a$",
    "(?m)a$",
    "(?m)^b+$",
    "(?i)AB",
    "(?s)a.b",
    "(?i:A)b",
    r"\s+",
    r"\S+",
    r"[\s\d]+",
    "a{2}",
    "a{2,}",
    "a{,2}",
    "x{",
    "a+?",
    "a??",
    "[]a]+",
    "[^]a]+",
    "[a-]+",
    "[[]",
    "[&&]",
    "[a||b]+",
    "[~^-]+",
    r"\x41",
    r"\x{e9}",
    r"\bfoo\b",
    r"a|b|",
    "(a)(b)?",
    "(a|(b))+",
    r"\.",
    r"\-",
    "()",
    r"\|*\(*\\",
    "(?:a|b)*",
    "\u00e9",
    r"\A[a-z]",
    r"[\]]",
    r"[\^x]+",
    r"\t",
    "a.*b",
    r"[\x41-\x43]",
)
REFUSED = (
    r"(a)\1",
    "(?=a)",
    "(?!a)",
    "(?<!a)",
    "(?<=a)",
    "(?>a)",
    "a*+",
    "a++",
    "a**",
    "(?P<x>a)(?P=x)",
    r"a\Z",
    "(",
    ")",
    "*a",
    "(?#c)",
    "(?R)",
    "(?1)",
    "(?(1)a|b)",
    "(?|a)",
    r"\K",
    r"\R",
    r"\X",
    r"\h",
    r"\m",
    r"\N{DIGIT ONE}",
    "[a",
    "a{1001}",
    "a{2}{3}",
    r"\8",
    "[[:nope:]]",
    "[b-a]",
    "(?z)a",
    "\\",
    "{1}",
    "(*a)",
    "a|+",
)


def options() -> object:
    found = re2.Options()
    found.log_errors = False
    return found


@pytest.mark.parametrize("pattern", PATTERNS)
def test_matches_are_the_same_without_re2(pattern: str) -> None:
    expected, found = re2.compile(pattern, options()), translated.compiled(pattern)
    assert (found.groups, found.groupindex) == (expected.groups, expected.groupindex)
    for text in TEXTS:
        a, b = expected.search(text), found.search(text)
        assert (b and (b.span(), b.groups())) == (a and (a.span(), a.groups())), text


@pytest.mark.parametrize("pattern", REFUSED)
def test_what_re2_refuses_is_refused_without_it(pattern: str) -> None:
    with pytest.raises(re2.error):
        re2.compile(pattern, options())
    with pytest.raises(Untranslatable):
        translated.compiled(pattern)


@pytest.mark.parametrize("pattern", ["(?U)a", "a(?i)b", "(?m:a)b", r"\pL+", r"\P{Greek}"])
def test_a_few_things_need_re2(pattern: str) -> None:
    re2.compile(pattern, options())
    with pytest.raises(Untranslatable):
        translated.compiled(pattern)


def test_without_re2_matching_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translated, "SECONDS", 0.05)
    slow = translated.compiled("(x+x+)+y")
    with pytest.raises(SlowPattern):
        slow.search("x" * 200)
    with pytest.raises(SlowPattern):
        list(slow.finditer("x" * 200))


def test_functions_work_without_re2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    assert python_of('regex("([a-z])([0-9])?", "x")') == ["x", None]
    assert python_of('regexall("[[:digit:]]+", "1 22")') == ["1", "22"]
    assert python_of('regex_replace("abc", "(?P<first>a)", "<$${first}>")') == "<a>bc"
    assert "invalid escape sequence" in problem_of('regex("(a)\\\\1", "aa")').detail
    monkeypatch.setattr(translated, "SECONDS", 0.05)
    slow = problem_of(f'regex("(x+x+)+y", "{"x" * 200}")').detail
    assert "matching takes more than 0 seconds; with google-re2 it would not" in slow


def test_too_many_groups() -> None:
    assert "more than 1000 groups" in problem_of(f'regex("{"()" * 1001}", "")').detail
