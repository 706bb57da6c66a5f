"""Laws of values, types and numbers, on whatever hypothesis makes up."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang import numbers
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.parse import parse_expression
from hclimg.lang.pretty import pretty
from hclimg.lang.types import ANY, BOOL, NUMBER, STRING, ListType, MapType, ObjectType, SetType, TupleType, Type
from hclimg.lang.unify import unify
from hclimg.lang.values import Value, equals, from_python, null, string, unknown

NAMES = st.text("abcé", min_size=1, max_size=3)
TYPES: st.SearchStrategy[Type] = st.recursive(
    st.sampled_from([STRING, NUMBER, BOOL, ANY]),
    lambda inner: st.one_of(
        inner.map(ListType),
        inner.map(SetType),
        inner.map(MapType),
        st.lists(inner, max_size=3).map(lambda items: TupleType(tuple(items))),
        st.dictionaries(NAMES, inner, max_size=3).map(ObjectType),
    ),
    max_leaves=5,
)
NUMBERS = st.one_of(
    st.integers(-(10**40), 10**40),
    st.fractions().map(numbers.rounded),
    st.floats(allow_nan=False, allow_infinity=False),
)
DATA: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**6), 10**6), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
VALUES = st.one_of(DATA.map(from_python), TYPES.map(unknown), TYPES.map(null))


def converted(value: Value, wanted: Type) -> Value | None:
    try:
        return convert(value, wanted)
    except ConversionError:
        return None


@given(VALUES, TYPES)
@settings(max_examples=300, deadline=None)
def test_converting_again_changes_nothing(value: Value, wanted: Type) -> None:
    once = converted(value, wanted)
    if once is not None:
        assert convert(once, wanted) == once


@given(VALUES)
@settings(max_examples=200, deadline=None)
def test_a_value_has_its_own_type(value: Value) -> None:
    assert convert(value, value.type) == value


@given(st.lists(TYPES, min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_unification(types: list[Type]) -> None:
    """Of equal types it is that type; doing it again changes nothing; a null of each type becomes one."""
    assert unify((types[0], types[0])) == types[0]
    common = unify(tuple(types))
    if common is not None:
        assert unify((common, common)) == common
        assert all(convert(null(type_), common).raw is None for type_ in types)


@given(st.lists(TYPES, min_size=2, max_size=3), st.randoms())
@settings(max_examples=200, deadline=None)
def test_whether_there_is_a_common_type_does_not_depend_on_the_order(types: list[Type], chance: Any) -> None:
    other = list(types)
    chance.shuffle(other)
    assert (unify(tuple(types)) is None) == (unify(tuple(other)) is None)


@given(NUMBERS)
@settings(max_examples=500, deadline=None)
def test_numbers_are_read_as_they_are_printed(number: Any) -> None:
    rounded = numbers.rounded(Fraction(number) if isinstance(number, float) else number)
    assert numbers.parse(numbers.text(rounded)) == rounded


@given(DATA)
@settings(max_examples=300, deadline=None)
def test_values_are_read_as_they_are_printed(data: Any) -> None:
    value, diags = from_python(data), Diagnostics()
    text = pretty(value)
    read = evaluate(parse_expression(SourceText("t", text + "\n"), diags), Scope(), diags)
    assert not diags.items
    if text.startswith("<<") and not data.endswith("\n"):
        value = string(data + "\n")  # a heredoc always ends so
    assert read == value


@given(VALUES, VALUES)
@settings(max_examples=300, deadline=None)
def test_equality_has_no_order(a: Value, b: Value) -> None:
    assert equals(a, b) == equals(b, a)
    assert equals(a, a).raw is not False


@pytest.mark.parametrize("text", ["é", "e\u0301", "\u1e9b\u0323", "👨‍👩‍👧"])
def test_texts_are_in_one_normal_form(text: str) -> None:
    assert string(string(text).raw) == string(text)
