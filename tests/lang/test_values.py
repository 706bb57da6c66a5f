from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hclimg.lang import numbers
from hclimg.lang.show import shown
from hclimg.lang.types import (
    ANY,
    BOOL,
    NUMBER,
    STRING,
    ListType,
    MapType,
    ObjectType,
    SetType,
    TupleType,
    friendly_name,
    type_text,
    without_optional,
)
from hclimg.lang.values import (
    NULL,
    SENSITIVE,
    Value,
    deep_marks,
    equals,
    from_python,
    list_of,
    map_of,
    null,
    number,
    object_of,
    parse_number,
    set_of,
    string,
    to_python,
    tuple_of,
    unknown,
    unmark_deep,
)

SECRET = frozenset((SENSITIVE,))


# -- numbers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown_as"),
    [
        ("0", "0"),
        ("-0", "-0"),
        ("007", "7"),
        ("1.50", "1.5"),
        ("1e3", "1000"),
        ("1E+3", "1000"),
        (".5", "0.5"),
        ("5.", "5"),
        ("0.1", "0.1"),
        ("1e-10", "0.0000000001"),
        ("123456789012345678901234567890.5", "123456789012345678901234567890.5"),
        ("1e200", "1" + "0" * 200),
        ("1e1000", "1" + "0" * 1000),
    ],
)
def test_numbers_print_without_exponent(text: str, shown_as: str) -> None:
    raw = numbers.parse(text)
    assert raw is not None
    assert numbers.text(raw) == shown_as


@pytest.mark.parametrize("text", ["", ".", "e3", "1e", "0x10", "1_000", " 1", "1 ", "--1", "١", "1e1.5", "nan"])
def test_what_is_no_number(text: str) -> None:
    assert numbers.parse(text) is None
    with pytest.raises(ValueError, match="not a number"):
        parse_number(text)


def test_a_literal_out_of_range_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="not a number"):
        parse_number("1e999999999999")
    assert numbers.parse("1e-999999999999") == 0


def test_whole_numbers_stay_ints() -> None:
    assert type(parse_number("12").raw) is int
    assert type(parse_number("1.5e1").raw) is int
    assert type(numbers.divide(6, 2)) is int
    assert type(numbers.divide(1, 2)) is Fraction


def test_a_third_has_512_bits() -> None:
    third = numbers.divide(1, 3)
    assert third is not None
    assert numbers.text(third) == "0." + "3" * 154 + "5"
    assert numbers.multiply(third, 3) == 1
    big = numbers.add(2**600, 1)
    assert big == 2**600  # the one is lost


def test_infinities_and_zero() -> None:
    assert numbers.divide(1, 0) == numbers.INFINITY
    assert numbers.divide(-1, 0) == -numbers.INFINITY
    assert numbers.divide(0, 0) is None
    assert numbers.add(numbers.INFINITY, -numbers.INFINITY) is None
    assert numbers.multiply(0, numbers.INFINITY) is None
    assert numbers.modulo(1, 0) == 1
    assert numbers.text(numbers.negate(0)) == "-0"
    product = numbers.multiply(0, -5)
    assert product is not None
    assert numbers.text(product) == "-0"
    assert numbers.text(numbers.negate(numbers.NEGATIVE_ZERO)) == "0"


def test_modulo_has_the_sign_of_the_dividend() -> None:
    assert [numbers.modulo(-7, 3), numbers.modulo(7, -3), numbers.modulo(Fraction(11, 2), 2)] == [-1, 1, Fraction(3, 2)]


def test_results_of_53_bits_print_as_such() -> None:
    root = numbers.from_double(2**0.5)
    assert numbers.text(root) == "1.4142135623730951"
    assert numbers.same(root, numbers.parse("1.4142135623730951") or 0)
    assert numbers.from_double(8.0) == 8
    assert type(numbers.from_double(8.0)) is int


@given(st.integers(-(10**60), 10**60), st.integers(1, 10**60))
def test_the_shortest_text_reads_back(top: int, bottom: int) -> None:
    quotient = numbers.divide(top, bottom)
    assert quotient is not None
    text = numbers.text(quotient)
    assert numbers.parse(text) == quotient
    assert "e" not in text.lower()


@given(st.integers(1, 10**300), st.integers(1, 10**300))
def test_no_shorter_text_reads_back(top: int, bottom: int) -> None:
    quotient = numbers.divide(top, bottom)
    assert quotient is not None
    digits, _ = numbers.shortest(quotient)
    if len(digits) > 1:
        fewer, exponent = numbers.significant(numbers.exact(quotient), len(digits) - 1)
        assert numbers.parse(numbers.fixed(fewer, exponent)) != quotient


@given(st.integers(0, 3000))
def test_long_whole_numbers_print_in_full(power: int) -> None:
    assert numbers.text_of_digits(7**power) == str(7**power)


# -- values ---------------------------------------------------------------------


def test_python_and_back() -> None:
    data = {"a": [1, 2.5, "x", None, True], "b": {"c": []}}
    value = from_python(data)
    assert isinstance(value.type, ObjectType)
    assert isinstance(value.type.attributes["a"], TupleType)
    assert to_python(value) == data


def test_a_float_means_its_decimal() -> None:
    assert shown(from_python(0.1)) == "0.1"
    assert from_python(2.0).raw == 2


def test_whole_numbers_come_back_as_int() -> None:
    assert type(to_python(number(3))) is int
    assert type(to_python(number(Fraction(1, 2)))) is float
    assert to_python(Value(NUMBER, numbers.NEGATIVE_ZERO)) == 0


def test_unknown_has_no_python_value() -> None:
    with pytest.raises(ValueError, match="not known"):
        to_python(tuple_of([unknown(STRING)]))


def test_strings_are_normalized() -> None:
    assert string("e\u0301").raw == "\u00e9"


def test_null_and_unknown() -> None:
    assert null().is_null
    assert null().is_known
    assert not unknown().is_known
    assert not tuple_of([unknown()]).is_wholly_known
    assert tuple_of([unknown()]).is_known
    assert not object_of({"a": tuple_of([unknown()])}).is_wholly_known


def test_sets_are_ordered_and_have_no_duplicates() -> None:
    values = set_of([string("b"), string("a"), string("b")], STRING)
    assert [v.raw for v in values.raw] == ["a", "b"]
    assert [v.raw for v in set_of([number(10), number(9), null(NUMBER)], NUMBER).raw] == [9, 10, None]


def test_unknown_elements_of_a_set_stay_apart() -> None:
    values = set_of([unknown(STRING), string("a"), unknown(STRING)], STRING)
    assert len(values.raw) == 3
    assert values.raw[0].raw == "a"


def test_marks_of_elements_move_to_the_set() -> None:
    values = set_of([string("a").with_marks(SECRET)], STRING)
    assert values.marks == SECRET
    assert not values.raw[0].marks


def test_marks() -> None:
    value = object_of({"a": string("x").with_marks(SECRET)})
    assert not value.is_sensitive
    assert deep_marks([value]) == SECRET
    assert deep_marks([unmark_deep(value)]) == frozenset()
    assert value.with_marks(SECRET).is_sensitive


def test_python_equality_is_strict() -> None:
    assert number(1) == number(1)
    assert number(1) != string("1")
    assert string("a") != string("a").with_marks(SECRET)
    assert len({number(1), number(1), object_of({"a": NULL}), object_of({"a": NULL})}) == 2


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (number(1), number(1), True),
        (number(1), string("1"), False),
        (NULL, null(STRING), True),
        (NULL, string(""), False),
        (tuple_of([number(1)]), list_of([number(1)], NUMBER), False),
        (object_of({"a": number(1)}), map_of({"a": number(1)}, NUMBER), False),
        (object_of({"a": number(1)}), object_of({"a": number(1)}), True),
        (tuple_of([number(1)]), tuple_of([number(2)]), False),
        (number(0), Value(NUMBER, numbers.NEGATIVE_ZERO), True),
    ],
)
def test_equals(a: Value, b: Value, expected: bool) -> None:
    assert equals(a, b).raw is expected
    assert equals(b, a).raw is expected


def test_equals_with_unknown() -> None:
    assert not equals(unknown(STRING), string("a")).is_known
    assert equals(unknown(STRING), number(1)).raw is False  # never of the same type
    assert not equals(unknown(STRING), NULL).is_known
    assert equals(unknown(STRING, not_null=True), NULL).raw is False
    assert equals(tuple_of([unknown(NUMBER), number(1)]), tuple_of([number(1), number(2)])).raw is False


# -- types ----------------------------------------------------------------------


def test_friendly_names() -> None:
    assert friendly_name(ListType(MapType(STRING))) == "list of map of string"
    assert friendly_name(SetType(ANY)) == "set of any single type"
    assert friendly_name(ObjectType({})) == "object"
    assert friendly_name(ANY) == "dynamic"


def test_type_text() -> None:
    type_ = ObjectType({"b": TupleType((BOOL, ANY)), "a": ListType(NUMBER)}, frozenset("a"))
    assert type_text(type_) == "object({a=optional(list(number)),b=tuple([bool,any])})"
    assert type_text(without_optional(type_)) == "object({a=list(number),b=tuple([bool,any])})"


def test_types_are_keys() -> None:
    first = ObjectType({"a": STRING, "b": ListType(NUMBER)})
    second = ObjectType({"b": ListType(NUMBER), "a": STRING})
    assert first == second
    assert {first: 1}[second] == 1
    assert ListType(STRING) != SetType(STRING)
    assert ObjectType({"a": STRING}) != ObjectType({"a": STRING}, frozenset("a"))


# -- showing --------------------------------------------------------------------


def test_shown_is_short_and_keeps_secrets() -> None:
    value = object_of({"a": string('x"y\n'), "k-1": string("p").with_marks(SECRET), "b c": unknown()})
    assert shown(value) == '{ a = "x\\"y\\n", "b c" = (not known yet), k-1 = <sensitive> }'
    assert shown(from_python(list(range(1000))), 20) == "[0, 1, 2, 3, 4, 5, …"
    assert shown(string("${a}")) == '"$${a}"'
