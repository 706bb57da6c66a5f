"""Diagnostics as text for people and as JSON for machines.

    quickstart.pkr.hcl:12:3: Error: Unsupported argument
      in provisioner "shell":
      12 |   inlin = ["date"]
         |   ^~~~~
      An argument named "inlin" is not expected here. Did you mean "inline"?

Plain text with a few escapes, no rich: most of the time that ``validate`` takes would be its import.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from hclimg.diagnostics import Diagnostic, Range, Related, Severity
from hclimg.ui.snippet import snippet
from hclimg.ui.theme import PLAIN, Theme

INDENT = "  "
JSON_FORMAT = "1.0"
PROSE = 100  # columns; longer lines are hard to read


def render(diagnostics: Iterable[Diagnostic], theme: Theme = PLAIN, width: int = 200, *, total: bool = True) -> str:
    """Everything that was reported, in its order; ``total`` adds a count of errors and warnings at the end."""
    items = list(diagnostics)
    blocks = ["\n".join(_lines(item, theme, width)) + "\n" for item in items]
    return "\n".join([*blocks, *([count(items, theme) + "\n"] if items and total else [])])


def count(diagnostics: Iterable[Diagnostic], theme: Theme = PLAIN) -> str:
    """``3 errors, 1 warning``."""
    severities = [d.severity for d in diagnostics]
    parts = []
    for severity in Severity:
        number = severities.count(severity)
        if number:
            parts.append(theme.paint(severity.value, f"{number} {severity.value}{'s' * (number != 1)}"))
    return ", ".join(parts)


def _lines(item: Diagnostic, theme: Theme, width: int) -> Iterator[str]:
    severity = theme.paint(item.severity.value, item.severity.capitalize() + ":")
    title = f"{severity} {theme.paint('emphasis', item.summary)}"
    if item.subject:
        place = f"{theme.paint('place', str(item.subject))}:"
        # Where the line is too short for both, a terminal would break it in the middle of a word.
        room = width - len(str(item.subject)) - len(item.severity.value) - len(item.summary) - 4
        yield from (place, title) if room < 0 else (f"{place} {title}",)
    else:
        yield title
    if item.context:
        yield f"{INDENT}in {item.context}:"
    if item.subject:
        yield from _snippet(item.subject, theme, item.severity.value, width)
    for name, shown in item.values:
        yield f"{INDENT}with {name} = {_one_line(shown, min(width, PROSE) - len(name) - 10)}"
    yield from _wrapped(item.detail, width)
    for related in item.related:
        yield from _related(related, theme, width)


def _related(related: Related, theme: Theme, width: int) -> Iterator[str]:
    yield f"{INDENT}{theme.paint('place', str(related.range))}: {related.message}"
    yield from _snippet(related.range, theme, "faint", width)


def _snippet(where: Range, theme: Theme, style: str, width: int) -> Iterator[str]:
    gutter = max(3, len(str(where.finish.line)))
    below = INDENT + theme.paint("faint", " " * gutter + " |")
    for line in snippet(where, width - gutter - len(INDENT) - 3):
        if not line.marks:
            yield theme.paint("faint", f"{INDENT}{line.number:>{gutter}}")
            continue
        yield f"{INDENT}{theme.paint('faint', f'{line.number:>{gutter}} |')} {line.code}".rstrip()
        indent, marks = line.marks.count(" "), line.marks.lstrip()
        yield f"{below} {' ' * indent}{theme.paint(style, marks)}"


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Paragraphs wrapped to the width; lines that begin with a space stay as they are: commands can be copied."""
    width = min(width, PROSE)
    for line in text.splitlines():
        if line.startswith(" ") or len(line) <= width - len(INDENT):
            yield (INDENT + line).rstrip()
            continue
        yield from textwrap.wrap(
            line, width, initial_indent=INDENT, subsequent_indent=INDENT, break_long_words=False, break_on_hyphens=False
        )


def _one_line(shown: str, room: int) -> str:
    flat = " ".join(shown.split())
    return flat if len(flat) <= max(20, room) else flat[: max(20, room) - 1] + "…"


def to_json(diagnostics: Iterable[Diagnostic]) -> dict[str, Any]:
    """The object that ``validate -json`` prints; its keys are those of ``terraform validate -json``."""
    items = list(diagnostics)
    errors = sum(d.severity is Severity.ERROR for d in items)
    return {
        "format_version": JSON_FORMAT,
        "valid": not errors,
        "error_count": errors,
        "warning_count": len(items) - errors,
        "diagnostics": [diagnostic_json(item) for item in items],
    }


def diagnostic_json(item: Diagnostic) -> dict[str, Any]:
    """One diagnostic in Terraform's shape; ``related`` is our own addition."""
    raw: dict[str, Any] = {"severity": item.severity.value, "summary": item.summary, "detail": item.detail}
    if item.subject:
        raw["range"] = _range_json(item.subject)
        raw["snippet"] = _snippet_json(item.subject, item.context)
        raw["snippet"]["values"] = [{"traversal": name, "statement": f"is {shown}"} for name, shown in item.values]
    if item.related:
        raw["related"] = [{"message": r.message, "range": _range_json(r.range)} for r in item.related]
    return raw


def _range_json(where: Range) -> dict[str, Any]:
    """An empty range, like that of something that lacks, is widened by one, so that there is something to mark."""
    start, end = _position_json(where, where.start), _position_json(where, where.end)
    if where.start == where.end:
        end = {"line": start["line"], "column": start["column"] + 1, "byte": start["byte"] + 1}
    return {"filename": where.filename, "start": start, "end": end}


def _position_json(where: Range, offset: int) -> dict[str, int]:
    at = where.source.position(offset)
    return {"line": at.line, "column": at.column, "byte": len(where.source.text[:offset].encode("utf-8", "replace"))}


def _snippet_json(where: Range, context: str) -> dict[str, Any]:
    """``code`` is whole lines; the highlight is a range of its characters, and a line's end is none of them."""
    starts = where.source.line_starts
    begin, finish = starts[where.begin.line - 1], where.finish
    last = max(finish.line - (finish.column == 1), where.begin.line)
    code = where.source.text[begin : starts[last] if last < len(starts) else None].rstrip("\r\n")
    first = min(where.start - begin, len(code))
    return {
        "context": context or None,
        "code": code,
        "start_line": where.begin.line,
        "highlight_start_offset": first,
        "highlight_end_offset": min(max(where.end - begin, first + 1), max(len(code), first)),
    }
