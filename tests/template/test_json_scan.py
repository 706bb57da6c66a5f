"""JSON with positions: the values are the standard library's, the mistakes are told one by one."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.template.json_scan import (
    MAX_DEPTH,
    JsonArray,
    JsonConstant,
    JsonNode,
    JsonNumber,
    JsonObject,
    JsonString,
    scan,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def plain(node: JsonNode | None) -> Any:
    match node:
        case JsonString():
            return node.text
        case JsonNumber():
            return json.loads(node.text)
        case JsonConstant():
            return node.value
        case JsonArray():
            return [plain(item) for item in node.items]
        case JsonObject():
            return {member.key.text: plain(member.value) for member in node.members}
    raise AssertionError(node)


def read(text: str) -> tuple[JsonNode | None, Diagnostics]:
    diags = Diagnostics()
    return scan(SourceText("t.json", text), diags), diags


@given(VALUES, st.booleans(), st.sampled_from([None, 2]))
def test_gives_the_values_of_the_standard_library(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    # Lone surrogates cannot be in a text that was read as UTF-8.
    node, diags = read(text.encode("utf-8", "replace").decode())
    assert not diags.items
    assert plain(node) == json.loads(text.encode("utf-8", "replace").decode()) or "\\ud" in text


def test_every_character_of_a_string_knows_where_it_is_written() -> None:
    text = r'["a\"\u00e9\ud83d\ude00z"]'
    node, _ = read(text)
    assert isinstance(node, JsonArray)
    string = node.items[0]
    assert isinstance(string, JsonString)
    assert string.text == 'a"é😀z'
    places = string.places()
    written = [text[a:b] for a, b in pairwise(places)]
    assert written == ["a", r"\"", r"\u00e9", r"\ud83d\ude00", "z"]


def test_a_value_that_is_written_plainly_has_its_range() -> None:
    node, _ = read('{"a": [1, "two"]}')
    assert isinstance(node, JsonObject)
    array = node.get("a")
    assert isinstance(array, JsonArray)
    assert [item.range.text for item in array.items] == ["1", '"two"']


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ('{"a": 1 "b": 2}', "1:7", "A comma is missing"),
        ('{"a": "x, "b": "y"}', "1:11", "don't pair up; is one missing"),
        ('{"a": 1,}', "1:8", "There is nothing after this comma"),
        ('{"a": [1, 2,]}', "1:12", "There is nothing after this comma"),
        ('{"a" 1}', "1:2", 'a ":" and a value'),
        ('{"a" = 1}', "1:6", 'not by "="'),
        ("{a: 1}", "1:2", 'write "a"'),
        ('{"a": yes}', "1:7", 'write "yes"'),
        ("{'a': 1}", "1:2", "double quotes"),
        ('{"a": "b}', "1:7", "not closed on the line"),
        ('{"a": "x\ty"}', "1:7", r"A tab inside a string is written as \t"),
        ('{"a": "C:\\q"}', "1:10", r"a backslash is written as \\"),
        ('{"a": 01}', "1:7", "not a number as JSON writes them"),
        ('{"a": 1} // done', "1:10", "JSON has no comments"),
        ('{"a": {"b": 1}', "1:1", "object that begins here is not closed"),
        ('{"a": [1', "1:7", "list that begins here is not closed"),
        ('{"a": 1} x', "1:10", "more text after the end"),
        ("", "1:1", "The text ends where a value is expected"),
        ('{"a": [1}', "1:9", '"," or "]" is expected'),
        ("[" * (MAX_DEPTH + 9), "1:202", "nested at most 200 deep"),
    ],
)
def test_a_mistake_is_told_once_and_where_it_is(text: str, place: str, says: str) -> None:
    _, diags = read(text)
    problem = diags.items[0]
    assert len(diags) == 1
    assert problem.summary == "Invalid JSON"
    assert str(problem.subject) == f"t.json:{place}"
    assert says in problem.detail


def test_a_duplicate_key_shows_both_places() -> None:
    node, diags = read('{\n  "a": 1,\n  "b": 2,\n  "a": 3\n}')
    problem = diags.items[0]
    assert problem.summary == "Duplicate key"
    assert (str(problem.subject), str(problem.related[0].range)) == ("t.json:4:3", "t.json:2:3")
    assert plain(node) == {"a": 1, "b": 2}


def test_reading_goes_on_after_a_mistake() -> None:
    text = '{\n "a": "x,\n "b": y",\n c: 1,\n "d": [1 2],\n "e": true\n}'
    node, diags = read(text)
    assert [str(item.subject) for item in diags] == ["t.json:2:7", "t.json:3:7", "t.json:4:2", "t.json:5:8"]
    assert plain(node) == {"a": "x", "b": "y", "c": 1, "d": [1, 2], "e": True}


@given(st.text(alphabet='{}[]",:\\/ \n1atrue', max_size=60))
def test_accepts_exactly_what_the_standard_library_accepts(text: str) -> None:
    node, diags = read(text)
    try:
        json.loads(text)
        valid = True
    except ValueError:
        valid = False
    invalid = [item for item in diags if item.summary == "Invalid JSON"]
    assert valid == (not invalid)
    assert not valid or node is not None
