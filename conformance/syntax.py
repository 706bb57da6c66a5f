"""What the syntax groups share: parsing a text and comparing the verdict with HCL's."""

from __future__ import annotations

from conformance.model import Failed, expect
from conformance.oracle import go_complaint
from hclimg.diagnostics import Diagnostic, Diagnostics, Range, SourceText
from hclimg.lang.parse import parse_body, parse_template
from hclimg.lang.syntax import Block, Body, Expr, Literal


def parsed(text: str, filename: str = "case.hcl") -> tuple[Body, list[Diagnostic]]:
    diags = Diagnostics()
    body = parse_body(SourceText(filename, text.removeprefix("\ufeff")), diags)
    return body, diags.errors


def template_errors(text: str) -> list[Diagnostic]:
    diags = Diagnostics()
    parse_template(SourceText("case.tmpl", text), diags)
    return diags.errors


def agree_with_go(text: str) -> None:
    """The text must be accepted or refused as Go does it, and refused with a place."""
    _, errors = parsed(text)
    complaint = go_complaint(text)
    if errors and not complaint:
        raise Failed(f"refused: {errors[0]}")
    expect(bool(errors) == bool(complaint), f"accepted, but HCL says: {complaint}")
    expect(all(error.subject is not None for error in errors), "an error has no place")


def must_parse(text: str) -> None:
    _, errors = parsed(text)
    if errors:
        raise Failed(str(errors[0]))


def places(error: Block) -> tuple[int, ...]:
    """The range that a test file gives for an error: line and column of ``from`` and ``to``."""
    ends = [end.body.attributes for end in error.body.blocks]
    return tuple(_whole(end[name].expr) for end in ends for name in ("line", "column"))


def _whole(expr: Expr) -> int:
    if not isinstance(expr, Literal):
        raise Failed("the test file has no plain number there")
    return int(expr.value.raw)


def span(where: Range) -> tuple[int, int, int, int]:
    """Line and column of a range's begin and end."""
    first, last = where.begin, where.finish
    return first.line, first.column, last.line, last.column
