from functools import partial

import pytest

from growth import assert_linear
from hclimg.lang.tokens import Broken, comments, scan, scan_template


def kinds(text: str) -> str:
    """The kinds of a text's tokens, without the newline and end that every text has."""
    found = [t.kind for t in scan(text)]
    assert found[-1] == "$END"
    if found[-2:-1] == ["NL"]:
        del found[-2]
    return " ".join(found[:-1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("a = 1", "IDENT EQ NUMBER"),
        ("a=-1.5e+3", "IDENT EQ MINUS NUMBER"),
        ("a.b-c.0[1]", "IDENT DOT IDENT DOT INT LSQB NUMBER RSQB"),
        ("x ? y : z", "IDENT QMARK IDENT COLON IDENT"),
        ("a && b || !c", "IDENT AND IDENT OR NOT IDENT"),
        ("a == b != c <= d >= e < f > g", "IDENT EQEQ IDENT NEQ IDENT LEQ IDENT GEQ IDENT LT IDENT GT IDENT"),
        ("f(a...)", "IDENT LPAR IDENT ELLIPSIS RPAR"),
        ("a::b()", "IDENT COLONS IDENT LPAR RPAR"),
        ('"plain"', "STRING"),
        ('"a${b}c"', "OQUOTE QLIT INTERP IDENT TEND QLIT CQUOTE"),
        ('"${"${a}"}"', "OQUOTE INTERP OQUOTE INTERP IDENT TEND CQUOTE TEND CQUOTE"),
        ('"${{}}"', "OQUOTE INTERP LBRACE RBRACE TEND CQUOTE"),
        ('"%{ if x }y%{ endif }"', "OQUOTE CTRL_IF IDENT TEND QLIT CTRL_ENDIF TEND CQUOTE"),
        ('"%{~ for x in y ~}z%{ endfor }"', "OQUOTE CTRL_FOR IDENT IN IDENT TEND QLIT CTRL_ENDFOR TEND CQUOTE"),
        ("<<E\nx\nE\n", "HEREDOC"),
        ("<<-E\n${x}\n  E\n", "OHEREDOC INTERP IDENT TEND QLIT CHEREDOC"),
        ("naïve = café", "IDENT EQ IDENT"),
        ("e\u0301t = 1", "IDENT EQ NUMBER"),
    ],
)
def test_kinds(text: str, expected: str) -> None:
    assert kinds(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\n\n\n# c\n\nb = 2\n", "IDENT EQ NUMBER NL IDENT EQ NUMBER"),
        ("[\n1,\n2\n]", "LSQB NUMBER COMMA NUMBER RSQB"),
        ("(\na\n)", "LPAR IDENT RPAR"),
        ("{\na = 1\n}", "LBRACE NL IDENT EQ NUMBER NL RBRACE"),
        ("{ # c\n for x in y : x => x\n}", "LBRACE FOR IDENT IN IDENT COLON IDENT ARROW IDENT RBRACE"),
        ("[{\na = [\n1\n]\n}]", "LSQB LBRACE NL IDENT EQ LSQB NUMBER RSQB NL RBRACE RSQB"),
        ('"${\nx\n}"', "OQUOTE INTERP IDENT TEND CQUOTE"),
        ("a = 1 /* \n */ + 2", "IDENT EQ NUMBER PLUS NUMBER"),
        ("a = 1\r\nb = 2\r\n", "IDENT EQ NUMBER NL IDENT EQ NUMBER"),
    ],
)
def test_newlines_count_only_where_they_mean_something(text: str, expected: str) -> None:
    assert kinds(text) == expected


@pytest.mark.parametrize(
    ("text", "has_for"),
    [
        ("[for x in y : x]", True),
        ("{\n/* c */ for x in y : x => x }", True),
        ("for = 1", False),
        ("[a, for]", False),
        ("x.for", False),
        ("block {\n  for = 1\n}", False),
        ('block "label" {\n  for = 1\n}', False),
        ("[format(x)]", False),
    ],
)
def test_for_is_a_keyword_only_at_the_begin_of_a_for_expression(text: str, has_for: bool) -> None:
    assert ("FOR" in kinds(text).split()) == has_for


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\n\t\"\\"', 'a\n\t"\\'),
        (r'"\u00e9\U0001F600"', "é😀"),
        ('"$${x} %%{y} $ % $$"', "${x} %{y} $ % $$"),
        ('"100%"', "100%"),
    ],
)
def test_strings_are_decoded(text: str, value: str) -> None:
    assert "".join(t.value for t in scan(text) if t.kind in ("STRING", "QLIT")) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("<<E\n a\\n\n  b\nE\n", " a\\n\n  b\n"),
        ("<<-E\n    a\n      b\n    E\n", "a\n  b\n"),
        ("<<-E\n\ta\n\t\tb\nE\n", "a\n\tb\n"),
        ("<<-E\n    a\n\n  \n    b\nE\n", "a\n\n  \nb\n"),  # blank lines stay as they are
        ("<<E\nE\n", ""),
        ("<<-E\n  E x\n  E\n", "E x\n"),
        ("<<E\n$${x}\nE\n", "${x}\n"),
        ("<<E\r\na\r\nE\r\n", "a\r\n"),
    ],
)
def test_heredocs(text: str, value: str) -> None:
    assert "".join(t.value for t in scan(text) if t.kind in ("HEREDOC", "QLIT")) == value


@pytest.mark.parametrize(
    ("text", "literals"),
    [
        ("trim ${~ x}", ["trim"]),
        ("a ${~ x ~} b", ["a", "b"]),
        ("a\n${x ~}\n  b", ["a\n", "", "  b"]),  # a marker trims one line
        ("%{ if x ~} a %{ endif ~} b", ["a ", "b"]),
    ],
)
def test_strip_markers(text: str, literals: list[str]) -> None:
    assert [t.value for t in scan_template(text) if t.kind == "QLIT"] == literals


def test_flush_counts_as_hcl_does() -> None:
    """A sequence is text; a line whose newline was stripped doesn't begin a new one (answers by terraform)."""
    text = '<<-E\n      one\n   \n    two\n      %{ if true ~}\n      yes\n      %{ endif ~}\n   ${"q"}\n  E\n'
    values = [t.value for t in scan(text) if t.kind == "QLIT"]
    assert "".join(values) == "  one\n   \ntwo\n        yes\n     \n"
    stripped = '<<-E\n    a\n      ${~"b"}\n    c\nE\n'
    assert [t.value for t in scan(stripped) if t.kind == "QLIT"] == ["    a\n", "", "\n", "    c\n"]


def test_places_are_those_of_the_text() -> None:
    text = 'a = "é${ x }"\nb = <<-E\n  y\n  E\n'
    for token in scan(text):
        if token.kind in ("IDENT", "EQ", "OQUOTE", "INTERP", "TEND", "CQUOTE"):
            assert text[token.start : token.end] == token.value
        if token.kind == "HEREDOC":
            assert text[token.start : token.end] == "<<-E\n  y\n  E"


def test_a_scan_can_begin_inside_blocks() -> None:
    text = "a {\n b {\n  x = 1\n }\n}\n"
    assert [t.kind for t in scan(text, text.index("x"), blocks=2)] == [
        "IDENT", "EQ", "NUMBER", "NL", "RBRACE", "NL", "RBRACE", "NL", "$END",
    ]  # fmt: skip


def test_comments_are_found_between_tokens() -> None:
    text = '# one\na = "# no" // two\nb = [ # three\n /* four\n five */ 1 ]\nc = <<E\n# no\nE\n# six'
    assert [c.value for c in comments(text, scan(text))] == [
        "# one", "// two", "# three", "/* four\n five */", "# six",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason", "shown"),
    [
        ('a = "x\nb = 1', "string", '"x'),
        ('a = "x', "string", ""),
        ('a = "x ${y"\nb = 1', "sequence", "${"),
        ('a = "x ${y\n}\nb = 1', "sequence", "${"),
        ("a = <<EOT\nx\n", "heredoc", "<<EOT"),
        ("a = 1.2.3", "number", "1.2.3"),
        ("a.0.1", "legacy index", "0.1"),
        ('a = "\\q"', "escape", "\\q"),
        ('a = "\\u12"', "escape", "\\u12"),
        ('a = "\\ud800"', "escape", "\\ud800"),
        ('a = "%{ of }"', "directive", "of"),
        ("a = 'x y'", "character", "'x y'"),
        ("a = “x y”", "character", "“x y”"),
        ("a = @", "character", "@"),
        ("a = 1 /* no end", "comment", "/*"),
        ('a = "x\ry"', "character", "\r"),
    ],
)
def test_what_is_no_token_is_one_broken_piece(text: str, reason: str, shown: str) -> None:
    broken = [t for t in scan(text) if isinstance(t, Broken)]
    assert [t.value for t in broken] == [reason]
    assert text[broken[0].start : broken[0].end] == shown


def test_the_line_behind_a_broken_string_is_read() -> None:
    assert [t.value for t in scan('a = "x ${f(y"\nb = 1') if t.kind == "IDENT"] == ["a", "f", "y", "b"]


# -- linear time: a template must not be able to hang the program -------------------

HOSTILE = {
    "heredocs in heredocs": lambda n: (
        "a = " + "".join(f"<<E{i}\n${{\n" for i in range(n)) + "".join(f"}}\nE{i}\n" for i in reversed(range(n)))
    ),
    "heredocs in directives": lambda n: (
        "a = " + "".join(f"<<E{i}\n%{{ if\n" for i in range(n)) + "".join(f"}}\nE{i}\n" for i in reversed(range(n)))
    ),
    "nested braces": lambda n: "a = " + "{" * n,
    "braces and space": lambda n: "a = {" + " " * n,
    "comments behind a brace": lambda n: "a = {" + "/* */ " * n + "x",
    "line comments behind a brace": lambda n: "a = {" + "# c\n" * n + "x",
    "unclosed comments": lambda n: "a = /* " * n,
    "unclosed heredocs": lambda n: "a = <<EOT\n" * n,
    "unclosed heredocs of many names": lambda n: "".join(f"a = <<E{i}\n" for i in range(n)),
    "closed heredocs of many names": lambda n: "".join(f"a = <<E{i}\n${{x}}\nE{i}\n" for i in range(n)),
    "unclosed strings": lambda n: 'a = "x\n' * n,
    "unclosed sequences": lambda n: '"${x\n' * n + "}\n" * n,
    "sequences on one line": lambda n: '"${x' * n + "\n",
    "dollars": lambda n: '"' + "$" * n + '"',
    "backslashes": lambda n: '"' + "\\" * n,
    "heredoc openers": lambda n: "<<" * n,
    "apostrophes": lambda n: "' " * n,
    "curly quotes": lambda n: "“ " * n,
    "digits": lambda n: "1" * n + "x",
    "digits and dots": lambda n: "1." * n,
    "carriage returns": lambda n: "\r" * n,
    "heredoc of long lines": lambda n: "<<E\n" + (" " * 50 + "E x\n") * n,
    "directives": lambda n: '"' + "%{ /* */ " * n,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_take_linear_time(name: str) -> None:
    assert_linear(lambda n: partial(scan, HOSTILE[name](n)), 2_000)
