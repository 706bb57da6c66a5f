"""Diagnostics as text and as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hclimg.diagnostics import Diagnostics, Range, Related, SourceText
from hclimg.ui.diagnostics import count, render, to_json
from hclimg.ui.theme import Theme

Golden = Callable[[str, str], None]

TEMPLATE = """\
source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]
\tprovisioner "shell" {
\t\tinlin = ["echo ${var.region}"]
  }
  provisioner "shell" {
    inline = ["日本 nai\u0308ve", upper(3)]
  }
}
"""
SOURCE = SourceText("web.pkr.hcl", TEMPLATE)


def place(text: str, source: SourceText = SOURCE) -> Range:
    start = source.text.index(text)
    return source.range(start, start + len(text))


@pytest.fixture
def problems() -> Diagnostics:
    diags = Diagnostics()
    diags.error(
        "Unsupported argument",
        'An argument named "inlin" is not expected here. Did you mean "inline"?',
        subject=place("inlin "),
        context='provisioner "shell"',
    )
    diags.error(
        "Invalid function argument",
        f"{'The function takes a string, and it was given a number. ' * 3}\n\n"
        f"Write it so:\n  upper(tostring(3)) # {'x' * 100}",
        subject=place("3)"),
        values=(("var.region", '"eu-west-1"'), ("local.big", '"' + "y" * 200 + '"')),
        related=(Related("declared here", place('source "null" "web"')),),
    )
    diags.warn("Wide characters", "The underline is as wide as the text.", subject=place("日本 nai\u0308ve"))
    diags.warn("Whole block", "A range of several lines.", subject=place(TEMPLATE[TEMPLATE.index("build") :].rstrip()))
    diags.error("No place", "It has no place in the text.")
    return diags


def test_text(problems: Diagnostics, golden: Golden) -> None:
    golden("diagnostics.txt", render(problems))


def test_colours_change_nothing_but_colours(problems: Diagnostics, golden: Golden) -> None:
    coloured = render(problems, Theme(enabled=True), width=80)
    golden("diagnostics-coloured.txt", coloured)
    assert "\x1b[1;31mError:\x1b[0m" in coloured
    assert Theme(enabled=False).clean(coloured.replace("\n", "\t")) == render(problems, width=80).replace("\n", "\t")


def test_no_line_of_a_snippet_is_wider_than_the_terminal() -> None:
    text = "x = [" + ", ".join(f'"item {n}"' for n in range(100)) + "]\n"
    source = SourceText("long.pkr.hcl", text)
    diags = Diagnostics()
    diags.error("Somewhere inside", subject=place('"item 50"', source))
    lines = render(diags, width=70).splitlines()
    assert max(map(len, lines)) <= 70
    code, marks = lines[1], lines[2]
    assert code[marks.index("^") :].startswith('"item 50"')
    assert marks.count("~") + 1 == len('"item 50"')
    assert "…" in code


def test_the_end_of_the_file_can_be_underlined() -> None:
    source = SourceText("open.pkr.hcl", "build {\n")
    diags = Diagnostics()
    diags.error("Unclosed block", subject=source.range(8, 8))
    assert render(diags).startswith("open.pkr.hcl:2:1: Error: Unclosed block\n    2 |\n      | ^\n")


def test_control_characters_never_reach_the_terminal() -> None:
    source = SourceText("evil.pkr.hcl", 'x = "\x1b[2J\u202e\x07"\n')
    diags = Diagnostics()
    diags.error("Bad string", subject=source.range(4, 12))
    shown = render(diags)
    assert not {"\x1b", "\u202e", "\x07"} & set(shown)
    assert "␛[2J" in shown


def test_nothing_reported_gives_nothing() -> None:
    assert render([]) == ""


def test_count() -> None:
    diags = Diagnostics()
    diags.error("a")
    assert count(diags) == "1 error"
    diags.error("b")
    diags.warn("c")
    assert count(diags) == "2 errors, 1 warning"


def test_json_has_the_shape_of_terraform(problems: Diagnostics) -> None:
    found = to_json(problems)
    assert (found["valid"], found["error_count"], found["warning_count"]) == (False, 3, 2)
    first = found["diagnostics"][0]
    assert first["range"] == {
        "filename": "web.pkr.hcl",
        "start": {"line": 8, "column": 3, "byte": TEMPLATE.index("inlin ")},
        "end": {"line": 8, "column": 9, "byte": TEMPLATE.index("inlin ") + 6},
    }
    assert first["snippet"] == {
        "context": 'provisioner "shell"',
        "code": '\t\tinlin = ["echo ${var.region}"]',
        "start_line": 8,
        "highlight_start_offset": 2,
        "highlight_end_offset": 8,
        "values": [],
    }
    second = found["diagnostics"][1]
    assert second["snippet"]["values"][0] == {"traversal": "var.region", "statement": 'is "eu-west-1"'}
    assert second["related"][0]["range"]["start"] == {"line": 1, "column": 1, "byte": 0}
    assert "range" not in found["diagnostics"][4]


def test_json_highlight_selects_the_subject_in_several_lines() -> None:
    source = SourceText("crlf.pkr.hcl", "a = 1\r\nb = [\r\n  2,\r\n]\r\n")
    diags = Diagnostics()
    diags.error("List", subject=place("[\r\n  2,\r\n]", source))
    snippet = to_json(diags)["diagnostics"][0]["snippet"]
    assert snippet["code"] == "b = [\r\n  2,\r\n]"
    assert snippet["code"][snippet["highlight_start_offset"] : snippet["highlight_end_offset"]] == "[\r\n  2,\r\n]"


def test_json_bytes_count_utf8() -> None:
    source = SourceText("wide.pkr.hcl", 'x = "日本" + 1\n')
    diags = Diagnostics()
    diags.error("One", subject=place("1", source))
    assert to_json(diags)["diagnostics"][0]["range"]["start"] == {"line": 1, "column": 12, "byte": 15}


def json_of(text: str, start: int, end: int) -> dict[str, Any]:
    diags = Diagnostics()
    diags.error("One", subject=SourceText("a.pkr.hcl", text).range(start, end))
    found: dict[str, Any] = to_json(diags)["diagnostics"][0]
    return found


def test_json_of_what_lacks() -> None:
    """An empty range at the end of a line, and at the end of the text."""
    lacking = json_of("é =\nb = 2\n", 3, 3)
    assert lacking["range"]["start"] == {"line": 1, "column": 4, "byte": 4}
    assert lacking["range"]["end"] == {"line": 1, "column": 5, "byte": 5}
    assert (lacking["snippet"]["code"], lacking["snippet"]["highlight_start_offset"]) == ("é =", 3)
    assert lacking["snippet"]["highlight_end_offset"] == 3
    at_end = json_of("a {\n", 4, 4)
    assert at_end["range"]["end"] == {"line": 2, "column": 2, "byte": 5}
    assert at_end["snippet"]["code"] == ""
    assert (at_end["snippet"]["highlight_start_offset"], at_end["snippet"]["highlight_end_offset"]) == (0, 0)
    inside = json_of("a = b\n", 4, 4)["snippet"]
    assert (inside["highlight_start_offset"], inside["highlight_end_offset"]) == (4, 5)


def test_json_highlights_no_line_end() -> None:
    found = json_of("a = 1\nb\n", 4, 6)
    assert found["snippet"]["code"] == "a = 1"
    assert (found["snippet"]["highlight_start_offset"], found["snippet"]["highlight_end_offset"]) == (4, 5)
