import subprocess
import sys

import pytest
from parsing import body_of, expr_of, sketch, template_of

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang import syntax
from hclimg.lang.parse import parse_body, parse_expression
from hclimg.lang.syntax import Body, Splat, same, walk
from hclimg.lang.values import UNKNOWN

V = ["Variable", "x"]
ITEM = ["SplatItem"]


def name(text: str) -> list[str]:
    return ["Variable", text]


# -- bodies ---------------------------------------------------------------------


def test_bodies_keep_the_order_and_the_places() -> None:
    text = 'b = 1\nsource "qemu" web {\n  a = "x"\n}\na = true\nempty {}\none { c = 2 }\n'
    body = body_of(text)
    assert [sketch(item)[1] for item in body.items] == ["b", "source", "a", "empty", "one"]
    source = body.blocks[0]
    assert [label.text for label in source.labels] == ["qemu", "web"]
    assert source.header.text == 'source "qemu" web'
    assert source.range.text == 'source "qemu" web {\n  a = "x"\n}'
    assert source.body.range.text == '{\n  a = "x"\n}'
    attribute = source.body.attributes["a"]
    assert (attribute.range.text, attribute.name.range.text, attribute.expr.range.text) == ('a = "x"', "a", '"x"')
    assert sketch(body.blocks[2].body.attributes["c"].expr) == 2


@pytest.mark.parametrize("text", ["", "\n", "# only a comment", "/* c */", "a = 1", "a {\n}", "a = 1 # c", "\t\n\n"])
def test_texts_need_no_last_newline(text: str) -> None:
    body_of(text)


def test_names_can_be_keywords_of_other_places() -> None:
    body = body_of("if = 1\nin = 2\nfor = 3\ntrue = 4\nfor \"x\" {\n for = 1\n}\n")
    assert list(body.attributes) == ["if", "in", "for", "true"]


def test_labels_are_decoded() -> None:
    (block,) = body_of(r'b "a\"b" "$${x}" {}').blocks
    assert [label.text for label in block.labels] == ['a"b', "${x}"]
    assert block.labels[0].range.text == r'"a\"b"'


# -- expressions -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1.5e3", 1500),
        ("true", True),
        ("null", None),
        ('"a"', "a"),
        ("x", V),
        ("-x", ["Unary", "-", V]),
        ("!!x", ["Unary", "!", ["Unary", "!", V]]),
        ("1 + 2 * 3", ["Binary", "+", 1, ["Binary", "*", 2, 3]]),
        ("1 - 2 - 3", ["Binary", "-", ["Binary", "-", 1, 2], 3]),
        ("x || x && x", ["Binary", "||", V, ["Binary", "&&", V, V]]),
        ("1 < 2 == true", ["Binary", "==", ["Binary", "<", 1, 2], True]),
        ("-1 + 2", ["Binary", "+", ["Unary", "-", 1], 2]),
        ("x ? 1 : x ? 2 : 3", ["Conditional", V, 1, ["Conditional", V, 2, 3]]),
        ("(1 + 2) * 3", ["Binary", "*", ["Paren", ["Binary", "+", 1, 2]], 3]),
        ("f()", ["Call", "f", [], False]),
        ("f(x, 1,)", ["Call", "f", [V, 1], False]),
        ("f(x...)", ["Call", "f", [V], True]),
        ("a::b::f(1)", ["Call", "a::b::f", [1], False]),
        ("[]", ["TupleCons", []]),
        ("[1,\n x,\n]", ["TupleCons", [1, V]]),
        ("{}", ["ObjectCons", []]),
        ("{\n}", ["ObjectCons", []]),
    ],
)
def test_expressions(text: str, tree: object) -> None:
    assert sketch(expr_of(text)) == tree


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("{a = 1, b: 2}", [["Variable", "a"], ["Variable", "b"]]),
        ("{\n a = 1\n\n b = 2,\n c = 3\n}", [["Variable", "a"], ["Variable", "b"], ["Variable", "c"]]),
        ('{"a b" = 1}', ["a b"]),
        ("{null = 1, true = 2}", [["Variable", "null"], ["Variable", "true"]]),
        ("{(x) = 1}", [["Paren", V]]),
        ("{(true) = 1}", [["Paren", True]]),
        ("{x.y = 1}", [["GetAttr", V, "y"]]),
        ("{1 = 2}", [1]),
        ('{"${x}" = 1}', [["TemplateWrap", V]]),
    ],
)
def test_object_keys(text: str, keys: object) -> None:
    tree = expr_of(text)
    assert isinstance(tree, syntax.ObjectCons)
    assert [sketch(item.key) for item in tree.items] == keys


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("[for v in x : v]", ["ForTuple", None, "v", V, ["Variable", "v"], None]),
        ("[for k, v in x : k if v]", ["ForTuple", "k", "v", V, ["Variable", "k"], ["Variable", "v"]]),
        ("{for v in x : v => 1}", ["ForObject", None, "v", V, ["Variable", "v"], 1, None, False]),
        ("{for k, v in x : v => k... if k}", ["ForObject", "k", "v", V, *([["Variable", n] for n in "vkk"]), True]),
        ("{\n  for v in x : v => 1 if v\n}", ["ForObject", None, "v", V, name("v"), 1, name("v"), False]),
    ],
)
def test_for_expressions(text: str, tree: object) -> None:
    assert sketch(expr_of(text)) == tree


# -- traversals ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("x.a.b", ["GetAttr", ["GetAttr", V, "a"], "b"]),
        ("x[0]", ["Index", V, 0, False]),
        ("x.0", ["Index", V, 0, True]),
        ('x["a"].b', ["GetAttr", ["Index", V, "a", False], "b"]),
        ("f().a", ["GetAttr", ["Call", "f", [], False], "a"]),
        ("(\nx\n.a\n)", ["Paren", ["GetAttr", V, "a"]]),
        ("x[*]", ["Splat", V, ITEM, ITEM, True]),
        ("x[*].a[0]", ["Splat", V, ITEM, ["Index", ["GetAttr", ITEM, "a"], 0, False], True]),
        ("x.*.a", ["Splat", V, ITEM, ["GetAttr", ITEM, "a"], False]),
        ("x.*.a[0]", ["Index", ["Splat", V, ITEM, ["GetAttr", ITEM, "a"], False], 0, False]),
        ("x.*.0", ["Splat", V, ITEM, ["Index", ITEM, 0, True], False]),
        ("x[*].a[*]", ["Splat", V, ITEM, ["Splat", ["GetAttr", ITEM, "a"], ITEM, ITEM, True], True]),
        ("x.*[*]", ["Splat", ["Splat", V, ITEM, ITEM, False], ITEM, ITEM, True]),
        ("(x[*]).a", ["GetAttr", ["Paren", ["Splat", V, ITEM, ITEM, True]], "a"]),
    ],
)
def test_traversals(text: str, tree: object) -> None:
    assert sketch(expr_of(text)) == tree


def test_the_item_of_a_splat_is_the_one_inside() -> None:
    splat = expr_of("x[*].a.b")
    assert isinstance(splat, Splat)
    assert [node for node in walk(splat.each) if isinstance(node, syntax.SplatItem)] == [splat.item]
    assert splat.range.text == "x[*].a.b"


# -- templates -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ('""', ""),
        ('"a\\n"', "a\n"),
        ('"${x}"', ["TemplateWrap", V]),
        ('"${x}${x}"', ["Template", [V, V]]),
        ('"a${x}b"', ["Template", ["a", V, "b"]]),
        ('"${"a"}"', ["TemplateWrap", "a"]),
        ('" ${~ x}"', ["Template", [V]]),
        ('"%{ if x }a%{ endif }"', ["Template", [["TemplateIf", V, ["Template", ["a"]], None]]]),
        (
            '"%{ if x ~} a %{~ else }b%{ endif }"',
            ["Template", [["TemplateIf", V, ["Template", ["a"]], ["Template", ["b"]]]]],
        ),
        (
            '"%{ for v in x }${v}%{ endfor }"',
            ["Template", [["TemplateFor", None, "v", V, ["Template", [name("v")]]]]],
        ),
        ('"%{ for k, v in x }%{ endfor }"', ["Template", [["TemplateFor", "k", "v", V, ["Template", []]]]]),
        ("<<E\na\nb\nE\n", "a\nb\n"),
        ("<<E\n${x}\nE\n", ["Template", [V, "\n"]]),
        ("<<-E\n  a ${x}\n    b\n  E\n", ["Template", ["a ", V, "\n  b\n"]]),
    ],
)
def test_templates(text: str, tree: object) -> None:
    assert sketch(expr_of(text)) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", ""),
        ("a\\n\n\"b\"", 'a\\n\n"b"'),
        ("${x}", ["TemplateWrap", V]),
        ("a ${x}", ["Template", ["a ", V]]),
        ("$${x} %", "${x} %"),
    ],
)
def test_a_text_can_be_a_template_as_a_whole(text: str, tree: object) -> None:
    assert sketch(template_of(text)) == tree


def test_parts_of_templates_know_their_places() -> None:
    template = expr_of('"ab${ x }c%{ if x }d%{ endif }"')
    assert isinstance(template, syntax.Template)
    assert [part.range.text for part in template.parts] == ["ab", "x", "c", "%{ if x }d%{ endif }"]
    heredoc = expr_of("<<E\na\n${x}\nE\n")
    assert heredoc.range.text == "<<E\na\n${x}\nE"


# -- whole files ------------------------------------------------------------------------


def test_every_node_spans_its_children() -> None:
    text = 'a = [for x in f(1, {b = c[*].d}) : "x${x.y ? -1 : 2}" if !z]\nb "l" {\n c = <<E\n${q ~}\nE\n}\n'
    for node in walk(body_of(text)):
        assert 0 <= node.start <= node.end <= len(text)
        for child in syntax.children(node):
            assert node.start <= child.start
            assert child.end <= node.end


def test_layout_and_comments_change_nothing() -> None:
    a = 'x = [1, {a = "b", c = f(y)}]\nb "l" { z = 1 }\n'
    b = '# c\nx=[ 1,\n {\n a="b" // c\n c=f(\n y\n )\n } ,\n]\nb l {\n\n z = 1 /* */\n}\n'
    assert same(body_of(a), body_of(b))
    assert not same(body_of(a), body_of(a.replace("1", "2", 1)))


def test_deep_nesting_is_no_problem() -> None:
    depth = 3_000
    expr_of("[" * depth + "]" * depth)
    expr_of("(" * depth + "1" + ")" * depth)
    expr_of('"${' * depth + "1" + '}"' * depth)
    expr_of("-" * depth + "1")
    expr_of("x" + "[*]" * depth)
    expr_of("f(" * depth + ")" * depth)
    body_of("a {\n" * depth + "}\n" * depth)


def test_wrong_deep_nesting_gets_one_error() -> None:
    for text in ("[" * 3_000, "(" * 3_000 + "}", '"${' * 3_000, "{" * 3_000, "f(" * 3_000):
        diags = Diagnostics()
        parse_expression(SourceText("t", text), diags)
        assert len(diags) == 1


def test_what_could_not_be_read_is_unknown() -> None:
    diags = Diagnostics()
    body = parse_body(SourceText("t", 'a = [1 +]\nb "l" { c = }\nd = 3\ne {\n  f = (\n  g = 1\n}\n'), diags)
    assert len(diags) == 3
    assert isinstance(body, Body)
    unknown = [a for a in walk(body) if isinstance(a, syntax.Literal) and a.value.raw is UNKNOWN]
    assert len(unknown) == 3
    assert list(body.attributes) == ["a", "d"]
    assert list(body.blocks[0].body.attributes) == ["c"]
    assert list(body.blocks[1].body.attributes) == ["f", "g"]


def test_parsing_imports_no_lark(tmp_path: object) -> None:
    """The tables are there after the first run; then lark isn't needed any more."""
    code = (
        "import sys; from hclimg.lang.parse import parse_body; from hclimg.diagnostics import *; d = Diagnostics();"
        "parse_body(SourceText('t', 'a = 1'), d); print([m for m in ('lark', 'regex', 'json', 'hclimg.lang.recovery')"
        " if m in sys.modules])"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
