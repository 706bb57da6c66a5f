"""Expressions as text: reading the text again gives the same tree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.parse import parse_body, parse_expression
from hclimg.lang.syntax import Binary, Block, Body, Conditional, Expr, Literal, Template, Unary, Variable, same
from hclimg.lang.unparse import expression_text
from hclimg.lang.values import Value, boolean, number, string

ROOT = Path(__file__).parents[2]
NOWHERE = SourceText("none", "")


def read(text: str) -> Expr:
    diags = Diagnostics()
    expr = parse_expression(SourceText("x.hcl", text), diags)
    assert not diags.has_errors, (text, diags.errors)
    assert expr is not None
    return expr


@pytest.mark.parametrize(
    "text",
    [
        "1.5",
        "-1",
        "!!x",
        "(a + b) * c",
        "a - (b - c)",
        "a ? b : c ? d : e",
        "(a ? b : c) ? d : e",
        "f()",
        "f(a, b...)",
        "a::b::f(1)",
        "a.b[0].c[*].d",
        "x.0.y",
        '[1, "b", [], {}]',
        '{ a = 1, (b) = 2, "c d" = 3, "for" = 4, "true" = 5, "${e}f" = 6 }',
        "[for x in l : x]",
        "[for k, v in m : v if k]",
        "{for k, v in m : k => v}",
        "{for k, v in m : k => v... if v}",
        '"a${b}c"',
        '"${b}"',
        r'"\u0024${b}"',
        r'"a\u0025${b}$${c}%%{d}"',
        r'"\"\\\n\t\u0000"',
        '"%{ if a }x${b}%{ else }y%{ endif }z"',
        '"%{ for i, x in l }${x},%{ endfor }"',
    ],
)
def test_canonical_text_stays_as_it_is(text: str) -> None:
    assert expression_text(read(text)) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("a+b", "a + b"),
        ('{"a":1,b=2}', "{ a = 1, b = 2 }"),
        ("<<EOT\na ${b}\nEOT\n", '"a ${b}\\n"'),
        ('"a  ${~ b ~}  c"', '"a${b}c"'),
    ],
)
def test_what_means_the_same(text: str, canonical: str) -> None:
    assert expression_text(read(text)) == canonical


def expressions(body: Body) -> Iterator[Expr]:
    for item in body.items:
        if isinstance(item, Block):
            yield from expressions(item.body)
        else:
            yield item.expr


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/**/*.pkr.hcl")), ids=lambda path: path.name)
def test_the_examples(path: Path) -> None:
    found = list(expressions(parse_body(SourceText(path.name, path.read_text()), Diagnostics())))
    assert found
    for expr in found:
        text = expression_text(expr)
        assert expression_text(read(text)) == text


def literal(text: str) -> Expr:
    return Literal(NOWHERE, 0, 0, string(text))


def binary(op: str, left: Expr, right: Expr) -> Expr:
    return Binary(NOWHERE, 0, 0, op, left, right)


LEAVES = st.builds(lambda name: Variable(NOWHERE, 0, 0, name), st.sampled_from("abc")) | st.builds(literal, st.text())
OPERATORS = st.sampled_from(["||", "&&", "==", "!=", "<", ">=", "+", "-", "*", "/", "%"])
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(binary, OPERATORS, inner, inner)
        | st.builds(lambda op, of: Unary(NOWHERE, 0, 0, op, of), st.sampled_from("-!"), inner)
        | st.builds(lambda a, b, c: Conditional(NOWHERE, 0, 0, a, b, c), inner, inner, inner)
        | st.builds(lambda parts: Template(NOWHERE, 0, 0, tuple(parts)), st.lists(inner, min_size=2, max_size=4))
    ),
    max_leaves=12,
)


@given(TREES)
def test_a_tree_that_nobody_wrote_is_written_with_the_brackets_that_it_needs(expr: Expr) -> None:
    found = read(expression_text(expr))
    assert same(value_of(found), value_of(expr))
    once = expression_text(found)
    assert expression_text(read(once)) == once


def value_of(expr: Expr) -> Value:
    """Unknown when it is wrong, which is all right as long as it stays wrong."""
    names = {"a": number(1), "b": string("2"), "c": boolean(True)}
    return evaluate(expr, Scope(names), Diagnostics())


@given(st.text())
def test_every_text_can_be_written(text: str) -> None:
    found = read(expression_text(literal(text)))
    assert isinstance(found, Literal)
    assert found.value == string(text)


def test_depth_is_no_burden() -> None:
    text = "[" * 5_000 + "]" * 5_000
    assert expression_text(read(text)) == text
