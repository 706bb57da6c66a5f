"""Expressions in HCL's JSON syntax: read again they mean the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.json_syntax import parse_json_expression
from hclimg.lang.json_text import json_text
from hclimg.lang.parse import parse_expression
from hclimg.lang.syntax import Expr, Literal, Template, TemplateFor, TemplateIf, TemplateWrap, TupleCons, Variable
from hclimg.lang.unparse_json import json_value
from hclimg.lang.values import Value, boolean, string, tuple_of

SCOPE = Scope({"a": string("A"), "yes": boolean(True), "l": tuple_of((string("1"), string("$"))), "n": string("%")})
NOWHERE = SourceText("none", "")


def read(text: str) -> Expr:
    diags = Diagnostics()
    expr = parse_expression(SourceText("x.hcl", text), diags)
    assert not diags.has_errors, diags.errors
    return expr


def value_of(expr: Expr) -> Value:
    diags = Diagnostics()
    value = evaluate(expr, SCOPE, diags)
    assert not diags.has_errors, diags.errors
    return value


def read_again(data: Any) -> Expr:
    diags = Diagnostics()
    expr = parse_json_expression(SourceText("x.json", json_text(data)), diags)
    assert not diags.has_errors, diags.errors
    return expr


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("null", None),
        ("true", True),
        ("-1.50", -1.5),
        ("1e3", 1000),
        ('"plain"', "plain"),
        ('"$${x} %%{y} $z %"', "$${x} %%{y} $z %"),
        ("a", "${a}"),
        ("(a)", "${a}"),
        ('"${a}"', "${a}"),
        ('"<${a}>"', "<${a}>"),
        ("f(a, 1)", "${f(a, 1)}"),
        ('[1, a, [], "x"]', [1, "${a}", [], "x"]),
        ('{ k = a, "x y" = 1, (a) = 2, 3 = {} }', {"k": "${a}", "x y": 1, "${a}": 2, "${3}": {}}),
        ("{ k = 1, k = 2 }", "${{ k = 1, k = 2 }}"),
        ("{ for x in l : x => 1 }", "${{for x in l : x => 1}}"),
        ('"%{ if yes }${a}%{ else }n%{ endif }"', "%{ if yes }${a}%{ else }n%{ endif }"),
        ('"%{ for i, x in l }<${x}>%{ endfor }"', "%{ for i, x in l }<${x}>%{ endfor }"),
        ("<<EOT\na\n${a}\nEOT\n", "a\n${a}\n"),
        (r'"\u0024${a}"', '${"$"}${a}'),
        (r'"\u0025%{ if yes }y%{ endif }"', '${"%"}%{ if yes }y%{ endif }'),
    ],
)
def test_what_json_says(text: str, wanted: Any) -> None:
    assert json.loads(json_text(json_value(read(text)))) == wanted


TEXTS = st.text(alphabet='$%{}~"\\a\n é')


@given(TEXTS)
def test_texts(text: str) -> None:
    again = read_again(json_value(Literal(NOWHERE, 0, 0, string(text))))
    assert value_of(again).raw == text


def _literal(text: str) -> Expr:
    return Literal(NOWHERE, 0, 0, string(text))


def _template(*parts: Expr) -> Template:
    """As the parser makes them: no empty texts, and no two of them side by side."""
    joined: list[Expr] = []
    for part in parts:
        last = joined[-1].value.raw if joined and isinstance(joined[-1], Literal) else None
        if isinstance(part, Literal) and last is not None:
            joined[-1] = _literal(f"{last}{part.value.raw}")
        elif not isinstance(part, Literal) or part.value.raw:
            joined.append(part)
    return Template(NOWHERE, 0, 0, tuple(joined))


NAMES = st.sampled_from(("a", "n")).map(lambda name: Variable(NOWHERE, 0, 0, name))
YES = Variable(NOWHERE, 0, 0, "yes")
LIST = Variable(NOWHERE, 0, 0, "l")
TEMPLATES = st.recursive(
    NAMES | TEXTS.map(_literal),
    lambda inner: st.lists(inner, min_size=1, max_size=4).map(lambda parts: _template(*parts))
    | st.tuples(inner, inner).map(
        lambda both: TemplateIf(NOWHERE, 0, 0, YES, _template(both[0]), _template(both[1]))
    )
    | inner.map(lambda one: TemplateFor(NOWHERE, 0, 0, None, "x", LIST, _template(one))),
    max_leaves=8,
)


@given(TEMPLATES)
def test_templates(expr: Expr) -> None:
    whole = _template(expr, Variable(NOWHERE, 0, 0, "a"))
    assert value_of(read_again(json_value(whole))) == value_of(whole)


@given(st.lists(TEMPLATES.map(lambda expr: TemplateWrap(NOWHERE, 0, 0, expr)), max_size=3))
def test_collections(items: list[Expr]) -> None:
    whole = TupleCons(NOWHERE, 0, 0, tuple(items))
    assert value_of(read_again(json_value(whole))) == value_of(whole)
