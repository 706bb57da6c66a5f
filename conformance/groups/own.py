"""Our own cases, in ``conformance/cases``: for each NAME.hcl a NAME.t says what must come of it.

``result`` has the values of the file's arguments, ``blocks`` the headers of its blocks; an ``error`` in ``diagnostics``
has a summary and the range ``from … to …``. Cases of several files are folders of their own groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from conformance.model import Case, Failed, Group, expect
from conformance.syntax import parsed, places, span
from hclimg.diagnostics import Diagnostics
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.functions import standard_functions
from hclimg.lang.nodes import header_text
from hclimg.lang.syntax import Block, Body, Literal
from hclimg.lang.values import object_of, to_python

CASES = Path(__file__).parents[1] / "cases" / "syntax"


def _cases(_: Path) -> Iterator[Case]:
    for path in sorted(CASES.glob("*.hcl")):
        yield Case(path.stem, partial(_check, path))


def _check(path: Path) -> None:
    wanted, problems = parsed(path.with_suffix(".t").read_text(), path.stem + ".t")
    expect(not problems, f"{path.stem}.t: {problems}")
    body, errors = parsed(path.read_text(), path.name)
    found = [(e.summary, *span(e.subject)) for e in errors if e.subject]
    expected = [(_text(e, "summary"), *places(e)) for d in wanted.blocks for e in d.body.blocks]
    expect(found == expected, f"errors {found}, expected {expected}")
    for name, attribute in wanted.attributes.items():
        value = to_python(evaluate(attribute.expr, _scope(path), Diagnostics()))
        actual = _values(body, path) if name == "result" else [header_text((b.type, *b.labels)) for b in body.blocks]
        expect(actual == value, f"{name} is {actual!r}, expected {value!r}")


def _text(error: Block, name: str) -> str:
    expr = error.body.attributes[name].expr
    assert isinstance(expr, Literal)
    return str(expr.value.raw)


def _values(body: Body, path: Path) -> object:
    diags = Diagnostics()
    values = {name: evaluate(a.expr, _scope(path), diags) for name, a in body.attributes.items()}
    if diags.has_errors:
        raise Failed(str(diags.errors[0]))
    return to_python(object_of(values))


def _scope(path: Path) -> Scope:
    return Scope({}, standard_functions(path.parent, datetime(2024, 1, 1, tzinfo=UTC)))


GROUPS = (Group("own-syntax", "our own cases: values, blocks and errors of small files", _cases),)
