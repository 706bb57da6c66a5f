"""Expressions and their values: our own cases, answered by Packer and Terraform."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from conformance.model import Case, Failed, Group, expect
from conformance.typed import PRIMITIVES, type_of
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.convert import convert
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.functions import jsonvalues, standard_functions
from hclimg.lang.parse import parse_expression
from hclimg.lang.typeexpr import parse_type
from hclimg.lang.types import Type
from hclimg.lang.values import (
    SENSITIVE,
    Value,
    deep_marks,
    from_python,
    null,
    object_of,
    string,
    unknown,
    unmark_deep,
)

_TIMESTAMP = datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC)


def _cases(corpus: Path) -> Iterable[Case]:
    path = corpus / "hcl-eval-cases.json"
    if path.is_file():
        for case in json.loads(path.read_text()):
            yield Case(case["id"], partial(_check, corpus, case))


def _check(corpus: Path, case: dict[str, Any]) -> None:
    wanted = _wanted(case)
    diags = Diagnostics()
    value = _value(corpus, case, diags)
    if "error" in wanted:
        expect(diags.has_errors, f"no error for {case['expr']!r}, but {value!r}")
        return
    if diags.has_errors:
        raise Failed(f"{case['expr']!r}: {diags.errors[0]}")
    if wanted.get("unknown"):
        expect(not value.is_wholly_known, f"{case['expr']!r} is known: {value!r}")
    else:
        _check_known(case["expr"], wanted, value)
    if "type" in wanted:
        expect(value.type == type_of(wanted["type"]), f"{case['expr']!r}: type {value.type!r}, not {wanted['type']}")
    marked = SENSITIVE in deep_marks((value,))
    expect(marked == bool(case.get("sensitive")), f"{case['expr']!r}: {'' if marked else 'not '}sensitive")


def _wanted(case: dict[str, Any]) -> dict[str, Any]:
    """The answer to keep: the one of the Packer that we follow, where it is another than the oracle's."""
    if "packer_1_16" in case:
        answer: dict[str, Any] = case["packer_1_16"]
        return answer
    # Terraform does not know what comes of a null argument; Packer formats it or refuses it.
    older = case.get("packer_1_6_6")
    return older if case.get("unknown") and isinstance(older, dict) else case


def _check_known(expr: str, wanted: dict[str, Any], value: Value) -> None:
    if "expect_json" in wanted:
        text = jsonvalues.encode(unmark_deep(value))
        expect(text == wanted["expect_json"], f"{expr!r} is {text[:200]}, not {wanted['expect_json'][:200]}")
    elif isinstance(wanted.get("expect"), dict) and "$number" in wanted["expect"]:
        number = float(wanted["expect"]["$number"])
        expect(value.raw == number, f"{expr!r} is {value!r}, not {number}")


def _value(corpus: Path, case: dict[str, Any], diags: Diagnostics) -> Value:
    folder = corpus.parent / case.get("basedir", "corpus")
    expr = parse_expression(SourceText("case.hcl", case["expr"]), diags)
    if diags.has_errors:
        return unknown()
    variables = {name: _variable(spec) for name, spec in case.get("vars", {}).items()}
    scope = Scope(
        {
            "var": object_of(variables),
            "local": object_of({}),
            "path": object_of({"root": string(str(folder)), "cwd": string(str(folder))}),
        },
        standard_functions(folder, _TIMESTAMP),
    )
    return evaluate(expr, scope, diags)


def _variable(spec: dict[str, Any]) -> Value:
    wanted = _type(spec["type"])
    if spec.get("unknown"):
        return unknown(wanted)
    value = null(wanted) if spec["value"] is None else convert(from_python(spec["value"]), wanted)
    return value.with_marks(frozenset((SENSITIVE,))) if spec.get("sensitive") else value


def _type(text: str) -> Type:
    if text in PRIMITIVES:
        return PRIMITIVES[text]
    return parse_type(parse_expression(SourceText("type", text), Diagnostics()), Diagnostics()).type


GROUPS = (Group("hcl-eval-cases", "expressions with the answers of Packer and Terraform", _cases),)
