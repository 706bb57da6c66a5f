"""Functions that get their arguments unevaluated: ``try``, ``can``, and ``convert``, whose argument is a type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.diagnostics import Diagnostics
from hclimg.lang.calls import right_count
from hclimg.lang.convert import ConversionError
from hclimg.lang.dispatch import report, value_of
from hclimg.lang.functions.model import Function, Parameter
from hclimg.lang.typeexpr import parse_type
from hclimg.lang.types import BOOL
from hclimg.lang.values import FALSE, TRUE, Value, unknown

if TYPE_CHECKING:
    from hclimg.lang.functions.catalog import Surroundings
    from hclimg.lang.functions.model import Form
    from hclimg.lang.scope import Scope
    from hclimg.lang.syntax import Call


def try_(call: Call, scope: Scope, diags: Diagnostics) -> Value:
    """The value of the first argument that has one without an error."""
    failures = Diagnostics()
    for argument in call.args:
        trial = Diagnostics()
        value = value_of(argument, scope, trial)
        if not trial.has_errors:
            # What is not known yet may still fail, and then another argument is the result.
            return value if value.is_wholly_known else unknown()
        failures.extend(trial)
    if not call.args:
        return _failed(call, scope, diags, "at least one argument is required")
    reasons = "\n".join(f"- {d.summary}{_place(d.subject)}\n  {d.detail}" for d in failures.errors)
    why = f"no expression succeeded:\n{reasons}\n\nAt least one expression must produce a successful result"
    return _failed(call, scope, diags, why)


def _place(subject: object) -> str:
    return f" (at {subject})" if subject else ""


def _failed(call: Call, scope: Scope, diags: Diagnostics, why: str) -> Value:
    detail = f'Call to function "{call.name.text}" failed: {why}.'
    report(diags, "Error in function call", detail, call.range, call, scope)
    return unknown()


def can(call: Call, scope: Scope, diags: Diagnostics) -> Value:
    """Whether the argument has a value without an error."""
    if not right_count(call, _CAN, call.args, diags):
        return unknown(BOOL)
    trial = Diagnostics()
    value = value_of(call.args[0], scope, trial)
    if trial.has_errors:
        return FALSE
    return TRUE if value.is_wholly_known else unknown(BOOL)


def convert(call: Call, scope: Scope, diags: Diagnostics) -> Value:
    """Converts a value to a type, written as in a variable's declaration."""
    if not right_count(call, _CONVERT, call.args, diags):
        return unknown()
    before = len(diags)
    value = value_of(call.args[0], scope, diags)
    wanted = parse_type(call.args[1], diags)
    if len(diags) > before:
        return unknown()
    try:
        return wanted.apply(value)
    except ConversionError as error:
        detail = f'Invalid value for "value" parameter: {error.message}.'
        report(diags, "Invalid function argument", detail, call.args[0].range, call.args[0], scope)
        return unknown()


def _form(name: str, form: Form, *parameters: Parameter, variadic: Parameter | None = None) -> Function:
    function = Function(name, _never, *parameters, variadic=variadic, form=form)
    function.about = (form.__doc__ or "").partition("\n")[0]
    return function


def _never(*_values: Value) -> Value:
    raise AssertionError("a form evaluates its own arguments")


_CAN = _form("can", can, Parameter("expression"))
_CONVERT = _form("convert", convert, Parameter("value"), Parameter("type"))
_TRY = _form("try", try_, variadic=Parameter("expressions"))


def functions(_surroundings: Surroundings) -> dict[str, Function]:
    return {function.name: function for function in (_CAN, _CONVERT, _TRY)}
