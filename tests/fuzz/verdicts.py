"""Whether our parser and Go's, in the same process, accept the same texts; and where it is known that they do not."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from conformance.oracle import go_complaint
from hclimg.diagnostics import Diagnostic, Diagnostics, SourceText
from hclimg.lang.parse import parse_body

# Go writes out all digits of such a number, which takes it minutes; for us it is a mistake ("at most 78,000 digits").
HUGE: Final = re.compile(r"[0-9][eE][+-]?[0-9]{5}")


@frozen
class Difference:
    """A text that one parser accepts and the other refuses; what that one says is in ``ours`` or ``theirs``."""

    text: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        verdict = f"we refuse it: {self.ours}" if self.ours else f"Go refuses it: {self.theirs}"
        return f"{self.text!r}\n    {verdict}"


def difference(text: str) -> Difference | None:
    """How the verdicts on a text differ; None when they do not."""
    errors, complaint = errors_of(text), go_complaint(text)
    if bool(errors) == bool(complaint):
        return None
    return Difference(text, str(errors[0]) if errors else "", complaint)


def errors_of(text: str) -> list[Diagnostic]:
    """What we say is wrong. Every error must have a place in the text."""
    diags = Diagnostics()
    parse_body(SourceText("t", text.removeprefix("\ufeff")), diags)
    for error in diags:
        assert error.subject is not None, error
        assert 0 <= error.subject.start <= error.subject.end <= len(text), error
    return diags.errors


def is_comparable(text: str) -> bool:
    """pygohcl reads C strings, and text that is no UTF-8 does not reach either parser."""
    return "\0" not in text and not HUGE.search(text) and not any("\ud800" <= c <= "\udfff" for c in text)
