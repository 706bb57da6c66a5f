"""Where expressions end in a text of several, and whether a text is complete."""

from __future__ import annotations

import pytest

from hclimg.lang.statements import is_unfinished, statements


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("\n# c\n\n", []),
        ("1\n\n2 # two\n", ["1", "2"]),
        ("[1,\n2]\n3", ["[1,\n2]", "3"]),
        ("{\na = 1\nb = 2\n}\nx", ["{\na = 1\nb = 2\n}", "x"]),
        ('f(<<EOT\n ${a}\n ) ]\nEOT\n)\n"b"', ["f(<<EOT\n ${a}\n ) ]\nEOT\n)", '"b"']),
        ('"${\na\n}"\n2', ['"${\na\n}"', "2"]),
        ('"unclosed\n2', ['"unclosed', "2"]),
        (")\n(\n1)\n2", [")", "(\n1)", "2"]),
        ("(1\n2", ["(1\n2"]),
    ],
)
def test_statements(text: str, parts: list[str]) -> None:
    assert [text[start:end] for start, end in statements(text)] == parts


@pytest.mark.parametrize(
    "text", ["(", "[1,", "{\na = 1", "f(<<EOT", "<<EOT\na\n", "<<EOT\n${a}", '"${', "/* x", "f(\n)\n["]
)
def test_unfinished(text: str) -> None:
    assert is_unfinished(text)


@pytest.mark.parametrize("text", ["", "1", "[1]", "<<EOT\na\nEOT", '"', "1 +", ")", "(]", "/* x */", ") 1", '"${a'])
def test_finished(text: str) -> None:
    assert is_unfinished(text) == (text == '"${a')


def test_many_lines() -> None:
    assert len(statements("[\n1,\n]\n" * 20_000)) == 20_000
