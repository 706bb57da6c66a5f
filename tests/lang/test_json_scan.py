"""JSON with positions: the values are the standard library's, the mistakes are told one by one."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.json_scan import MAX_DEPTH, scan, scan_unique
from hclimg.lang.json_tree import JsonArray, JsonConstant, JsonNode, JsonNumber, JsonObject, JsonString

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


@pytest.mark.parametrize("text", ['["a${b"', '["a${b', '["\\q${b\\n"]', "[a b]", '["\ud83d\ude00${'])
def test_broken_strings_too_have_a_place_for_each_character(text: str) -> None:
    node, diags = read(text)
    assert diags.has_errors
    for string in node.items if isinstance(node, JsonArray) else ():
        assert isinstance(string, JsonString)
        assert len(string.places()) == len(string.text) + 1


def test_not_more_mistakes_are_told_than_a_person_can_use() -> None:
    _, diags = read("[" + "\n1 2" * 1000)
    assert len(diags) == 26
    assert diags.items[-1].summary == "Too many syntax errors"


def test_a_value_that_is_written_plainly_has_its_range() -> None:
    node, _ = read('{"a": [1, "two"]}')
    assert isinstance(node, JsonObject)
    array = node.get("a")
    assert isinstance(array, JsonArray)
    assert [item.range.text for item in array.items] == ["1", '"two"']


@pytest.mark.parametrize(
    ("text", "place", "summary", "says"),
    [
        ('{"a": 1 "b": 2}', "1:7", "Missing separator comma", "between each property"),
        ("[1 2]", "1:2", "Missing separator comma", "between each value"),
        ('{"a": "x, "b": "y"}', "1:11", "Missing separator comma", "don't pair up; is one missing"),
        ('{"a": 1,}', "1:8", "Trailing comma in object", "after the final property"),
        ('{"a": [1, 2,]}', "1:12", "Trailing comma in array", "after the final value"),
        ('{"a" 1}', "1:2", "Missing property value colon", "between the property name"),
        ('{"a" = 1}', "1:6", "Missing property value colon", "not an equals sign"),
        ('{"a"}', "1:2", "Missing object value", "introduced by a colon"),
        ("{a: 1}", "1:2", "Invalid object property name", 'write "a"'),
        ("{1: 1}", "1:2", "Invalid object property name", "must be a string"),
        ("{'a': 1}", "1:2", "Invalid object property name", "double quotes"),
        ("['a']", "1:2", "Invalid start of value", "double quotes"),
        ('{"a": yes}', "1:7", "Invalid JSON keyword", 'write "yes"'),
        ('{"a": ture}', "1:7", "Invalid JSON keyword", 'Did you mean "true"?'),
        ('{"a": NaN}', "1:7", "Invalid JSON keyword", "JavaScript identifier"),
        ('{"a": "b}', "1:7", "Unclosed string", "not closed on the line"),
        ('{"a": "x\ty"}', "1:7", "Invalid JSON string", r"A tab inside a string is written as \t"),
        ('{"a": "x\x01y"}', "1:7", "Invalid JSON string", "Control characters"),
        ('{"a": "C:\\q"}', "1:10", "Invalid JSON string", r"a backslash is written as \\"),
        ('{"a": 01}', "1:7", "Invalid JSON number", "not a number as JSON writes them"),
        ('{"a": .5}', "1:7", "Invalid JSON number", "not a number as JSON writes them"),
        ('{"a": 1} // done', "1:10", "Invalid comment", "JSON has no comments"),
        ('{"a": {"b": 1}', "1:1", "Unclosed object", "No closing brace"),
        ('{"a": [1', "1:7", "Unclosed array", "No closing bracket"),
        ('{"a": [1}', "1:9", "Mismatched brackets", "with a bracket, not a brace"),
        ('{"a": 1]', "1:8", "Mismatched braces", "with a brace, not a bracket"),
        ('["a": 1]', "1:5", "Invalid array value", "need an object"),
        ('{"a": }', "1:7", "Missing JSON value", "must start with"),
        ("[,]", "1:2", "Invalid start of value", "must start with"),
        ("]", "1:1", "Missing array element value", "must start with"),
        ('{"a": 1} x', "1:10", "Extraneous data after value", "Extra characters"),
        ("", "1:1", "Missing value", "ends where a value is expected"),
        ("[" * (MAX_DEPTH + 9), "1:202", "Value nested too deeply", "nested at most 200 deep"),
        ('{"a":' * 100_000, "1:1006", "Value nested too deeply", "nested at most 200 deep"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_mistake_is_told_once_and_where_it_is(text: str, place: str, summary: str, says: str) -> None:
    _, diags = read(text)
    problem = diags.items[0]
    assert len(diags) == 1
    assert problem.summary == summary
    assert str(problem.subject) == f"t.json:{place}"
    assert says in problem.detail


def test_a_duplicate_key_shows_both_places() -> None:
    diags = Diagnostics()
    node = scan_unique(SourceText("t.json", '{\n  "a": 1,\n  "b": 2,\n  "a": 3\n}'), diags)
    problem = diags.items[0]
    assert problem.summary == "Duplicate key"
    assert (str(problem.subject), str(problem.related[0].range)) == ("t.json:4:3", "t.json:2:3")
    assert plain(node) == {"a": 1, "b": 2}


def test_without_that_rule_an_object_keeps_both() -> None:
    node, diags = read('{"a": 1, "a": 2}')
    assert isinstance(node, JsonObject)
    assert [(m.key.text, plain(m.value)) for m in node.members] == [("a", 1), ("a", 2)]
    assert not diags.items


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
    assert valid == (not diags.items)
    assert not valid or node is not None
