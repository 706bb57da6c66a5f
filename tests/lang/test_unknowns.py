"""What is known of values that are not known yet, as far as a template can see it."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from evaluating import TIME

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.functions import standard_functions
from hclimg.lang.parse import parse_expression
from hclimg.lang.types import BOOL, NUMBER, STRING, ListType, MapType
from hclimg.lang.unknowns import UNKNOWN, UNKNOWN_NOT_NULL, Unknown, beginning_with
from hclimg.lang.values import Value, unknown

UNKNOWNS = {
    "s": unknown(STRING),
    "n": unknown(NUMBER),
    "b": unknown(BOOL),
    "l": unknown(ListType(STRING)),
    "m": unknown(MapType(STRING)),
    "any": unknown(),
}


def value_of(text: str) -> Value:
    diags = Diagnostics()
    expr = parse_expression(SourceText("t", text), diags)
    value = evaluate(expr, Scope(UNKNOWNS, standard_functions(Path("/"), TIME)), diags)
    assert not diags.items, diags.items
    return value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"web-${s}" == "db-1"', False),
        ('"web-${s}" == "web"', False),
        ('"web-${s}" != "db-1"', True),
        ('"web-${s}" == "db-${s}"', False),
        ('"web-${s}" == null', False),
        ('"%{ for x in ["a-"] }${x}${s}%{ endfor }" == null', False),
        ("length(l) >= 0", True),
        ("length(m) < 0", False),
        ("length(s) > -1", True),
        ("length(l) == -1", False),
        ("length(l) == null", False),
        ("(b ? 1 : 5) > 0", True),
        ("(b ? 1 : 5) <= 5", True),
        ("(b ? 1 : 5) < 1", False),
        ("(b ? 1 : 5) == 6", False),
        ("(b ? 2 : 2) + 1", 3),
        ('(b ? "a" : "b") == null', False),
        ("length(b ? [1] : [2])", 1),
        ("upper(s) == null", False),
        ("n + 1 == null", False),
        ("coalesce(s, 1) == null", False),
        ("can(1 + n) ? 1 : 1", 1),
    ],
)
def test_answers_before_the_build(text: str, expected: object) -> None:
    value = value_of(text)
    assert value.is_known
    assert value.raw == expected


@pytest.mark.parametrize(
    "text",
    [
        '"web-${s}" == "web-1"',
        '"web${s}" == "we"',  # what follows may combine with the last character
        '"${s}-web" == "x"',
        "s == null",
        "length(l) > 0",
        "length(l) == 0",
        "(b ? 1 : 5) == 3",
        "(b ? 1 : 5) < 5",
        "n * 0",
        'tonumber("1${s}") == 2',
        "n >= n",
        "b == true",
        "any == 1",
    ],
)
def test_what_cannot_be_known(text: str) -> None:
    assert not value_of(text).is_known


@pytest.mark.parametrize(
    ("text", "prefix"),
    [("web-", "web-"), ("web", "we"), ("a<", "a"), ("", ""), ("e\u0301", ""), ("x" * 500, "x" * 127)],
)
def test_prefixes(text: str, prefix: str) -> None:
    assert beginning_with(text).prefix == prefix


def test_unknowns_can_be_copied() -> None:
    found = Unknown(not_null=True, low=(0, True), prefix="a-")
    assert pickle.loads(pickle.dumps(found)) == found
    assert repr([UNKNOWN, UNKNOWN_NOT_NULL]) == "[UNKNOWN, UNKNOWN_NOT_NULL]"
    assert "a-" in repr(found)
    assert found.plain is UNKNOWN_NOT_NULL
