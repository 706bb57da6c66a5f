"""Values and types as the console shows them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.parse import parse_expression
from hclimg.lang.pretty import Words, bare, pretty, pretty_type
from hclimg.lang.typeexpr import parse_type
from hclimg.lang.values import SENSITIVE, Value, from_python, list_of, object_of, string, to_python, tuple_of, unknown
from tests.lang.parsing import expr_of

SECRET = string("hush\n").with_marks(frozenset((SENSITIVE,)))


def read_back(text: str) -> Any:
    diags = Diagnostics()
    expr = parse_expression(SourceText("shown", text + "\n" * ("<<" in text)), diags)
    value = evaluate(expr, Scope({}, {}), diags)
    assert [str(d) for d in diags] == []
    return to_python(value)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["${x}", "%{if", "$${", "EOT\n", "a\nEOT\nEOT_\n", " EOT \n", "\n", "\r\n", 'q"\\', "\x1b[2J\n", "a b", "tab\t\n"]
)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_shown_is_the_value_in_hcl(data: Any) -> None:
    value = from_python(data)
    shown, wanted = pretty(value), to_python(value)
    if shown.startswith("<<"):
        wanted = wanted.removesuffix("\n") + "\n"  # a heredoc always ends its last line
    assert read_back(shown) == wanted
    assert "\x1b" not in shown


def test_secrets_and_what_is_not_known() -> None:
    value = object_of({"a": SECRET, "b": unknown(), "c": tuple_of([SECRET])})
    assert (
        bare(value)
        == '{\n  "a" = (sensitive value)\n  "b" = (not known yet)\n  "c" = [\n    (sensitive value),\n  ]\n}'
    )
    assert bare(value, Words("S", "U")) == '{\n  "a" = S\n  "b" = U\n  "c" = [\n    S,\n  ]\n}'
    assert pretty(SECRET) == bare(SECRET) == "(sensitive value)"


def test_bare_texts() -> None:
    assert bare(string('a"\n${')) == 'a"\n${'
    assert bare(list_of([string("a")], string("").type)) == '[\n  "a",\n]'


@pytest.mark.parametrize(
    "text",
    [
        "string", "any", "list(any)", "map(set(number))", "tuple([])", "object({})", "object({\n  a = bool\n})",
        "tuple([\n  string,\n  object({\n    b = list(object({\n      c = number\n    }))\n  }),\n])",
    ],
)  # fmt: skip
def test_types_are_what_a_type_argument_takes(text: str) -> None:
    diags = Diagnostics()
    found = parse_type(expr_of(text), diags)
    assert [str(d) for d in diags] == []
    assert pretty_type(found.type) == text


def test_a_value_of_many_levels() -> None:
    value: Value = string("x")
    for _ in range(200):
        value = tuple_of([value])
    assert read_back(pretty(value)) == to_python(value)
