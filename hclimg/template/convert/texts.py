"""The values of arguments as a careful person writes them: ``var.x`` bare, long lists over several lines, heredocs."""

from __future__ import annotations

from collections.abc import Iterator

from hclimg.lang.syntax import Expr, Literal, ObjectCons, ObjectItem, Template, TemplateWrap, TupleCons
from hclimg.lang.unparse import expression_text, key_text

LONGEST_LINE = 100
"""Characters of a list that still stands on one line."""

_MARKER = "EOT"


def value_text(expr: Expr) -> str:
    """The text of an argument's value; lines are not indented yet."""
    if isinstance(expr, TemplateWrap):
        return value_text(expr.inner)
    if isinstance(expr, TupleCons):
        return _list_text(expr)
    if isinstance(expr, ObjectCons):
        return "".join(_object_lines(expr)) if expr.items else "{}"
    return _heredoc(expr) or expression_text(expr)


def _list_text(expr: TupleCons) -> str:
    items = [_item_text(item) for item in expr.items]
    line = f"[{', '.join(items)}]"
    if len(line) <= LONGEST_LINE and "\n" not in line:
        return line
    return "\n".join(["[", *(f"{item}," for item in items), "]"])


def _item_text(expr: Expr) -> str:
    """In a list no heredoc: the comma would have a line of its own."""
    if isinstance(expr, TemplateWrap):
        return _item_text(expr.inner)
    return value_text(expr) if isinstance(expr, TupleCons | ObjectCons) else expression_text(expr)


def _object_lines(expr: ObjectCons) -> Iterator[str]:
    yield "{\n"
    for item in expr.items:
        yield f"{_key(item)} = {_item_text(item.value)}\n"
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
    if not isinstance(raw, str):
        return f"${{{expression_text(part)}}}" if not isinstance(part, Literal) else "\0"
    if raw.endswith(("$", "%")) or any(char < " " and char not in "\n\t" for char in raw):
        return "\0"  # cannot be said without an escape
    return raw.replace("${", "$${").replace("%{", "%%{")
