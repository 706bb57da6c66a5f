"""Evaluation of operators and conditionals, with HCL's rules for sides whose problems do not count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.diagnostics import Diagnostics, Range
from hclimg.lang import operators, syntax
from hclimg.lang.dispatch import converted, handles, report, value_of
from hclimg.lang.operators import OperationError
from hclimg.lang.types import (
    ANY,
    BOOL,
    NUMBER,
    STRING,
    ObjectType,
    PrimitiveType,
    TupleType,
    Type,
    friendly_name,
)
from hclimg.lang.unify import unify
from hclimg.lang.unknowns import between
from hclimg.lang.values import FALSE, TRUE, Unknown, Value, unknown, unknown_of_length

if TYPE_CHECKING:
    from hclimg.lang.scope import Scope
    from hclimg.lang.syntax import Expr


@handles(syntax.Unary)
def _unary(expr: syntax.Unary, scope: Scope, diags: Diagnostics) -> Value:
    given = value_of(expr.operand, scope, diags)
    value = _operand(expr.op, given, expr.operand, "unary", scope, diags)
    if value is None:
        return unknown(operators.result_type(expr.op))
    try:
        return operators.unary(expr.op, value)
    except OperationError as error:
        report(diags, error.summary, error.detail, expr.range, expr, scope)
        return unknown(operators.result_type(expr.op))


def _operand(op: str, value: Value, expr: Expr, which: str, scope: Scope, diags: Diagnostics) -> Value | None:
    wanted = operators.operand_type(op)
    if value.type is wanted:
        return value
    join = ' Texts are joined in a string: "${a}${b}".' if op == "+" and value.type is STRING else ""
    detail = f"Unsuitable value for {which} operand: {{}}.{join.replace('{', '{{').replace('}', '}}')}"
    return converted(value, wanted, expr, scope, diags, "Invalid operand", detail)


@handles(syntax.Binary)
def _binary(expr: syntax.Binary, scope: Scope, diags: Diagnostics) -> Value:
    # A long sum is a deep tree to the left; it takes no recursion.
    chain = [expr]
    while isinstance(chain[-1].left, syntax.Binary):
        chain.append(chain[-1].left)
    pending: list[Diagnostics] = []
    # The left side of a logical operator has diagnostics of its own, which the right side may make void.
    for link in chain:
        pending.append(diags)
        diags = Diagnostics() if link.op in operators.LOGIC else diags
    left = value_of(chain[-1].left, scope, diags)
    while chain:
        outer = pending.pop()
        link = chain.pop()
        left = _logical(link, left, diags, scope, outer) if diags is not outer else _plain(link, left, scope, diags)
        diags = outer
    return left


def _plain(expr: syntax.Binary, left: Value, scope: Scope, diags: Diagnostics) -> Value:
    right = value_of(expr.right, scope, diags)
    a = _operand(expr.op, left, expr.left, "left", scope, diags)
    if a is None and left.type is right.type is STRING:  # both are of the wrong type for the same reason
        return unknown(operators.result_type(expr.op))
    b = _operand(expr.op, right, expr.right, "right", scope, diags)
    if a is None or b is None:
        return unknown(operators.result_type(expr.op))
    return _operation(expr, a, b, scope, diags)


def _operation(expr: syntax.Binary, left: Value, right: Value, scope: Scope, diags: Diagnostics) -> Value:
    try:
        result = operators.binary(expr.op, left, right)
    except OperationError as error:
        report(diags, error.summary, error.detail, expr.range, expr, scope)
        result = unknown(operators.result_type(expr.op))
    return result.with_marks(left.marks | right.marks) if left.marks or right.marks else result


def _logical(expr: syntax.Binary, left: Value, left_diags: Diagnostics, scope: Scope, diags: Diagnostics) -> Value:
    """``&&`` and ``||``: a side that decides makes the other side's problems void, but not its wrong type."""
    right_diags = Diagnostics()
    right = value_of(expr.right, scope, right_diags)
    types = Diagnostics()
    a = _operand(expr.op, left, expr.left, "left", scope, types)
    b = _operand(expr.op, right, expr.right, "right", scope, types)
    if a is None or b is None:
        for reported in (types, left_diags, right_diags):
            diags.extend(reported)
        return unknown(BOOL)
    result, decisive = _short_circuit(expr.op, a, b, left_diags, right_diags)
    for reported in decisive:
        diags.extend(reported)
    if result is None:
        failed = left_diags.has_errors or right_diags.has_errors
        return unknown(BOOL) if failed else _operation(expr, a, b, scope, diags)
    return result.with_marks(a.marks | b.marks)


def _short_circuit(
    op: str, a: Value, b: Value, left: Diagnostics, right: Diagnostics
) -> tuple[Value | None, tuple[Diagnostics, ...]]:
    """The result, if one side settles it, and the diagnostics that count. Null counts as false here."""
    controlling = op == "||"
    if not a.is_known and not b.is_known:
        return (None, (left, right)) if left.has_errors else (unknown(BOOL, not_null=True), (left,))
    for side, reported in ((a, left), (b, right)):
        if side.is_known and bool(side.raw) is controlling:
            return (TRUE if controlling else FALSE), (reported,)
    if not a.is_known:
        return unknown(BOOL, not_null=True), (left,)
    if not b.is_known:
        return unknown(BOOL, not_null=True), (right,)
    return None, (left, right)


# -- conditionals ---------------------------------------------------------------


@handles(syntax.Conditional)
def _conditional(expr: syntax.Conditional, scope: Scope, diags: Diagnostics) -> Value:
    # Both results are needed for the type, but only the problems of the chosen one count.
    yes_diags, no_diags = Diagnostics(), Diagnostics()
    yes = value_of(expr.yes, scope, yes_diags)
    no = value_of(expr.no, scope, no_diags)
    wanted = _common_type(yes, no)
    if wanted is None:
        detail = _inconsistent(yes.type, no.type)
        report(diags, _INCONSISTENT, detail, Range(expr.source, expr.yes.start, expr.no.end), expr, scope)
        return unknown()
    condition = condition_of(expr.condition, scope, diags)
    if condition is None:
        return unknown(wanted)
    if type(condition.raw) is Unknown:
        return _either(yes, no, wanted).with_marks(condition.marks | yes.marks | no.marks)
    chosen, reported, part, name = (
        (yes, yes_diags, expr.yes, "true") if condition.raw else (no, no_diags, expr.no, "false")
    )
    diags.extend(reported)
    detail = f"The {name} result value has the wrong type: {{}}."
    result = converted(chosen, wanted, part, scope, diags, _INCONSISTENT, detail)
    return unknown(wanted) if result is None else result.with_marks(condition.marks)


def condition_of(expr: Expr, scope: Scope, diags: Diagnostics) -> Value | None:
    """The condition as a bool, or None after a problem was reported."""
    before = len(diags)
    condition = value_of(expr, scope, diags)
    if condition.raw is None:
        detail = "The condition value is null. Conditions must either be true or false."
        report(diags, "Null condition", detail, expr.range, expr, scope)
        return None
    if len(diags) > before:
        return None
    detail = "The condition expression must be of type bool."
    return converted(condition, BOOL, expr, scope, diags, "Incorrect condition type", detail)


def _common_type(yes: Value, no: Value) -> Type | None:
    """The type of a conditional; ``any`` when one of its sides is not known well enough."""
    if yes.type is ANY and yes.raw is None:
        return no.type
    if no.type is ANY and no.raw is None:
        return yes.type
    return ANY if ANY in (yes.type, no.type) else unify((yes.type, no.type))


def _either(yes: Value, no: Value, wanted: Type) -> Value:
    """The result when the condition is unknown: unknown, but for what both sides have in common."""
    if yes.raw is None and no.raw is None:
        return Value(wanted, None)
    if wanted is NUMBER and yes.type is no.type is NUMBER and yes.raw == no.raw:
        return yes
    if wanted is NUMBER and all(v.type is NUMBER and v.is_known and v.raw is not None for v in (yes, no)):
        return Value(NUMBER, between(yes.raw, no.raw))
    if yes.type == no.type and isinstance(yes.raw, tuple | dict) and isinstance(no.raw, tuple | dict):
        return unknown_of_length(wanted, len(yes.raw) if len(yes.raw) == len(no.raw) else None)
    never_null = all(v.raw is not None and (v.is_known or v.raw.not_null) for v in (yes, no))
    return unknown(wanted, not_null=never_null)


_INCONSISTENT = "Inconsistent conditional result types"


def _inconsistent(yes: Type, no: Type) -> str:
    return f"The true and false result expressions must have consistent types. {_difference(yes, no)}."


def _difference(yes: Type, no: Type) -> str:
    """What is different between two types that have nothing in common."""
    if isinstance(yes, ObjectType) and isinstance(no, ObjectType):
        return _object_difference(yes, no)
    if isinstance(yes, TupleType) and isinstance(no, TupleType):
        return _tuple_difference(yes, no)
    if not isinstance(yes, PrimitiveType | ObjectType | TupleType) and type(yes) is type(no):
        assert not isinstance(no, PrimitiveType | ObjectType | TupleType)
        if isinstance(yes.element, ObjectType | TupleType) and type(yes.element) is type(no.element):
            kind = friendly_name(yes).partition(" ")[0]
            return f"Mismatched {kind} element types: {_difference(yes.element, no.element)}"
    if friendly_name(yes) == friendly_name(no):
        both = "both the 'true' and the 'false' value"
        return f"At least one deeply-nested attribute or element is not compatible across {both}"
    return f"The 'true' value is {friendly_name(yes)}, but the 'false' value is {friendly_name(no)}"


def _object_difference(yes: ObjectType, no: ObjectType) -> str:
    for name in sorted(yes.attributes):
        if name not in no.attributes:
            return f"The 'true' value includes object attribute \"{name}\", which is absent in the 'false' value"
        if yes.attributes[name] != no.attributes[name]:
            inner = _difference(yes.attributes[name], no.attributes[name])
            return f'Type mismatch for object attribute "{name}": {inner}'
    name = min(name for name in no.attributes if name not in yes.attributes)
    return f"The 'false' value includes object attribute \"{name}\", which is absent in the 'true' value"


def _tuple_difference(yes: TupleType, no: TupleType) -> str:
    if len(yes.elements) != len(no.elements):
        return f"The 'true' tuple has length {len(yes.elements)}, but the 'false' tuple has length {len(no.elements)}"
    at, (a, b) = next((i, p) for i, p in enumerate(zip(yes.elements, no.elements, strict=True)) if p[0] != p[1])
    return f"Type mismatch for tuple element {at}: {_difference(a, b)}"
