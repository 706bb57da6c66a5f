"""Evaluates expressions for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hclimg.diagnostics import Diagnostic, Diagnostics, SourceText
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.functions import standard_functions
from hclimg.lang.parse import parse_expression
from hclimg.lang.values import Value, from_python, object_of, to_python

TIME = datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC)


def scope(variables: dict[str, Any] | None = None, folder: Path = Path("/nowhere")) -> Scope:
    """A scope with all functions; ``variables`` become ``var.…``."""
    values = {name: from_python(value) for name, value in (variables or {}).items()}
    return Scope({"var": object_of(values)}, standard_functions(folder, TIME))


def value_of(text: str, folder: Path = Path("/nowhere"), **variables: Any) -> Value:
    """The value of an expression that has one."""
    diags = Diagnostics()
    expr = parse_expression(SourceText("test.hcl", text), diags)
    assert not diags.items, diags.items
    value = evaluate(expr, scope(variables, folder), diags)
    assert not diags.items, [str(d) for d in diags]
    return value


def python_of(text: str, folder: Path = Path("/nowhere"), **variables: Any) -> Any:
    return to_python(value_of(text, folder, **variables))


def problems_of(text: str, folder: Path = Path("/nowhere"), **variables: Any) -> list[Diagnostic]:
    """The diagnostics of an expression that parses but has no value."""
    diags = Diagnostics()
    expr = parse_expression(SourceText("test.hcl", text), diags)
    assert not diags.items, diags.items
    value = evaluate(expr, scope(variables, folder), diags)
    assert diags.has_errors, value
    return diags.errors


def problem_of(text: str, folder: Path = Path("/nowhere"), **variables: Any) -> Diagnostic:
    """The only diagnostic of an expression."""
    (problem,) = problems_of(text, folder, **variables)
    return problem
