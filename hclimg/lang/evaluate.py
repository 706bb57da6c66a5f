"""Values of expressions.

Evaluation never raises for what the user wrote: it reports diagnostics in HCL's words and goes on with an unknown
value, which passes quietly through everything around it, so that one mistake makes one error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.diagnostics import Absence, Range, Related, did_you_mean, one_of

# The other kinds of expressions register themselves:
from hclimg.lang import calls as calls
from hclimg.lang import loops as loops
from hclimg.lang import operations as operations
from hclimg.lang import operators, syntax
from hclimg.lang import templates as templates
from hclimg.lang.dispatch import bounded, converted, handles, report, value_of
from hclimg.lang.limits import Rounds
from hclimg.lang.operators import OperationError
from hclimg.lang.references import Reference, references
from hclimg.lang.scope import Scope
from hclimg.lang.types import STRING, ObjectType
from hclimg.lang.values import NO_MARKS, Unknown, Value, object_of, string, tuple_of, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hclimg.diagnostics import Diagnostics
    from hclimg.lang.syntax import Expr

__all__ = ["Reference", "Scope", "evaluate", "references"]


def evaluate(expr: Expr, scope: Scope, diags: Diagnostics) -> Value:
    """The value of an expression; unknown when a problem was reported."""
    try:
        with Rounds():
            return value_of(expr, scope, diags)
    except RecursionError:
        detail = "This expression is nested too deeply to be evaluated. Move parts of it to locals of their own."
        diags.error("Expression too deep", detail, subject=expr.range)
        return unknown()


@handles(syntax.Literal)
def _literal(expr: syntax.Literal, _scope: Scope, _diags: Diagnostics) -> Value:
    return expr.value


@handles(syntax.Variable)
def _variable(expr: syntax.Variable, scope: Scope, diags: Diagnostics) -> Value:
    value = scope.variable(expr.name)
    if value is not None:
        return value
    names = scope.variable_names()
    if names is None:
        diags.error("Variables not allowed", "Variables may not be used here.", subject=expr.range)
    elif expr.name == "each":
        detail = "each is only there in a block that has for_each, in its arguments and in all that it contains."
        diags.error("Unknown variable", f"{detail} Did you forget for_each?", subject=expr.range)
    else:
        from hclimg.lang import habits

        alone = expr.source.text[expr.end : expr.end + 1] not in (".", "[")
        hint = habits.name(expr.name, names, _members(scope), alone=alone)
        diags.error("Unknown variable", f'There is no variable named "{expr.name}".{hint}', subject=expr.range)
    return unknown()


def _members(scope: Scope) -> dict[str, Iterable[str]]:
    """The names that stand behind ``var`` and the like."""
    found: dict[str, Iterable[str]] = {}
    for root in ("var", "local", "data"):
        value = scope.variable(root)
        if value is not None and isinstance(value.type, ObjectType):
            found[root] = value.type.attributes
    return found


@handles(syntax.GetAttr)
def _get_attr(expr: syntax.GetAttr, scope: Scope, diags: Diagnostics) -> Value:
    value = value_of(expr.object, scope, diags)
    try:
        return operators.attribute(value, expr.name)
    except OperationError as error:
        at = Range(expr.source, expr.object.end, expr.end)
        undeclared = _undeclared(expr, value)
        if undeclared:
            diags.error(*undeclared, subject=at, absence=Absence.DECLARATION)
        else:
            report(diags, error.summary, error.detail, at, expr.object, scope)
        return unknown()


# What the root objects of a template hold, for those who misspell a name in them.
_DECLARED = {
    "var": ("variable", 'variable "{}" {{ … }}'),
    "local": ("local value", "locals {{ {} = … }}"),
    "input": ("input", 'input "{}" {{ … }}'),
    "module": ("module", 'module "{}" {{ source = … }}'),
}


def _undeclared(expr: syntax.GetAttr, value: Value) -> tuple[str, str] | None:
    """Summary and detail for ``var.x`` without a variable x; None for any other problem."""
    if not isinstance(value.type, ObjectType):
        return None
    names, at = value.type.attributes, expr.object
    if isinstance(at, syntax.GetAttr) and isinstance(at.object, syntax.Variable) and at.object.name == "data":
        detail = f'There is no data "{at.name}" "{expr.name}" block.{one_of(expr.name, names, "Those of this type:")}'
        return "Undeclared data source", detail
    root = at.name if isinstance(at, syntax.Variable) else ""
    if root == "data":
        form = " A data source is referred to as data.TYPE.NAME.ATTRIBUTE."
        hint = one_of(expr.name, names, "The types are") if names else form
        return "Undeclared data source", f'There is no data source of the type "{expr.name}".{hint}'
    if root not in _DECLARED:
        return None
    what, declaration = _DECLARED[root]
    hint = did_you_mean(expr.name, names) or f" Declare it: {declaration.format(expr.name)}"
    return f"Undeclared {what}", f'There is no {what} named "{expr.name}".{hint}'


@handles(syntax.Index)
def _index(expr: syntax.Index, scope: Scope, diags: Diagnostics) -> Value:
    value = value_of(expr.object, scope, diags)
    key = value_of(expr.key, scope, diags)
    try:
        return operators.index(value, key)
    except OperationError as error:
        at = Range(expr.source, expr.object.end, expr.end)
        report(diags, error.summary, error.detail, at, expr, scope)
        return unknown()


@handles(syntax.Paren)
def _paren(expr: syntax.Paren, scope: Scope, diags: Diagnostics) -> Value:
    return value_of(expr.inner, scope, diags)


@handles(syntax.TupleCons)
def _tuple(expr: syntax.TupleCons, scope: Scope, diags: Diagnostics) -> Value:
    return bounded(tuple_of([value_of(item, scope, diags) for item in expr.items]), expr, diags)


@handles(syntax.ObjectCons)
def _object(expr: syntax.ObjectCons, scope: Scope, diags: Diagnostics) -> Value:
    items: dict[str, Value] = {}
    marks, known = NO_MARKS, True
    for item in expr.items:
        key = _object_key(item.key, scope, diags)
        value = value_of(item.value, scope, diags)
        if key is None or type(key.raw) is Unknown:
            known = False
            continue
        marks |= key.marks
        items[key.raw] = value
    # Without all the names there is no type either.
    result = object_of(items) if known else unknown()
    return bounded(result, expr, diags).with_marks(marks)


@handles(syntax.JsonObject)
def _json_object(expr: syntax.JsonObject, scope: Scope, diags: Diagnostics) -> Value:
    """Unlike HCL's own objects, those of JSON cannot have a key twice."""
    items: dict[str, Value] = {}
    first: dict[str, Range] = {}
    marks, known = NO_MARKS, True
    for item in expr.items:
        key = _object_key(item.key, scope, diags)
        value = value_of(item.value, scope, diags)
        if key is None or type(key.raw) is Unknown:
            known = False
        elif first.setdefault(key.raw, item.key.range).start != item.key.start:
            detail = f'An attribute named "{key.raw}" was already defined at {first[key.raw]}.'
            related = (Related("first defined here", first[key.raw]),)
            diags.error("Duplicate object attribute", detail, subject=item.key.range, related=related)
        else:
            marks |= key.marks
            items[key.raw] = value
    return (object_of(items) if known else unknown()).with_marks(marks)


@handles(syntax.JsonTemplate)
def _json_template(expr: syntax.JsonTemplate, scope: Scope, diags: Diagnostics) -> Value:
    if expr.problems:
        diags.extend(expr.problems)
        return unknown()
    return value_of(expr.template, scope, diags)


def _object_key(expr: Expr, scope: Scope, diags: Diagnostics) -> Value | None:
    """The key as a string, or None when there is none."""
    if isinstance(expr, syntax.Variable):
        return string(expr.name)
    if isinstance(expr, syntax.Literal) and expr.source.text[expr.start : expr.end] in ("true", "false", "null"):
        return string(expr.source.text[expr.start : expr.end])
    if isinstance(expr, syntax.GetAttr) and _is_traversal(expr):
        detail = (
            "If this expression is intended to be a reference, wrap it in parentheses. If it's instead intended as a "
            "literal name containing periods, wrap it in quotes to create a string literal."
        )
        diags.error("Ambiguous attribute key", detail, subject=expr.range)
        return None
    key = value_of(expr, scope, diags)
    if key.raw is None:
        report(diags, "Null value as key", "Can't use a null value as a key.", expr.range, expr, scope)
        return None
    return converted(key, STRING, expr, scope, diags, "Incorrect key type", "Can't use this value as a key: {}.")


def _is_traversal(expr: Expr) -> bool:
    while isinstance(expr, syntax.GetAttr | syntax.Index):
        expr = expr.object
    return isinstance(expr, syntax.Variable)
