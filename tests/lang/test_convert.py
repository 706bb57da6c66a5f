import pytest
from hypothesis import given
from hypothesis import strategies as st

from hclimg.lang.convert import ConversionError, convert, unify
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
    Type,
)
from hclimg.lang.values import (
    FALSE,
    NULL,
    SENSITIVE,
    TRUE,
    Value,
    from_python,
    list_of,
    null,
    number,
    object_of,
    set_of,
    string,
    to_python,
    tuple_of,
    unknown,
)

SECRET = frozenset((SENSITIVE,))


@pytest.mark.parametrize(
    ("value", "target", "expected"),
    [
        (number(1), STRING, string("1")),
        (TRUE, STRING, string("true")),
        (string("12.50"), NUMBER, number(12.5)),
        (string("false"), BOOL, FALSE),
        (string("1"), BOOL, TRUE),
        (NULL, STRING, null(STRING)),
        (unknown(), NUMBER, unknown(NUMBER)),
        (string("x"), ANY, string("x")),
    ],
)
def test_primitive(value: Value, target: Type, expected: Value) -> None:
    assert convert(value, target) == expected


@pytest.mark.parametrize(
    ("value", "target", "message"),
    [
        (string("x"), NUMBER, "a number is required"),
        (string(""), NUMBER, "a number is required"),
        (string(" 1"), NUMBER, "a number is required"),
        (TRUE, NUMBER, "number required"),
        (number(1), BOOL, "bool required"),
        (string("yes"), BOOL, "a bool is required"),
        (string("True"), BOOL, 'a bool is required; to convert from string, use lowercase "true"'),
        (from_python([]), STRING, "string required"),
        (string("a"), ListType(STRING), "list of string required"),
        (from_python([1, [2]]), ListType(ANY), "all list elements must have the same type"),
        (from_python({"a": 1, "b": []}), MapType(ANY), "all map elements must have the same type"),
        (from_python([1, []]), ListType(NUMBER), "element 1: number required"),
        (from_python({}), ObjectType({"a": STRING}), 'attribute "a" is required'),
        (from_python({}), ObjectType({"b": STRING, "a": STRING}), 'attributes "a" and "b" are required'),
        (from_python({"a": []}), ObjectType({"a": STRING}), 'attribute "a": string required'),
    ],
)
def test_messages(value: Value, target: Type, message: str) -> None:
    with pytest.raises(ConversionError) as caught:
        convert(value, target)
    assert caught.value.message == message


def test_an_error_leads_to_its_place() -> None:
    with pytest.raises(ConversionError) as caught:
        convert(from_python([{"a": "1"}, {"a": "x"}]), ListType(MapType(NUMBER)))
    assert caught.value.message == "a number is required"
    assert caught.value.path == (1, "a")


def test_tuple_to_collections() -> None:
    value = from_python(["b", 1, "b"])
    assert convert(value, ListType(STRING)).type == ListType(STRING)
    assert to_python(convert(value, ListType(ANY))) == ["b", "1", "b"]
    assert to_python(convert(value, SetType(STRING))) == ["1", "b"]
    assert convert(from_python([]), ListType(NUMBER)) == list_of((), NUMBER)


def test_collections_to_each_other() -> None:
    values = set_of([string("2"), string("1")], STRING)
    assert to_python(convert(values, ListType(NUMBER))) == [1, 2]
    unsure = set_of([unknown(STRING)], STRING)
    assert not convert(unsure, ListType(STRING)).is_known  # it may have one element or several


def test_objects() -> None:
    value = from_python({"a": 1, "b": "x"})
    assert to_python(convert(value, MapType(STRING))) == {"a": "1", "b": "x"}
    assert to_python(convert(value, ObjectType({"a": STRING}))) == {"a": "1"}
    wanted = ObjectType({"a": NUMBER, "c": STRING}, frozenset("c"))
    assert to_python(convert(value, wanted)) == {"a": 1, "c": None}


def test_map_to_object() -> None:
    value = convert(from_python({"a": "1"}), MapType(STRING))
    assert to_python(convert(value, ObjectType({"a": NUMBER}))) == {"a": 1}
    with pytest.raises(ConversionError, match='map has no element for required attribute "b"'):
        convert(value, ObjectType({"b": STRING}))


def test_unknown_structures_keep_what_is_certain() -> None:
    value = unknown(TupleType((STRING, NUMBER)), not_null=True)
    converted = convert(value, ListType(ANY))
    assert converted.type == ListType(STRING)
    assert len(converted.raw) == 2
    assert convert(null(ObjectType({"a": NUMBER})), MapType(ANY)) == null(MapType(NUMBER))


def test_marks_stay_where_they_are() -> None:
    value = tuple_of([number(1).with_marks(SECRET), number(2)])
    converted = convert(value, ListType(STRING))
    assert [v.marks for v in converted.raw] == [SECRET, frozenset()]
    assert convert(value.with_marks(SECRET), SetType(STRING)).marks == SECRET
    assert convert(string("5").with_marks(SECRET), NUMBER) == number(5).with_marks(SECRET)


def test_too_deep_is_no_traceback() -> None:
    value, target = string("x"), ListType(STRING)
    for _ in range(2000):
        value, target = tuple_of([value]), ListType(target)
    with pytest.raises(ConversionError, match="nested too deeply"):
        convert(value, target)


@pytest.mark.parametrize(
    ("types", "common"),
    [
        ((STRING, NUMBER), STRING),
        ((NUMBER, BOOL), None),
        ((NUMBER, BOOL, STRING), STRING),
        ((NUMBER, ANY), NUMBER),
        ((ListType(NUMBER), ListType(STRING)), ListType(STRING)),
        ((TupleType((NUMBER,)), TupleType((STRING,))), TupleType((STRING,))),
        ((TupleType((NUMBER,)), TupleType((STRING, BOOL))), ListType(STRING)),
        ((ObjectType({"a": NUMBER}), ObjectType({"a": STRING})), ObjectType({"a": STRING})),
        ((ObjectType({"a": NUMBER}), ObjectType({"b": STRING})), MapType(STRING)),
        ((ObjectType({"a": NUMBER}), TupleType((NUMBER,))), None),
        ((ListType(NUMBER), TupleType((NUMBER, STRING))), ListType(STRING)),
        ((MapType(NUMBER), ObjectType({"a": STRING})), MapType(STRING)),
        ((SetType(NUMBER), ListType(NUMBER)), ListType(NUMBER)),
        ((STRING, ListType(STRING)), None),
        ((), None),
    ],
)
def test_unify(types: tuple[Type, ...], common: Type | None) -> None:
    assert unify(types) == common


data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(data, data)
def test_both_convert_to_what_unify_says(a: object, b: object) -> None:
    first, second = from_python(a), from_python(b)
    common = unify((first.type, second.type), unsafe=False)
    if common is not None and common is not ANY:
        assert object_of({"x": convert(first, common)}) is not None
        assert unify((convert(first, common).type, convert(second, common).type)) is not None


@given(data)
def test_conversion_to_its_own_type_changes_nothing(value: object) -> None:
    made = from_python(value)
    assert convert(made, made.type) is made
