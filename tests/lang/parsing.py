"""Parses texts for tests and shows trees and diagnostics as text."""

from __future__ import annotations

from typing import Any

from hclimg.diagnostics import Diagnostic, Diagnostics, SourceText
from hclimg.lang import syntax
from hclimg.lang.parse import parse_body, parse_expression, parse_template
from hclimg.lang.syntax import Body, Expr
from hclimg.lang.values import to_python


def body_of(text: str) -> Body:
    """The tree of a text that has no mistakes."""
    diags = Diagnostics()
    body = parse_body(SourceText("t.hcl", text), diags)
    assert [str(d) for d in diags] == []
    return body


def expr_of(text: str) -> Expr:
    diags = Diagnostics()
    expr = parse_expression(SourceText("t.hcl", text), diags)
    assert [str(d) for d in diags] == []
    return expr


def template_of(text: str) -> Expr:
    diags = Diagnostics()
    expr = parse_template(SourceText("t.hcl", text), diags)
    assert [str(d) for d in diags] == []
    return expr


def errors_of(text: str) -> list[Diagnostic]:
    diags = Diagnostics()
    parse_body(SourceText("t.hcl", text), diags)
    return diags.errors


def sketch(node: Any) -> Any:
    """A tree as nested lists: the node's kind and what is in it, without places."""
    if isinstance(node, syntax.Literal):
        return to_python(node.value)
    if isinstance(node, tuple):
        return [sketch(item) for item in node]
    if isinstance(node, syntax.Name):
        return node.text
    if not isinstance(node, syntax.Node):
        return node
    fields = [n for n in node.__attrs_names__() if n not in ("source", "start", "end")]
    return [type(node).__name__, *(sketch(getattr(node, name)) for name in fields)]


def shown(diagnostic: Diagnostic) -> str:
    """A diagnostic in one line: where, what, and what else is shown."""
    assert diagnostic.subject is not None
    first, last = diagnostic.subject.begin, diagnostic.subject.finish
    to = f"{last.column}" if last.line == first.line else f"{last.line}:{last.column}"
    inside = f" [in {diagnostic.context}]" if diagnostic.context else ""
    related = "".join(f" ({r.message}: {r.range.begin.line}:{r.range.begin.column})" for r in diagnostic.related)
    return f"{first.line}:{first.column}-{to} {diagnostic.summary}. {diagnostic.detail}{inside}{related}"
