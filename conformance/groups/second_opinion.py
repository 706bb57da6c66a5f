"""The syntax tree beside that of python-hcl2, which has a grammar and a parser of its own.

Compared are the arguments and blocks of every file that both read: names, labels, their places, where each expression
begins and ends, and what plain literals say. Where python-hcl2 is known to be wrong, the case is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from conformance.model import Case, Failed, Group, Skipped, expect
from conformance.oracle import go_complaint
from conformance.syntax import parsed
from hclimg.lang.syntax import Attribute, Block, Body, Expr, Literal, Name
from hclimg.lang.types import NUMBER, STRING

# What an entry of a body is: kind, names, offsets, and the text of a plain literal.
Entry = tuple[Any, ...]


def _cases(corpus: Path) -> Iterator[Case]:
    if corpus.is_dir():
        for path in sorted(p for p in corpus.rglob("*.hcl") if p.is_file()):
            yield Case(str(path.relative_to(corpus)), partial(_agrees, path))


def _agrees(path: Path) -> None:
    text = path.read_bytes().decode("utf-8")
    if go_complaint(text):
        raise Skipped("not HCL")
    body, errors = parsed(text, path.name)
    expect(not errors, f"refused: {errors[:1]}")
    theirs, ours = _their_entries(text), list(_entries(body))
    for mine, other in zip(ours, theirs, strict=False):
        expect(mine == other, f"{mine}, python-hcl2 has {other}")
    expect(len(ours) == len(theirs), f"{len(ours)} entries, python-hcl2 has {len(theirs)}")


# -- ours ------------------------------------------------------------------------------


def _entries(body: Body) -> Iterator[Entry]:
    for item in body.items:
        if isinstance(item, Block):
            yield ("block", *[_named(name) for name in (item.type, *item.labels)])
            yield from _entries(item.body)
        else:
            yield _argument(item)


def _named(name: Name) -> tuple[str, int, int]:
    return name.text, name.start, name.end


def _argument(item: Attribute) -> Entry:
    expr = item.expr
    return ("argument", _named(item.name), expr.start, expr.start + len(expr.range.text.rstrip()), _literal(expr))


def _literal(expr: Expr) -> str:
    """A plain number or string as it is written; "" for anything else."""
    written = expr.range.text
    if isinstance(expr, Literal) and expr.value.type in (NUMBER, STRING) and not written.startswith("<<"):
        return written
    return ""


# -- theirs -----------------------------------------------------------------------------


def _their_entries(text: str) -> list[Entry]:
    try:
        import hcl2
    except ImportError:
        raise Skipped("python-hcl2 is not installed") from None
    try:
        tree = hcl2.parses(text)
    except Exception as error:  # noqa: BLE001 - it has no error of its own
        raise Skipped(f"python-hcl2 cannot read it: {type(error).__name__}") from None
    return list(_their_body(tree.children[0], text))


def _their_body(body: Any, text: str) -> Iterator[Entry]:
    for item in body.children:
        kind = type(item).__name__
        if kind == "AttributeRule":
            name, expr = item.children[0], item.children[-1]
            start, end = _place(expr)
            # An operation takes the newline behind it along.
            end = start + len(text[start:end].rstrip())
            yield ("argument", _their_name(name, text), start, end, _their_literal(expr, text))
        elif kind == "BlockRule":
            names = [part for part in item.children if type(part).__name__ in ("IdentifierRule", "StringRule")]
            yield ("block", *[_their_name(name, text) for name in names])
            bodies = [part for part in item.children if type(part).__name__ == "BodyRule"]
            for inner in bodies:
                yield from _their_body(inner, text)
        elif kind != "NewLineOrCommentRule":
            raise Failed(f"python-hcl2 has a {kind}")


def _place(rule: Any) -> tuple[int, int]:
    meta = rule._meta  # noqa: SLF001 - the only positions that it has
    return meta.start_pos, meta.end_pos


def _their_name(rule: Any, text: str) -> tuple[str, int, int]:
    """A keyword that is a name (``for_each``, ``true``) has the place of the whole argument there."""
    start, end = _place(rule)
    word = text[start:end] if text[start] == '"' else text[start:end].split()[0]
    return word.strip('"'), start, start + len(word)


def _their_literal(rule: Any, text: str) -> str:
    while type(rule).__name__ == "ExprTermRule" and len(inner := [part for part in rule.children if part]) == 1:
        rule = inner[0]
    kind = type(rule).__name__
    plain = kind in ("IntLitRule", "FloatLitRule") or (kind == "StringRule" and not _has_sequences(rule))
    start, end = _place(rule)
    return text[start:end] if plain else ""


def _has_sequences(rule: Any) -> bool:
    parts = [part for part in rule.children if type(part).__name__ == "StringPartRule"]
    return any(type(below).__name__.endswith("Rule") for part in parts for below in part.children)


GROUPS = (Group("python-hcl2", "arguments, blocks, places and literals beside python-hcl2's tree", _cases),)
