"""Parses HCL: text to syntax tree.

Gives a tree in any case. What is wrong is reported, and the rest of the text is still read: a broken argument doesn't
hide its neighbours.
"""

from __future__ import annotations

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.lalr import Machine
from hclimg.lang.nodes import Nodes
from hclimg.lang.source import read_source
from hclimg.lang.syntax import Body, Expr, Literal
from hclimg.lang.tables import load
from hclimg.lang.tokens import Token, scan, scan_template
from hclimg.lang.values import unknown

__all__ = ["parse_body", "parse_expression", "parse_template", "read_source"]


def parse_body(source: SourceText, diags: Diagnostics) -> Body:
    """The body of a file. An argument whose value could not be read has an unknown one."""
    made = _run(source, diags, "file", scan(source.text))
    return made if isinstance(made, Body) else Body(source, 0, len(source.text), (), whole=False)


def parse_expression(source: SourceText, diags: Diagnostics, at: int = 0) -> Expr:
    """A single expression, which begins at an offset; an unknown value when it could not be read."""
    return _expr(source, _run(source, diags, "expression", scan(source.text, at)))


def parse_template(source: SourceText, diags: Diagnostics) -> Expr:
    """A text that is a template as a whole, like the inside of a heredoc."""
    return _expr(source, _run(source, diags, "template", scan_template(source.text)))


def _expr(source: SourceText, made: object) -> Expr:
    return made if isinstance(made, Expr) else Literal(source, 0, len(source.text), unknown())


def _run(source: SourceText, diags: Diagnostics, start: str, tokens: list[Token]) -> object:
    found = Diagnostics()
    nodes = Nodes(source, found)

    def recover(machine: Machine) -> bool:
        from hclimg.lang.recovery import Recovery  # on the first error only

        machine.recover = Recovery(nodes)
        return machine.recover(machine)

    made: object = Machine(load("hcl2"), nodes, start, tokens, recover).run()
    diags.extend(sorted(found, key=lambda d: d.subject.start if d.subject else 0))
    return made
