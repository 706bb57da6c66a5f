"""``dynamic`` blocks in the bodies of components: what they generate, and what is said about them."""

from __future__ import annotations

from typing import Any

import pytest

from hclimg.config.decode import Decoded, decode_body
from hclimg.config.fields import block, config, setting
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.evaluate import Scope
from hclimg.lang.json_syntax import parse_json_body
from hclimg.lang.parse import parse_body
from hclimg.lang.syntax import Body
from hclimg.lang.types import ANY, STRING
from hclimg.lang.values import SENSITIVE, Value, from_python, list_of, map_of, null, object_of, set_of, string, unknown


@config
class Rule:
    """A rule."""

    port: int = setting("A port.", default=0)
    note: str = setting("A note.", default="")


@config
class Card:
    """A card."""

    name: str = setting("Its name.", default="")
    rule: tuple[Rule, ...] = block("Rules.", many=True, default=())


@config
class Host:
    """A host."""

    card: tuple[Card, ...] = block("Cards.", many=True, default=())
    boot: Card | None = block("The boot card.", default=None)


TEXTS = list_of([string("x"), string("y")], STRING)


def decoded(text: str, names: dict[str, Value] | None = None, body: Body | None = None) -> tuple[Any, Diagnostics]:
    diags = Diagnostics()
    source = SourceText("t.pkr.hcl", text)
    body = body or parse_body(source, diags)
    scope = Scope({"v": object_of(names or {}), "source": object_of({"name": string("s")})}, {})
    return decode_body(Host, body, scope, diags, context="test", header=source.range(0, 0)), diags


def right(text: str, names: dict[str, Value] | None = None) -> Decoded[Host]:
    found, diags = decoded(text, names)
    assert list(diags) == []
    assert found is not None
    return found


def names(found: Decoded[Host]) -> list[str]:
    return [card.name for card in found.config.card]


CARD = 'dynamic "card" {\n for_each = %s\n content { name = "${card.key}=${card.value}" }\n}'


@pytest.mark.parametrize(
    ("collection", "wanted"),
    [
        ('["a", "b"]', ["0=a", "1=b"]),
        ('{ b = "B", a = "A" }', ["a=A", "b=B"]),
        ("v.list", ["0=x", "1=y"]),
        ("v.set", ["x=x", "y=y"]),
        ("v.map", ["k=w"]),
        ("[]", []),
        ("{}", []),
    ],
)
def test_every_kind_of_collection(collection: str, wanted: list[str]) -> None:
    given = {
        "list": TEXTS,
        "set": set_of([string("y"), string("x")], STRING),
        "map": map_of({"k": string("w")}, STRING),
    }
    assert names(right(CARD % collection, given)) == wanted


def test_generated_blocks_stand_where_the_dynamic_one_does() -> None:
    text = 'card { name = "first" }\n' + CARD % '["a"]' + '\ncard { name = "last" }'
    assert names(right(text)) == ["first", "0=a", "last"]


def test_blocks_nested_in_dynamic_ones_and_dynamic_ones_in_those() -> None:
    found = right("""\
dynamic "card" {
  for_each = { a = [1, 2], b = [] }
  iterator = it
  content {
    name = it.key
    rule { note = "of ${it.key}" }
    dynamic "rule" {
      for_each = it.value
      content {
        port = rule.value
        note = "${it.key}${rule.key}"
      }
    }
  }
}
""")
    rules = [[(rule.port, rule.note) for rule in card.rule] for card in found.config.card]
    assert rules == [[(0, "of a"), (1, "a0"), (2, "a1")], [(0, "of b")]]


def test_an_iterator_hides_a_name_of_the_template() -> None:
    text = 'dynamic "card" {\n for_each = ["a"]\n iterator = source\n content { name = source.value }\n}'
    assert names(right(text)) == ["a"]


def test_a_block_that_can_be_there_once() -> None:
    text = 'dynamic "boot" {\n for_each = %s\n content { name = boot.value }\n}'
    assert right(text % "[]").config.boot is None
    boot = right(text % '["a"]').config.boot
    assert boot is not None
    assert boot.name == "a"
    _, diags = decoded(text % '["a", "b"]')
    assert [item.summary for item in diags] == ["Duplicate block"]


# -- what is not known yet --------------------------------------------------------


def test_an_unknown_collection_checks_the_content_once() -> None:
    found = right(CARD % "v.later", {"later": unknown()})
    assert found.unknown == {"card"}
    assert len(found.config.card) == 1
    _, diags = decoded('dynamic "card" {\n for_each = v.later\n content { nam = 1 }\n}', {"later": unknown()})
    assert [item.summary for item in diags] == ["Unsupported argument"]


def test_an_unknown_number_of_blocks_of_which_one_is_allowed() -> None:
    text = 'boot {}\ndynamic "boot" {\n for_each = v.later\n content {}\n}'
    assert right(text, {"later": unknown()}).config.boot is not None


def test_unknown_elements_of_a_known_collection() -> None:
    found = right(CARD % "[v.later]", {"later": unknown(STRING)})
    assert (len(found.config.card), found.unknown) == (1, {"card"})


def test_what_comes_from_a_sensitive_collection_is_secret() -> None:
    secret = TEXTS.with_marks(frozenset((SENSITIVE,)))
    found = right('dynamic "card" {\n for_each = v.s\n content { name = "fixed" }\n}', {"s": secret})
    assert names(found) == ["fixed", "fixed"]
    assert set(found.secrets) == {"fixed"}


# -- JSON ---------------------------------------------------------------------------


def test_dynamic_blocks_in_json() -> None:
    text = """\
{"dynamic": {"card": [
  {"for_each": ["a", "b"], "iterator": "it", "content": {
    "name": "${it.key}${it.value}",
    "dynamic": {"rule": {"for_each": {"p": 1}, "content": {"port": "${rule.value}", "note": "${it.value}"}}}}},
  {"for_each": {}, "content": {}}]}}
"""
    diags = Diagnostics()
    body = parse_json_body(SourceText("t.pkr.json", text), diags)
    found, more = decoded(text, body=body)
    assert [*diags, *more] == []
    assert names(found) == ["0a", "1b"]
    assert [(rule.port, rule.note) for card in found.config.card for rule in card.rule] == [(1, "a"), (1, "b")]


# -- mistakes -------------------------------------------------------------------------

MISTAKES = [
    ('dynamic "crad" {\n for_each = []\n content {}\n}', "Unsupported block type", 'Did you mean "card"?'),
    ("dynamic {\n for_each = []\n content {}\n}", "Missing block label", 'dynamic "TYPE" { … }'),
    ('dynamic "card" "b" {\n for_each = []\n content {}\n}', "Extraneous block label", "one label"),
    ('dynamic "card" {\n content {}\n}', "Missing required argument", '"for_each" is required'),
    ('dynamic "card" {\n foreach = []\n content {}\n}', "Unsupported argument", 'Did you mean "for_each"?'),
    ('dynamic "card" {\n for_each = []\n labels = []\n content {}\n}', "Unsupported argument", "have no labels"),
    ('dynamic "card" {\n for_each = []\n name = 1\n content {}\n}', "Unsupported argument", "content block"),
    ('dynamic "card" {\n for_each = []\n}', "Missing dynamic content block", 'type "content"'),
    ('dynamic "card" {\n for_each = []\n rule {}\n content {}\n}', "Unsupported block type", "content block"),
    (
        'dynamic "card" {\n for_each = []\n content {}\n content {}\n}',
        "Extraneous dynamic content block",
        "Only one nested content block",
    ),
    ('dynamic "card" {\n for_each = []\n content "x" {}\n}', "Extraneous block label", "no labels"),
    (
        'dynamic "card" {\n for_each = []\n iterator = "x"\n content {}\n}',
        "Invalid dynamic iterator name",
        "single variable name",
    ),
    (
        'dynamic "card" {\n for_each = []\n iterator = a.b\n content {}\n}',
        "Invalid dynamic iterator name",
        "single variable name",
    ),
    ('dynamic "card" {\n for_each = 5\n content {}\n}', "Invalid dynamic for_each value", "a number value"),
    ('dynamic "card" {\n for_each = null\n content {}\n}', "Invalid dynamic for_each value", "a null value"),
    ('dynamic "card" {\n for_each = v.typed\n content {}\n}', "Invalid dynamic for_each value", "a null value"),
    ('dynamic "card" {\n for_each = nope\n content {}\n}', "Unknown variable", '"nope"'),
    (
        'dynamic "card" {\n for_each = [1]\n content { name = card.valu }\n}',
        "Unsupported attribute",
        'Did you mean "value"?',
    ),
]


@pytest.mark.parametrize(("text", "summary", "part"), MISTAKES)
def test_one_mistake_is_one_error(text: str, summary: str, part: str) -> None:
    found, diags = decoded(text, {"typed": null(STRING)})
    assert found is None
    (item,) = diags
    assert item.summary == summary
    assert part in item.detail
    assert item.context == "test"
    assert item.subject is not None


def test_the_snippet_shows_the_collection() -> None:
    _, diags = decoded(CARD % "v.n", {"n": from_python(7)})
    assert diags.items[0].values == (("v.n", "7"),)


def test_a_mistake_in_every_block_is_told_once() -> None:
    """Each generated block says the same; who shows them leaves repetitions out."""
    _, diags = decoded('dynamic "card" {\n for_each = [1, 2, 3]\n content { nam = 1 }\n}')
    assert len({(item.detail, item.subject and item.subject.start) for item in diags}) == 1


def test_an_unknown_value_of_no_type_is_no_mistake() -> None:
    assert right(CARD % "v.later", {"later": unknown(ANY)}).unknown == {"card"}
