import pytest

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.convert import ConversionError
from hclimg.lang.parse import parse_expression
from hclimg.lang.typeexpr import TypeConstraint, parse_type
from hclimg.lang.types import type_text
from hclimg.lang.values import from_python, null, to_python, unknown


def type_of(text: str, *, exact: bool = False) -> TypeConstraint:
    diags = Diagnostics()
    found = parse_type(parse_expression(SourceText("t", text), diags), diags, exact=exact)
    assert not diags.items, diags.items
    return found


@pytest.mark.parametrize(
    "text",
    [
        "string",
        "number",
        "bool",
        "any",
        "list(string)",
        "set(any)",
        "map(list(number))",
        "tuple([])",
        "tuple([string,bool])",
        "object({})",
        "object({a=string,b=optional(number)})",
    ],
)
def test_types(text: str) -> None:
    assert type_text(type_of(text).type) == text


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ('"string"', "A type specification is either a primitive type keyword"),
        ("strin", 'The keyword "strin" is not a valid type specification.'),
        ("list", "The list type constructor requires one argument specifying the element type. Write list("),
        ("list()", "The list type constructor requires one argument specifying the element type."),
        ("list(string, number)", "The list type constructor requires one argument"),
        ("string()", 'Primitive type keyword "string" does not expect arguments.'),
        ("any()", 'Type constraint keyword "any" does not expect arguments.'),
        ("array(string)", 'Keyword "array" is not a valid type constructor.'),
        ("tuple(string)", "Tuple type constructor requires a list of element types."),
        ("object(string)", "Object type constructor requires a map"),
        ('object({ "a" = string })', "Object constructor map keys must be attribute names."),
        ("optional(string)", 'Keyword "optional" is valid only as a modifier for object type attributes.'),
        ("object({ a = optional() })", "Optional attribute modifier requires the attribute type"),
        ("object({ a = optional(string, 1, 2) })", "Optional attribute modifier expects at most two arguments"),
        ("object({ a = optional(number, []) })", "This default value is not compatible with the attribute's type"),
        ("object({ a = optional(number, var.x) })", "Variables may not be used here."),
    ],
)
def test_problems(text: str, detail: str) -> None:
    diags = Diagnostics()
    parse_type(parse_expression(SourceText("t", text), diags), diags)
    assert [d.detail.startswith(detail) for d in diags] == [True], diags.items


def test_every_problem_is_found() -> None:
    diags = Diagnostics()
    parse_type(parse_expression(SourceText("t", "object({ a = strin, b = list(numbr) })"), diags), diags)
    assert [d.subject.text for d in diags if d.subject] == ["strin", "numbr"]


def test_exact_types() -> None:
    for text in ("list(any)", "object({ a = optional(string) })"):
        diags = Diagnostics()
        parse_type(parse_expression(SourceText("t", text), diags), diags, exact=True)
        assert len(diags) == 1


def applied(text: str, data: object) -> object:
    return to_python(type_of(text).apply(from_python(data)))


def test_defaults() -> None:
    text = "object({ name = string, size = optional(number, 10), tags = optional(map(string), {}) })"
    assert applied(text, {"name": "x"}) == {"name": "x", "size": 10, "tags": {}}
    assert applied(text, {"name": "x", "size": None, "tags": {"a": 1}}) == {"name": "x", "size": 10, "tags": {"a": "1"}}
    assert applied(f"list({text})", [{"name": "x", "size": "3"}]) == [{"name": "x", "size": 3, "tags": {}}]
    assert applied(f"map({text})", {"k": {"name": "x"}}) == {"k": {"name": "x", "size": 10, "tags": {}}}


def test_nested_defaults() -> None:
    text = "object({ disk = optional(object({ size = optional(number, 5), kind = optional(string) }), {}) })"
    assert applied(text, {}) == {"disk": {"size": 5, "kind": None}}
    assert applied(text, {"disk": {"kind": "ssd"}}) == {"disk": {"size": 5, "kind": "ssd"}}
    assert applied("tuple([string, object({ a = optional(number, 1) })])", ["x", {}]) == ["x", {"a": 1}]


def test_defaults_leave_null_and_unknown_alone() -> None:
    constraint = type_of("object({ a = optional(number, 1) })")
    assert constraint.apply(null()).is_null
    assert not constraint.apply(unknown()).is_known


def test_a_wrong_value_says_where() -> None:
    with pytest.raises(ConversionError) as caught:
        type_of("list(object({ a = optional(number, 1) }))").apply(from_python([{"a": 2}, {"a": "x"}]))
    assert caught.value.message == "a number is required"
    assert caught.value.path == (1, "a")
