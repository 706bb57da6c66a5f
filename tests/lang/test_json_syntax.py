"""Bodies in JSON say what they say in native syntax, whatever is in them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.evaluate import Scope, evaluate, references
from hclimg.lang.json_syntax import parse_json_body, parse_json_expression
from hclimg.lang.parse import parse_body
from hclimg.lang.shape import Shape, shaped
from hclimg.lang.show import quoted
from hclimg.lang.syntax import Attribute, Body
from hclimg.lang.unevaluated import verbatim
from hclimg.lang.values import Value, number, object_of, string, to_python

SHAPE: Shape = {"plain": (), "one": ("name",), "two": ("type", "name")}
SCOPE = Scope({"var": object_of({"text": string("t$"), "count": number(3)})}, {})


class Code(NamedTuple):
    """An expression, as both syntaxes have it."""

    text: str


class Nested(NamedTuple):
    type: str
    labels: list[str]
    items: list[Any]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["${", "%{", "$${x}", "%%{if}", '"\\', "\n\t", "é🇬🇧", "~}", "}"]
)
CODE = st.sampled_from(["var.text", "var.count + 1", '"${var.text}-%{if true}y%{endif}"', "[for x in [1]: x]"])
NUMBERS = st.integers(-(10**30), 10**30) | st.decimals(allow_nan=False, allow_infinity=False, places=3)
VALUES = st.recursive(
    TEXTS | NUMBERS.map(str).map(lambda text: Code(text)) | st.booleans() | st.none() | CODE.map(Code),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["a", "b", "c_1", "d-2"])
LABELS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=4).filter(lambda t: t != "//")


def nested(items: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[Nested]:
    def labelled(type_: str) -> st.SearchStrategy[Nested]:
        count = len(SHAPE[type_])
        return st.builds(Nested, st.just(type_), st.lists(LABELS, min_size=count, max_size=count), items)

    return st.sampled_from(sorted(SHAPE)).flatmap(labelled)


def body_items(inner: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[list[Any]]:
    arguments = st.dictionaries(NAMES, VALUES, max_size=3).map(lambda found: list(found.items()))
    return st.tuples(arguments, st.lists(nested(inner), max_size=3)).map(lambda pair: [*pair[0], *pair[1]])


BODIES = st.recursive(st.just([]), body_items, max_leaves=5)


def native(items: list[Any]) -> str:
    lines = []
    for item in items:
        if isinstance(item, Nested):
            header = " ".join([item.type, *map(quoted, item.labels)])
            lines.append(f"{header} {{\n{native(item.items)}\n}}")
        else:
            lines.append(f"{item[0]} = {expression(item[1])}")
    return "\n".join(lines) + "\n"


def expression(value: Any) -> str:
    if isinstance(value, Code):
        return value.text
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(map(expression, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(name)} = {expression(inner)}" for name, inner in value.items()) + "}"
    return {None: "null", True: "true", False: "false"}[value]


def in_json(items: list[Any]) -> list[Any]:
    """One object for each item, so that their order stays."""
    return [block(item) if isinstance(item, Nested) else {item[0]: data(item[1])} for item in items]


def block(item: Nested) -> dict[str, Any]:
    inner: Any = in_json(item.items)
    # A list of bodies, of which there is one: without it, each object would be a block.
    inner = [inner]
    for label in reversed(item.labels):
        inner = {label: inner}
    return {item.type: inner}


def data(value: Any) -> Any:
    if isinstance(value, Code):
        text = value.text
        return text[1:-1] if text[0] == '"' else f"${{{text}}}"
    if isinstance(value, str):
        return value.replace("${", "$${").replace("%{", "%%{")
    if isinstance(value, list):
        return list(map(data, value))
    if isinstance(value, dict):
        return {data(name): data(inner) for name, inner in value.items()}
    return value


def meaning(body: Body) -> tuple[dict[str, Value], list[Any]]:
    diags = Diagnostics()
    body = shaped(body, SHAPE, diags)
    arguments = {i.name.text: evaluate(i.expr, SCOPE, diags) for i in body.items if isinstance(i, Attribute)}
    blocks = [(b.type.text, [label.text for label in b.labels], meaning(b.body)) for b in body.blocks]
    assert not diags.items, [str(item) for item in diags]
    return arguments, blocks


@given(BODIES, st.booleans(), st.sampled_from([None, 1]))
def test_a_body_says_the_same_in_both(items: list[Any], ascii_only: bool, indent: int | None) -> None:
    diags = Diagnostics()
    text = json.dumps(in_json(items), ensure_ascii=ascii_only, indent=indent)
    from_native = parse_body(SourceText("t.hcl", native(items)), diags)
    from_json = parse_json_body(SourceText("t.json", text), diags)
    assert not diags.items, [str(item) for item in diags]
    assert meaning(from_json) == meaning(from_native)
    assert [str(r) for r in references(from_json)] == [str(r) for r in references(from_native)]
    assert all(r.range.text == str(r) for r in references(from_json) if '"' not in text[r.range.start : r.range.end])


def value(text: str) -> tuple[Value, list[str]]:
    diags = Diagnostics()
    found = evaluate(parse_json_expression(SourceText("t.json", text), diags), SCOPE, diags)
    return found, [f"{d.summary}: {d.subject.text if d.subject else ''}" for d in diags]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1e3", 1000),
        ("-0.5", -0.5),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ('"a"', "a"),
        ('"${var.count}"', 3),
        ('"${var.count}."', "3."),
        ('{"${var.count}": ["${var.text}"]}', {"3": ["t$"]}),
        ('"%{ for i in [1, 2] ~}\\n  ${i}%{ endfor }"', "  1  2"),  # only the line break goes, as in HCL
        ('"\\u0024{var.count}"', 3),
        ('{"a.b": {"for": null}}', {"a.b": {"for": None}}),
    ],
)
def test_values(text: str, wanted: Any) -> None:
    found, problems = value(text)
    assert problems == []
    assert to_python(found) == wanted


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1, "\\u0061": 2}', 'Duplicate object attribute: "\\u0061"'),
        ('{"${var.count}": 1, "3": 2}', 'Duplicate object attribute: "3"'),
        ('{"${null}": 1}', 'Null value as key: "${null}"'),
        ('{"${[]}": 1}', 'Incorrect key type: "${[]}"'),
        (r'"\t\"${vra.x}"', "Unknown variable: vra"),
        (r'"\n\u00e9${var.txt}"', "Undeclared variable: .txt"),
        ('"${1e999999999}"', "Invalid number literal: 1e999999999"),
        ("1e999999999", "Invalid number literal: 1e999999999"),
    ],
)
def test_mistakes_in_values(text: str, problem: str) -> None:
    assert value(text)[1] == [problem]


def test_where_nothing_can_be_referred_to_strings_are_plain() -> None:
    diags = Diagnostics()
    expr = parse_json_expression(SourceText("t.json", '{"${a": ["%{b", 1, "c"]}'), diags)
    assert to_python(evaluate(verbatim(expr), Scope(), diags)) == {"${a": ["%{b", 1, "c"]}
    assert not diags.items


@pytest.mark.parametrize("deep", [150, 10_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('"${[', ""), ('{"a":[', "]}")])
def test_deep_nesting_gives_a_value_or_a_mistake(opening: str, closing: str, deep: int) -> None:
    text = opening * deep + "1" + closing * deep
    if opening.startswith('"'):
        text = '"${' + "[" * deep + "]" * deep + '}"'
    found, problems = value(text)
    assert found.is_wholly_known != bool(problems)
