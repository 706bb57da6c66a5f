"""HCL's JSON syntax: a JSON text to the syntax tree that native syntax makes too.

A file is a body of properties; which of them are blocks only the reader of the body knows (:mod:`hclimg.lang.shape`).
Strings are templates where a value is wanted and plain text elsewhere, so both meanings are kept until then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang import syntax
from hclimg.lang.json_scan import scan
from hclimg.lang.json_tree import JsonArray, JsonConstant, JsonNode, JsonNumber, JsonObject, JsonString, kind_of
from hclimg.lang.syntax import Body, Expr, Literal, ObjectCons, ObjectItem, TupleCons
from hclimg.lang.values import boolean, null, parse_number, string, unknown

Text: TypeAlias = Callable[[JsonString], Expr]
"""What a string means, as a value or as the key of an object."""


def parse_json_body(source: SourceText, diags: Diagnostics) -> Body:
    """The body of a file; empty when the text holds none."""
    from hclimg.lang.shape import body_of

    before = len(diags)
    root = scan(source, diags)
    whole = len(diags) == before
    if isinstance(root, JsonObject | JsonArray):
        body = body_of(value_expr(root, template_text, diags, syntax.JsonObject), diags)
        return Body(source, body.start, body.end, body.items, whole=whole)
    if root is not None and whole:
        detail = f"The root value must be an object or a list of objects, but this is {kind_of(root)}."
        diags.error("Root value must be object", detail, subject=root.range)
    return Body(source, 0, len(source.text), (), whole=False)


def parse_json_expression(source: SourceText, diags: Diagnostics) -> Expr:
    """A text that is one value; an unknown one when it cannot be read."""
    root = scan(source, diags)
    if root is None:
        return Literal(source, 0, len(source.text), unknown())
    return value_expr(root, template_text, diags, syntax.JsonObject)


def value_expr(node: JsonNode, text: Text, diags: Diagnostics, object_kind: type[ObjectCons] = ObjectCons) -> Expr:
    """A JSON value as an expression; ``text`` says what strings and keys mean."""

    def made(node: JsonNode) -> Expr:
        source, start, end = node.source, node.start, node.end
        if isinstance(node, JsonString):
            return text(node)
        if isinstance(node, JsonArray):
            return TupleCons(source, start, end, tuple(map(made, node.items)))
        if isinstance(node, JsonObject):
            members = [ObjectItem(source, m.key.start, m.value.end, text(m.key), made(m.value)) for m in node.members]
            return object_kind(source, start, end, tuple(members))
        return _scalar(node, diags)

    return made(node)


def _scalar(node: JsonNode, diags: Diagnostics) -> Expr:
    if isinstance(node, JsonConstant):
        value = null() if node.value is None else boolean(node.value)
        return Literal(node.source, node.start, node.end, value)
    assert isinstance(node, JsonNumber)
    try:
        return Literal(node.source, node.start, node.end, parse_number(node.text))
    except ValueError:
        detail = "Numbers of this size are not supported; at most 78,000 digits are."
        diags.error("Invalid number literal", detail, subject=node.range)
        return Literal(node.source, node.start, node.end, unknown())


def plain_text(node: JsonString) -> Expr:
    """The text as it is."""
    return Literal(node.source, node.start, node.end, string(node.text))


def template_text(node: JsonString) -> Expr:
    """A template if there is something in the text that makes it one."""
    if "${" not in node.text and "%{" not in node.text:
        return plain_text(node)
    from hclimg.lang.embedded import template_in

    found = Diagnostics()
    template = template_in(node, found)
    return syntax.JsonTemplate(node.source, node.start, node.end, node.text, template, tuple(found))
