import pytest
from evaluating import problem_of, problems_of, python_of, scope, value_of

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.convert import convert
from hclimg.lang.evaluate import Scope, evaluate, references
from hclimg.lang.parse import parse_body, parse_expression
from hclimg.lang.types import ANY, BOOL, NUMBER, STRING, ListType, MapType, TupleType
from hclimg.lang.values import (
    NULL,
    SENSITIVE,
    Value,
    deep_marks,
    from_python,
    null,
    object_of,
    string,
    unknown,
    unmark_deep,
)

SECRET = frozenset((SENSITIVE,))
STRINGS = convert(from_python(["a", "b", "c"]), ListType(STRING))


# -- operators ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ('"1" + "1"', 2),
        ('-"5"', -5),
        ("7 / 2", 3.5),
        ("-7 % 3", -1),
        ('"10" < "9"', False),
        ("1 >= 1", True),
        ('1 == "1"', False),
        ("1 != 2", True),
        ("null == null", True),
        ("!(true && false)", True),
        ("2 - 3 - 4", -5),
        ("var.a == var.b", True),
    ],
)
def test_operators(text: str, expected: object) -> None:
    assert python_of(text, a={"x": [1]}, b={"x": [1]}) == expected


@pytest.mark.parametrize(
    ("text", "summary", "detail"),
    [
        (
            '1 + "x"',
            "Invalid operand",
            'Unsuitable value for right operand: a number is required. Texts are joined in a string: "${a}${b}".',
        ),
        ("true + 1", "Invalid operand", "Unsuitable value for left operand: number required."),
        ("!1", "Invalid operand", "Unsuitable value for unary operand: bool required."),
        ("null + 1", "Operation failed", "Error during operation: argument must not be null."),
        (
            "0 / 0",
            "Operation failed",
            "Error during operation: can't divide zero by zero or infinity by infinity.",
        ),
    ],
)
def test_operator_problems(text: str, summary: str, detail: str) -> None:
    problem = problem_of(text)
    assert (problem.summary, problem.detail) == (summary, detail)


def test_each_wrong_operand_is_a_problem_of_its_own() -> None:
    assert [p.subject.text for p in problems_of("true + {}") if p.subject] == ["true", "{}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("false && var.nope", False),
        ("var.nope && false", False),
        ("true || var.nope", True),
        ("var.nope || true", True),
        ("null && true", False),
        ("true || null", True),
    ],
)
def test_a_deciding_side_makes_the_other_ones_problem_void(text: str, expected: bool) -> None:
    assert value_of(text).raw is expected


@pytest.mark.parametrize("text", ['false && "x"', '"x" || true', "var.nope && true", "false || null"])
def test_logic_problems(text: str) -> None:
    assert len(problems_of(text)) == 1


def test_unknown_operands() -> None:
    inner = scope().child({"n": unknown(NUMBER), "b": unknown(BOOL)})

    def result(text: str) -> Value:
        diags = Diagnostics()
        value = evaluate(parse_expression(SourceText("t", text), diags), inner, diags)
        assert not diags.items
        return value

    assert result("n + 1").type == NUMBER
    assert not result("n + 1").is_known
    assert result("(n + 1) == null").raw is False  # a sum is never null
    assert result("b && false").raw is False
    assert result("b || true").raw is True
    assert not result("b ? 1 : 2").is_known
    assert result('b ? 1 : "x"').type == STRING
    assert result("b ? 1 : 1").raw == 1
    assert result('"a${n}"').type == STRING


# -- conditionals ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('true ? 1 : "a"', "1"),
        ("false ? 1 : null", None),
        ('"true" ? 1 : 2', 1),
        ('true ? [1] : ["a"]', ["1"]),
        ('true ? [1] : ["a", true]', ["1"]),
        ("true ? { a = 1 } : { b = 2 }", {"a": 1}),
        ("true ? 1 : var.nope", 1),
        ("false ? var.nope.x : 2", 2),
    ],
)
def test_conditional(text: str, expected: object) -> None:
    assert python_of(text) == expected


def test_types_of_conditionals() -> None:
    assert value_of('true ? [1] : ["a"]').type == TupleType((STRING,))
    assert value_of("true ? [] : [1]").type == ListType(NUMBER)
    assert value_of('true ? { a = 1 } : { b = "x" }').type == MapType(STRING)
    assert value_of("true ? null : 1") == null(NUMBER)


@pytest.mark.parametrize(
    ("text", "summary", "part"),
    [
        ("true ? 1 : true", "Inconsistent conditional result types", "is number, but the 'false' value is bool"),
        ("true ? 1 : [1]", "Inconsistent conditional result types", "is number, but the 'false' value is tuple"),
        (
            "true ? { a = [1] } : { a = true }",
            "Inconsistent conditional result types",
            "Type mismatch for object attribute \"a\": The 'true' value is tuple",
        ),
        ("true ? [1, true] : [1, []]", "Inconsistent conditional result types", "Type mismatch for tuple element 1"),
        ("1 ? 1 : 2", "Incorrect condition type", "must be of type bool"),
        ("null ? 1 : 2", "Null condition", "must either be true or false"),
        ("var.nope ? 1 : 2", "Undeclared variable", 'named "nope"'),
        ("true ? var.nope : 2", "Undeclared variable", 'named "nope"'),
    ],
)
def test_conditional_problems(text: str, summary: str, part: str) -> None:
    problem = problem_of(text)
    assert problem.summary == summary
    assert part in problem.detail


# -- parts ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("var.o.a.b", 1),
        ('var.o["a"]["b"]', 1),
        ("var.l[1]", "y"),
        ('var.l["1"]', "y"),
        ("var.l.0", "x"),
        ('{ 1 = "a" }[1]', "a"),
        ("[[1, 2], [3]][0][1]", 2),
        ("{ a = 1, a = 2 }", {"a": 2}),
        ("{ (var.k) = 1, true = 2, null = 3 }", {"key": 1, "true": 2, "null": 3}),
        ('{ "x-${var.k}" = 1 }', {"x-key": 1}),
    ],
)
def test_parts(text: str, expected: object) -> None:
    assert python_of(text, o={"a": {"b": 1}}, l=["x", "y"], k="key") == expected


@pytest.mark.parametrize(
    ("text", "summary", "detail"),
    [
        ("var.regoin", "Undeclared variable", 'named "regoin". Did you mean "region"?'),
        ("var.region.x", "Unsupported attribute", "Can't access attributes on a primitive-typed value (string)."),
        ("var.none.x", "Attempt to get attribute from null value", "This value is null"),
        ("var.none[0]", "Attempt to index null value", "This value is null"),
        ("[1, 2][2]", "Invalid index", "greater than or equal to the length"),
        ("[][0]", "Invalid index", "the collection has no elements"),
        ("[1, 2][-1]", "Invalid index", "a negative number is not a valid index"),
        ("[1, 2][0.5]", "Invalid index", "has a fractional part"),
        ('[1, 2]["x"]', "Invalid index", "a number is required"),
        ("[1, 2][null]", "Invalid index", "Can't use a null value"),
        ('{ a = 1 }["b"]', "Invalid index", "does not identify an element"),
        ("{ a = 1 }[0]", "Invalid index", "not by numeric index"),
        ("1[0]", "Invalid index", "does not have any indices"),
        ("nope", "Unknown variable", 'There is no variable named "nope".'),
        ("vra.region", "Unknown variable", 'Did you mean "var"?'),
        ("{ var.region = 1 }", "Ambiguous attribute key", "wrap it in parentheses"),
        ("{ (null) = 1 }", "Null value as key", "Can't use a null value as a key."),
        ("{ ([]) = 1 }", "Incorrect key type", "string required"),
    ],
)
def test_problems_with_parts(text: str, summary: str, detail: str) -> None:
    problem = problem_of(text, region="eu", none=None)
    assert problem.summary == summary
    assert detail in problem.detail


def test_sets_and_maps() -> None:
    values = {"s": convert(STRINGS, ListType(STRING)), "m": convert(from_python({"k": 1}), MapType(NUMBER))}
    diags = Diagnostics()
    inner = scope().child(values)
    assert evaluate(parse_expression(SourceText("t", 'm.k + m["k"]'), diags), inner, diags).raw == 2
    evaluate(parse_expression(SourceText("t", "m.kk"), diags), inner, diags)
    assert [d.summary for d in diags] == ["Missing map element"]
    assert 'Did you mean "k"?' in diags.items[0].detail


def test_a_problem_shows_where_and_the_values_that_took_part() -> None:
    problem = problem_of("var.l[var.at]", l=["a", "b"], at=5)
    assert problem.subject is not None
    assert problem.subject.text == "[var.at]"
    assert problem.values == (("var.l", '["a", "b"]'), ("var.at", "5"))


def test_secrets_are_masked_in_problems() -> None:
    diags = Diagnostics()
    inner = scope().child({"password": string("hunter2").with_marks(SECRET)})
    evaluate(parse_expression(SourceText("t", "password + 1"), diags), inner, diags)
    assert diags.items[0].values == (("password", "(sensitive value)"),)
    assert "hunter2" not in str(diags.items[0])


def test_one_mistake_makes_one_error() -> None:
    assert len(problems_of('upper("${var.nope + 1}-x")')) == 1
    assert len(problems_of("[for x in [1, 2, 3] : x.y]")) == 1
    assert len(problems_of("[{ a = 1 }, { b = 1 }, { b = 2 }][*].a")) == 1


# -- for ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[for x in ["a", "b"] : upper(x)]', ["A", "B"]),
        ('[for i, x in ["a", "b"] : "${i}${x}"]', ["0a", "1b"]),
        ("[for k, v in { b = 1, a = 2 } : k]", ["a", "b"]),
        ("[for x in [1, 2, 3] : x if x != 2]", [1, 3]),
        ("{ for k, v in { a = 1 } : upper(k) => v + 1 }", {"A": 2}),
        ('{ for x in ["a", "b", "a"] : x => 1... }', {"a": [1, 1], "b": [1]}),
        ("[for k, v in toset([3]) : k]", [3]),
        ("[for x in [1, 2] : [for y in [10, 20] : x * y]]", [[10, 20], [20, 40]]),
        ("[for x in [] : x.nope]", []),
    ],
)
def test_for(text: str, expected: object) -> None:
    assert python_of(text) == expected


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("[for x in null : x]", "Iteration over null value"),
        ("[for x in 1 : x]", "Iteration over non-iterable value"),
        ("[for x in [1] : x if 1]", "Invalid 'for' condition"),
        ("[for x in [] : x if 1]", "Invalid 'for' condition"),
        ("[for x in [1] : x if null]", "Condition is null"),
        ("[for x in [true, null] : x if x]", "Invalid 'for' condition"),
        ("{ for x in [null] : x => 1 }", "Invalid object key"),
        ("{ for x in [[]] : x => 1 }", "Invalid object key"),
        ('{ for x in ["a", "a"] : x => 1 }', "Duplicate object key"),
    ],
)
def test_for_problems(text: str, summary: str) -> None:
    assert problem_of(text).summary == summary


def test_the_name_of_a_for_hides_an_outer_one() -> None:
    assert python_of("[for var in [1] : var]", x=5) == [1]


# -- splat ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("var.l[*].a", [1, 2]),
        ("var.l.*.a", [1, 2]),
        ("var.l[*].t[0]", ["x", "y"]),
        ("var.l.*.t[0]", ["x"]),
        ("var.l[*].t[*]", [["x"], ["y"]]),
        ("null[*]", []),
        ("null[*].a", []),
        ('"a"[*]', ["a"]),
        ("{ a = 1 }[*].a", [1]),
        ("[][*].a", []),
    ],
)
def test_splat(text: str, expected: object) -> None:
    assert python_of(text, l=[{"a": 1, "t": ["x"]}, {"a": 2, "t": ["y"]}]) == expected


def test_splat_of_a_list_is_a_list() -> None:
    value = evaluate(parse_expression(SourceText("t", "l[*]"), Diagnostics()), Scope({"l": STRINGS}), Diagnostics())
    assert value.type == ListType(STRING)


# -- templates ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"a${1}b${true}"', "a1btrue"),
        ('"${[1]}"', [1]),
        ('"%{ if true }yes%{ else }no%{ endif }"', "yes"),
        ('"%{ if false }yes%{ endif }"', ""),
        ('"%{ for x in [1, 2] }${x},%{ endfor }"', "1,2,"),
        ('"%{ for k, v in { a = 1 } }${k}=${v}%{ endfor }"', "a=1"),
        ('"%{ if true }${1}%{ endif }"', "1"),
        ('"$${x} %%{y}"', "${x} %{y}"),
        ('<<EOT\nhello ${upper("x")}\nEOT\n', "hello X\n"),
        ('"e\\u0301"', "\u00e9"),
    ],
)
def test_templates(text: str, expected: object) -> None:
    assert python_of(text) == expected


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ('"a${null}"', "The expression result is null."),
        ('"a${[1]}"', "Cannot include the given value in a string template: string required."),
        ('"%{ for x in [null] }${x}%{ endfor }"', "The expression result is null."),
    ],
)
def test_template_problems(text: str, detail: str) -> None:
    problem = problem_of(text)
    assert problem.summary == "Invalid template interpolation value"
    assert problem.detail.startswith(detail)


# -- calls ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "summary", "detail"),
    [
        ('uper("a")', "Call to unknown function", 'There is no function named "uper". Did you mean "upper"?'),
        ('env("HOME")', "Call to unknown function", "only be called in the default of a variable"),
        ("upper()", "Not enough function arguments", 'expects 1 argument. Missing value for "str". It is upper(str: '),
        ('upper("a", "b")', "Too many function arguments", "expects only 1 argument. It is upper(str: string)"),
        ("join()", "Not enough function arguments", "expects at least 1 argument."),
        ("upper([])", "Invalid function argument", 'Invalid value for "str" parameter: string required.'),
        ("upper(null)", "Invalid function argument", 'Invalid value for "str" parameter: argument must not be null.'),
        ("max(null...)", "Invalid expanding argument value", "must not be null"),
        ("max({}...)", "Invalid expanding argument value", "must be of a tuple, list, or set type"),
        ("element([], 0)", "Error in function call", 'Call to function "element" failed: cannot use element'),
    ],
)
def test_call_problems(text: str, summary: str, detail: str) -> None:
    problem = problem_of(text)
    assert problem.summary == summary
    assert detail in problem.detail


def test_expanded_arguments() -> None:
    assert python_of("max([1, 3, 2]...)") == 3
    assert python_of('join("-", [["a"], ["b"]]...)') == "a-b"


def test_where_nothing_may_be_used() -> None:
    for text, summary in (("x", "Variables not allowed"), ("f()", "Function calls not allowed")):
        diags = Diagnostics()
        evaluate(parse_expression(SourceText("t", text), diags), Scope(), diags)
        assert [d.summary for d in diags] == [summary]


# -- try, can -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('try(var.nope, "d")', "d"),
        ("try(nosuch(1), nope.x, 2)", 2),
        ("try(1, var.nope)", 1),
        ("can(var.nope)", False),
        ("can(null)", True),
        ('try("a${null}", "t")', "t"),
    ],
)
def test_try_and_can(text: str, expected: object) -> None:
    assert python_of(text) == expected


def test_try_says_why_nothing_succeeded() -> None:
    problem = problem_of("try(var.a, var.b)")
    assert problem.summary == "Error in function call"
    assert 'named "a"' in problem.detail
    assert 'named "b"' in problem.detail
    assert problem_of("try()").detail.endswith("at least one argument is required.")
    assert problem_of("can(1, 2)").summary == "Too many function arguments"


def test_try_waits_for_unknown_values() -> None:
    inner = scope().child({"u": unknown(STRING)})
    diags = Diagnostics()
    assert evaluate(parse_expression(SourceText("t", 'try(u, "d")'), diags), inner, diags).type is ANY
    assert not evaluate(parse_expression(SourceText("t", "can(u)"), diags), inner, diags).is_known
    assert not diags.items


# -- marks ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "s",
        '"a${s}"',
        "[s, 1]",
        "upper(s)",
        's == "x"',
        'true ? s : "x"',
        's == "x" ? 1 : 2',
        "{ (s) = 1 }",
        "[for x in [s] : x]",
        "{ for k in [s] : k => 1 }",
        '"%{ if s == "x" }a%{ endif }"',
        "length(m)",
        "m[0]",
        "m[*]",
        "max(n...)",
        'try(s, "x")',
        "jsonencode({ a = s })",
    ],
)
def test_marks_spread(text: str) -> None:
    secret = string("x").with_marks(SECRET)
    values = {"s": secret, "m": STRINGS.with_marks(SECRET), "n": from_python([1, 2]).with_marks(SECRET)}
    diags = Diagnostics()
    value = evaluate(parse_expression(SourceText("t", text), diags), scope().child(values), diags)
    assert not diags.items
    assert deep_marks([value]) == SECRET
    assert deep_marks([unmark_deep(value)]) == frozenset()


@pytest.mark.parametrize("call", ["jsondecode(s)", "file(s)", "parseint(s, 10)", 'regex("(", s)'])
def test_functions_quote_no_sensitive_argument(call: str) -> None:
    """Nor any part of it; what is wrong with the other arguments is told."""
    diags = Diagnostics()
    expr = parse_expression(SourceText("t", call), diags)
    evaluate(expr, scope().child({"s": string("hunter2").with_marks(SECRET)}), diags)
    assert len(diags) == 1
    detail = diags.items[0].detail
    assert "hunter2" not in detail
    assert "missing closing" in detail if "regex" in call else "the reason is not shown" in detail


def test_marks_do_not_spread_further_than_needed() -> None:
    values = {"o": object_of({"s": string("x").with_marks(SECRET), "p": string("y")})}
    for text in ("o.p", "length([o.s])", "keys(o)", 'lookup(o, "p", "z")', "merge(o, {}).p"):
        diags = Diagnostics()
        value = evaluate(parse_expression(SourceText("t", text), diags), scope().child(values), diags)
        assert not diags.items
        assert deep_marks([value]) == frozenset(), text


# -- bounds ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "[" * 3000 + "]" * 3000,
        "(" * 3000 + "1" + ")" * 3000,
        "!" * 3000 + "true",
        "true ? 1 : " * 3000 + "2",
        "{ a = " * 3000 + "1" + " }" * 3000,
        "x" + ".y" * 5000,
        "upper(" * 3000 + '"a"' + ")" * 3000,
    ],
)
def test_deep_nesting_ends_in_a_diagnostic(text: str) -> None:
    diags = Diagnostics()
    expr = parse_expression(SourceText("t", text), diags)
    evaluate(expr, scope().child({"x": NULL}), diags)
    references(expr)
    assert [d.summary for d in diags] == ["Expression too deep"]


def test_long_chains_are_not_deep() -> None:
    assert python_of("1" + " + 1" * 5000) == 5001
    assert python_of("true" + " && true" * 5000) is True


# -- references -----------------------------------------------------------------


def found(text: str) -> list[str]:
    diags = Diagnostics()
    expr = parse_expression(SourceText("t", text), diags)
    assert not diags.items
    return [str(r) for r in references(expr)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("var.a.b", ["var.a.b"]),
        ('var.a["b c"][0].d', ['var.a["b c"][0].d']),
        ("var.a[local.k].c", ["var.a", "local.k"]),
        ("var.l[*].name", ["var.l"]),
        ("[for x in var.l : x.y + local.z if x != var.w]", ["var.l", "local.z", "var.w"]),
        ("[for var in var.l : var.x]", ["var.l"]),
        ('"a${var.x}%{ for y in var.l }${y}${var.z}%{ endfor }"', ["var.x", "var.l", "var.z"]),
        ("{ a = b, (c) = d }", ["b", "c", "d"]),
        ("f(x, y...)", ["x", "y"]),
        ("x ? y : z", ["x", "y", "z"]),
        ("f(x).y", ["x"]),
        ("1", []),
    ],
)
def test_references(text: str, expected: list[str]) -> None:
    assert found(text) == expected


def test_references_of_a_body() -> None:
    diags = Diagnostics()
    body = parse_body(SourceText("t", 'a = var.x\nblock "l" {\n  b = local.y\n  c {\n    d = [var.z]\n  }\n}\n'), diags)
    assert not diags.items
    assert [str(r) for r in references(body)] == ["var.x", "local.y", "var.z"]


def test_a_reference_knows_its_place() -> None:
    (reference,) = references(parse_expression(SourceText("t", "1 + var.a.b"), Diagnostics()))
    assert (reference.root, reference.steps, reference.range.text) == ("var", ("a", "b"), "var.a.b")
