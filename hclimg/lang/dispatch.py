"""How evaluation finds the code for a kind of expression, and how that code reports problems.

Modules register a handler for each kind; a handler gets the values of other expressions from :func:`value_of`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

import attrs

from hclimg.lang import operators
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.limits import LARGEST_TEXT, TooLarge, excess, joined
from hclimg.lang.operators import OperationError
from hclimg.lang.references import Reference, Steps, references
from hclimg.lang.show import described
from hclimg.lang.syntax import Expr
from hclimg.lang.types import NUMBER, STRING, ObjectType, Type
from hclimg.lang.values import Value, string, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hclimg.diagnostics import Diagnostics, Range
    from hclimg.lang.scope import Scope
    from hclimg.lang.syntax import Node

    Handler: TypeAlias = Callable[[Expr, Scope, Diagnostics], Value]

E = TypeVar("E", bound=Expr)

_HANDLERS: dict[type[Expr], Handler] = {}
_MOST_VALUES = 6


def handles(
    kind: type[E],
) -> Callable[[Callable[[E, Scope, Diagnostics], Value]], Callable[[E, Scope, Diagnostics], Value]]:
    """Register the decorated function as the one that evaluates ``kind``."""

    def register(function: Callable[[E, Scope, Diagnostics], Value]) -> Callable[[E, Scope, Diagnostics], Value]:
        _HANDLERS[kind] = cast("Handler", function)
        return function

    return register


def value_of(expr: Expr, scope: Scope, diags: Diagnostics) -> Value:
    """The value of an expression inside another one; raises RecursionError when it is too deep."""
    return _HANDLERS[type(expr)](expr, scope, diags)


def report(diags: Diagnostics, summary: str, detail: str, at: Range, expr: Node, scope: Scope) -> None:
    """Report an error at a place in ``expr``, with the values of what the expression refers to."""
    diags.error(summary, detail, subject=at, values=_values(expr, scope))


def _values(expr: Node, scope: Scope) -> tuple[tuple[str, str], ...]:
    """The references that took part in an expression, each with its value as text."""
    found: dict[str, str] = {}
    for reference in references(expr):
        name = str(reference)
        if name not in found and len(found) < _MOST_VALUES:
            steps, value = _look_up(reference, scope)
            # A whole namespace (``var``) says nothing.
            if value is not None and (steps or not isinstance(value.type, ObjectType)):
                found[str(attrs.evolve(reference, steps=steps))] = described(value)
    return tuple(found.items())


def _look_up(reference: Reference, scope: Scope) -> tuple[Steps, Value | None]:
    """The value of a reference, or of the part of it that has one."""
    value = scope.variable(reference.root)
    if value is None:
        return (), None
    for taken, step in enumerate(reference.steps):
        key = Value(NUMBER, step) if isinstance(step, int) else Value(STRING, step)
        try:
            value = operators.index(value, key)
        except OperationError:
            return reference.steps[:taken], value
    return reference.steps, value


def bounded(value: Value, expr: Node, diags: Diagnostics) -> Value:
    """The value of an expression, or an unknown one after a report that it holds too much."""
    reason = excess(value)
    if not reason:
        return value
    diags.error("Value too large", f"This value {reason}.", subject=expr.range)
    return unknown()


def text_of(pieces: Iterable[str], expr: Node, diags: Diagnostics) -> Value:
    """The pieces as one string, or an unknown one after a report that it would be too long."""
    try:
        return string(joined(pieces))
    except TooLarge:
        detail = f"This string is longer than {LARGEST_TEXT >> 20} Mi characters."
        diags.error("String too long", detail, subject=expr.range)
        return unknown(STRING, not_null=True)


def converted(
    value: Value, wanted: Type, expr: Node, scope: Scope, diags: Diagnostics, summary: str, detail: str
) -> Value | None:
    """The value converted, or None after the problem was reported; ``detail`` has a place for why."""
    try:
        return convert(value, wanted)
    except ConversionError as error:
        report(diags, summary, detail.format(error.message), expr.range, expr, scope)
        return None
