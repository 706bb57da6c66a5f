"""HCL inside of the strings of a JSON text: what is made of it stands where the string is written.

An offset in the string is not one in the text: there are escapes in between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import attrs

from hclimg.diagnostics import Diagnostics, Range, SourceText
from hclimg.lang.json_tree import JsonString
from hclimg.lang.lalr import Machine
from hclimg.lang.nodes import Nodes
from hclimg.lang.parse import parse_expression, parse_template
from hclimg.lang.syntax import Expr, Literal
from hclimg.lang.tables import load
from hclimg.lang.tokens import Token, scan, scan_template
from hclimg.lang.values import unknown


def template_in(string: JsonString, diags: Diagnostics) -> Expr:
    """The string as a template."""
    made = _run("template", scan_template(string.text), string, diags)
    if made is None:
        made = _explained(parse_template, string, diags)
    placed: Expr = attrs.evolve(cast("Any", made), source=string.source, start=string.start, end=string.end)
    return placed


def expression_in(string: JsonString, diags: Diagnostics) -> Expr:
    """The string as an expression, as in ``"type": "list(string)"``."""
    made = _run("expression", scan(string.text), string, diags)
    if made is None:
        made = _explained(parse_expression, string, diags)
    return made


def _run(rule: str, tokens: list[Token], string: JsonString, diags: Diagnostics) -> Expr | None:
    """What the tokens make; None when they are not right."""
    places = string.places()
    for token in tokens:
        token.start, token.end = places[token.start], places[token.end]
    made: object = Machine(load("hcl2"), Nodes(string.source, diags), rule, tokens, lambda _: False).run()
    return made if isinstance(made, Expr) else None


def _explained(parse: Callable[[SourceText, Diagnostics], Expr], string: JsonString, diags: Diagnostics) -> Expr:
    """Read it as a text of its own, which finds out what is wrong, and show that in the JSON text."""
    text, found = SourceText(string.source.filename, string.text), Diagnostics()
    parse(text, found)
    places = string.places()

    def moved(at: Range) -> Range:
        return string.source.range(places[at.start], places[at.end])

    for item in found:
        related = tuple([attrs.evolve(other, range=moved(other.range)) for other in item.related])
        subject = moved(item.subject) if item.subject else string.range
        diags.items.append(attrs.evolve(item, subject=subject, related=related))
    return Literal(string.source, string.start, string.end, unknown())
