"""The canonical layout of HCL texts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hclimg.lang import format as layout
from hclimg.lang.format import format_text
from hclimg.lang.tokens import scan
from tests.fuzz.mutations import FRAGMENTS


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("x=[ 1,2 , 3 ]\n", "x = [1, 2, 3]\n", id="lists"),
        pytest.param("x={a=1,b=2}\n", "x = { a = 1, b = 2 }\n", id="objects"),
        pytest.param("x={ }\n", "x = {}\n", id="empty object"),
        pytest.param("x = f ( a . b [ 0 ] , - 1 )\n", "x = f(a.b[0], -1)\n", id="calls, steps and signs"),
        pytest.param("x = a -1 > - b || ! c\n", "x = a - 1 > -b || !c\n", id="operators"),
        pytest.param("x=[ for k,v in [ 1 ]:v if v>0 ]\n", "x = [for k, v in [1] : v if v > 0]\n", id="for"),
        pytest.param('x="a ${ b }  %{ if c }d%{ endif }"\n', 'x = "a ${b}  %{if c}d%{endif}"\n', id="templates"),
        pytest.param('x = "${ {a=1} }"\n', 'x = "${ { a = 1 } }"\n', id="an object in a sequence"),
        pytest.param("x = a /* why */+1\n", "x = a /* why */ + 1\n", id="comments inside"),
        pytest.param("b \"l\"    {\n\n\n}\n", 'b "l" {\n\n\n}\n', id="blank lines stay"),
        pytest.param("   # c\na = 1\n", "# c\na = 1\n", id="comments are indented"),
        pytest.param("a = 1\r\nbcd=2 # x\r\n", "a   = 1\r\nbcd = 2 # x\r\n", id="line ends stay"),
        pytest.param("a=1  ", "a = 1  ", id="no line end is added"),
        pytest.param("a = 1 # c  ", "a = 1 # c  ", id="space at the end of a comment is its own"),
        pytest.param('x="é"#a\nyy="e\u0301è"#b\n', 'x  = "é"  #a\nyy = "e\u0301è" #b\n', id="graphemes"),
    ],
)  # fmt: skip
def test_layout(text: str, wanted: str) -> None:
    assert format_text(text) == wanted


def test_columns_end_at_blank_lines_comments_and_long_values() -> None:
    text = "a=1\nbcd=2\n\nefghi=3\n# c\nj=4 # one\nkl=55 # two\nmnop={\n}\n"
    assert format_text(text) == (
        "a   = 1\nbcd = 2\n\nefghi = 3\n# c\nj  = 4  # one\nkl = 55 # two\nmnop = {\n}\n"
    )  # fmt: skip


def test_a_line_indents_once_however_much_it_opens() -> None:
    text = "x = [{\na = [\n1,\n],\n}]\nb {\nc {\nd = f(\n1)\n}\n}\n"
    assert format_text(text) == (
        "x = [{\n  a = [\n    1,\n  ],\n}]\nb {\n  c {\n    d = f(\n    1)\n  }\n}\n"
    )  # fmt: skip


def test_heredocs_stay_as_they_are() -> None:
    text = "b {\nx=<<-EOT\n   a   =  {\n ${ v }\\t\n   EOT\ny=1\n}\n"
    assert format_text(text) == "b {\n  x = <<-EOT\n   a   =  {\n ${v}\\t\n   EOT\n  y = 1\n}\n"


def test_steps_that_would_become_a_number_keep_their_distance() -> None:
    """hclwrite makes ``x.0.1`` of it, which is an error."""
    assert format_text("a = x.0 .1\n") == "a = x.0 .1\n"


def test_what_is_no_hcl_stays_as_it_is() -> None:
    for text in ("a=“b”\nc   =1\n", 'a   = "b\n', "a   = /* b\n", "x=<<EOT\n ${ a }\n"):
        assert format_text(text) == text


def meaning(text: str) -> list[tuple[str, str]]:
    """The tokens. The beginning of a directive is one of them, with the space in it."""
    tokens = [(token.kind, token.value) for token in scan(text)]
    return [(kind, "".join(value.split()) if kind.startswith("CTRL") else value) for kind, value in tokens]


PIECES = (
    *FRAGMENTS, "a = ", "b {\n", "}\n", "[", "]", "(", ")", '"${x}"', '"%{if x}y%{endif}"', "<<EOT\n x ${ y }\nEOT\n",
    "x", "1", " = ", " in ", ",", "\n", "# c\n", "/* d */", "!", "-", "  ", "\t",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
@settings(max_examples=400, deadline=None)
def test_twice_is_once_and_nothing_changes_its_meaning(text: str) -> None:
    once = format_text(text)
    assert format_text(once) == once
    assert "".join(once.split()) == "".join(text.split())
    if all(kind != "BROKEN" for kind, _ in meaning(text)):
        assert meaning(once) == meaning(text)


class Counted(layout.Piece):
    made = 0

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind, text)
        Counted.made += 1


def generated(blocks: int) -> str:
    rnd = random.Random(blocks)
    lines = [f"arg{n}={'[' * (n % 3)}{rnd.random()}{']' * (n % 3)} # {n}\n" for n in range(8)]
    return "".join(f'block "{n}" {{\n{"".join(lines)}inner {{\n}}\n}}\n' for n in range(blocks))


def test_the_work_grows_with_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces are looked at a fixed number of times: columns of a piece are summed once a cell, spaces set once."""
    monkeypatch.setattr(layout, "Piece", Counted)
    made = []
    for blocks in (100, 200):
        Counted.made = 0
        format_text(generated(blocks))
        made.append(Counted.made)
    assert made[1] == 2 * made[0]


def test_many_brackets_and_long_runs() -> None:
    deep = "x = " + "[" * 3000 + "\n" + "]" * 3000 + "\n"
    assert format_text(deep) == deep
    run = "".join(f"a{'b' * (n % 50)}=1\n" for n in range(5000))
    assert {line.index("=") for line in format_text(run).splitlines()} == {51}
