"""Reads PowerShell as PowerShell's documentation says that it is read; there is no PowerShell to ask.

The grammar is tree-sitter's (PyPI ``tree-sitter-powershell``); what a string means is decoded here, after
about_Quoting_Rules and about_Special_Characters.
"""

from __future__ import annotations

import re

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_powershell.language()))
_SINGLE, _DOUBLE = "'\u2018\u2019\u201a\u201b", '"\u201c\u201d\u201e'
_ESCAPES = {"0": "\0", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def parse(code: str) -> Node:
    """Raises AssertionError when it is no PowerShell."""
    root = _PARSER.parse(code.encode()).root_node
    assert not root.has_error, code
    return root


def nodes(root: Node, kind: str) -> list[Node]:
    found = [root] if root.type == kind else []
    return found + [node for child in root.children for node in nodes(child, kind)]


def text(node: Node) -> str:
    return (node.text or b"").decode()


def assignments(code: str) -> dict[str, str]:
    """The variables that code sets to strings, by their names, with what they are set to."""
    found = {}
    for node in nodes(parse(code), "assignment_expression"):
        left, _, right = (child for child in node.children if child.is_named)
        found[_name(text(left))] = value(text(right))
    return found


def assignments_of(code: str) -> dict[str, str]:
    """The same for code that also sets variables to something else, which are left out; the first of each counts."""
    found = {}
    for node in nodes(parse(code), "assignment_expression"):
        left, _, right = (child for child in node.children if child.is_named)
        word = text(right)
        if word[0] in _SINGLE and [text(node) for node in nodes(right, "string_literal")] == [word]:
            found.setdefault(_name(text(left)), value(word))
    return found


def statements(code: str) -> list[str]:
    """The statements of code as text; of a ``try``, those that it tries, and of one with ``;`` its parts."""
    found = []
    for node in nodes(parse(code), "statement_list")[:1]:
        for child in node.children:
            if child.type == "try_statement":
                block = next(part for part in child.children if part.type == "statement_block")
                found += statements(text(block)[1:-1])
            elif child.is_named and child.type != "empty_statement":
                found.append(text(child).rstrip("; \n"))
    return found


def _name(variable: str) -> str:
    braced = re.fullmatch(r"\$\{(.*)\}", variable, re.DOTALL)
    return re.sub(r"`(.)", r"\1", braced[1]) if braced else variable.removeprefix("$")


def value(string: str) -> str:
    """What a string literal means. Raises AssertionError when it ends early, or holds what would be replaced."""
    quotes = _SINGLE if string[0] in _SINGLE else _DOUBLE
    assert {string[0], string[-1]} <= set(quotes), string
    inner, out, at = string[1:-1], [], 0
    while at < len(inner):
        char = inner[at]
        if char in quotes:
            assert inner[at + 1 : at + 2] in tuple(quotes), f"{string} ends at {at}"
            at += 1
        elif char == "`" and quotes is _DOUBLE:
            at += 1
            char = _ESCAPES.get(inner[at], inner[at])
        else:
            assert char != "$" or quotes is _SINGLE, f"{string} is not literal"
        out.append(char)
        at += 1
    return "".join(out)
