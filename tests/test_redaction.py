"""Secrets are hidden in whatever is said."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hclimg.events import Redactor
from hclimg.redaction import hidden


def test_secrets_are_hidden_wherever_they_stand() -> None:
    redact = Redactor(["hunter2"])
    assert redact.text("a-hunter2b hunter2") == "a-<sensitive>b <sensitive>"


def test_short_secrets_are_hidden_as_words_only() -> None:
    """A password "x" does not make holes in the name of every program."""
    redact = Redactor(["x"])
    assert redact.text("qemu-system-x86_64 -p x 'x' box") == "qemu-system-x86_64 -p <sensitive> '<sensitive>' box"


def test_lines_of_a_text_are_hidden_but_not_its_brackets() -> None:
    redact = Redactor(['{\n  "key": "hunter2"\n}\n'])
    assert redact.text('{ "a": 1 }') == '{ "a": 1 }'
    assert redact.text('said "key": "hunter2"!') == "said <sensitive>!"


@given(st.lists(st.text("ab{ \n", max_size=20), max_size=6), st.text("ab{ \n", max_size=80))
def test_it_hides_what_one_pattern_of_all_secrets_would(secrets: list[str], text: str) -> None:
    redact = Redactor()
    for secret in secrets:
        redact.add(secret)
    assert redact.text(text) == hidden(text, secrets)
