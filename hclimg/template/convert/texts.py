"""The values of arguments as a careful person writes them: ``var.x`` bare, long lists over several lines, heredocs."""

from __future__ import annotations

from collections.abc import Iterator

from hclimg.lang.syntax import (
    Expr,
    Literal,
    ObjectCons,
    ObjectItem,
    Template,
    TemplateFor,
    TemplateIf,
    TemplateWrap,
    TupleCons,
)
from hclimg.lang.unparse import expression_text, key_text
from hclimg.lang.unparse_json import template_source

LONGEST_LINE = 100
"""Characters of a list that still stands on one line."""
_DEEPEST = 100
"""What nests deeper than this is not laid out any more."""

_MARKER = "EOT"


def value_text(expr: Expr, depth: int = 0) -> str:
    """The text of an argument's value; lines are not indented yet."""
    while isinstance(expr, TemplateWrap):
        expr = expr.inner
    if depth > _DEEPEST:
        return expression_text(expr)
    if isinstance(expr, TupleCons):
        return _list_text(expr, depth + 1)
    if isinstance(expr, ObjectCons):
        return "".join(_object_lines(expr, depth + 1)) if expr.items else "{}"
    return _heredoc(expr) or expression_text(expr)


def _list_text(expr: TupleCons, depth: int) -> str:
    items = [_item_text(item, depth) for item in expr.items]
    line = f"[{', '.join(items)}]"
    if len(line) <= LONGEST_LINE and "\n" not in line:
        return line
    return "\n".join(["[", *(f"{item}," for item in items), "]"])


def _item_text(expr: Expr, depth: int) -> str:
    """In a list no heredoc: the comma would have a line of its own."""
    while isinstance(expr, TemplateWrap):
        expr = expr.inner
    return value_text(expr, depth) if isinstance(expr, TupleCons | ObjectCons) else expression_text(expr)


def _object_lines(expr: ObjectCons, depth: int) -> Iterator[str]:
    yield "{\n"
    for item in expr.items:
        yield f"{_key(item)} = {_item_text(item.value, depth)}\n"
    yield "}"


def _key(item: ObjectItem) -> str:
    raw = item.key.value.raw if isinstance(item.key, Literal) else None
    return key_text(raw) if isinstance(raw, str) else expression_text(item.key)


# -- heredocs -----------------------------------------------------------------------


def _heredoc(expr: Expr) -> str:
    """A text of several whole lines as a heredoc; empty when it is none, or cannot be written so."""
    parts = expr.parts if isinstance(expr, Template) else (expr,)
    text = "".join(_heredoc_part(part) for part in parts)
    lines = text.split("\n")
    if len(lines) < 3 or lines[-1] or "\0" in text or any(line.strip() == _MARKER for line in lines):
        return ""
    return f"<<{_MARKER}\n{text}{_MARKER}"


def _heredoc_part(part: Expr) -> str:
    raw = part.value.raw if isinstance(part, Literal) else None
    if isinstance(part, TemplateIf | TemplateFor):
        return template_source(part)
    if not isinstance(raw, str):
        return f"${{{expression_text(part)}}}" if not isinstance(part, Literal) else "\0"
    if raw.endswith(("$", "%")) or any(char < " " and char not in "\n\t" for char in raw):
        return "\0"  # cannot be said without an escape
    return raw.replace("${", "$${").replace("%{", "%%{")
