"""Evaluation of function calls: arguments, their count and types, and what a function has to complain about."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from hclimg.diagnostics import Range, Related, did_you_mean
from hclimg.lang import syntax
from hclimg.lang.dispatch import converted, handles, report, value_of
from hclimg.lang.functions.model import ArgumentError, FunctionError, TextProblems
from hclimg.lang.types import ANY, ListType, SetType, TupleType
from hclimg.lang.values import SENSITIVE, Unknown, Value, deep_marks, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hclimg.diagnostics import Diagnostics
    from hclimg.lang.functions.model import Function, Parameter
    from hclimg.lang.scope import Scope
    from hclimg.lang.syntax import Expr


@handles(syntax.Call)
def _call(expr: syntax.Call, scope: Scope, diags: Diagnostics) -> Value:
    function = scope.function(expr.name.text)
    if function is None:
        return _no_function(expr, scope, diags)
    if function.form is not None:
        return function.form(expr, scope, diags)
    before = len(diags)
    arguments = _arguments(expr, scope, diags)
    if arguments is None or not right_count(expr, function, arguments, diags):
        return unknown()
    values = _typed(function, arguments, scope, diags)
    if values is None or (len(diags) > before):
        return unknown()
    try:
        return function.call(values)
    except TextProblems as error:
        return _text_failed(expr, function, error, values, diags)
    except ArgumentError as error:
        why = _why(error, values[error.index : error.index + 1] or values)
        return _argument_failed(expr, function, arguments, why, error.index, scope, diags)
    except FunctionError as error:
        detail = f'Call to function "{function.name}" failed{_why(error, values)}.'
        report(diags, "Error in function call", detail, expr.range, expr, scope)
        return unknown()


_LONGEST_REASON = 2000


def _no_function(expr: syntax.Call, scope: Scope, diags: Diagnostics) -> Value:
    name = expr.name.text
    names = scope.function_names()
    if names is None:
        diags.error("Function calls not allowed", "Functions may not be called here.", subject=expr.range)
        return unknown()
    hint = did_you_mean(name, names)
    if name == "env":
        hint = ' The "env" function may only be called in the default of a variable; use that variable here.'
    detail = f'There is no function named "{name}".{hint}'
    diags.error("Call to unknown function", detail, subject=expr.name.range)
    return unknown()


_Arguments: TypeAlias = "list[tuple[Value, Expr]]"


def _arguments(expr: syntax.Call, scope: Scope, diags: Diagnostics) -> _Arguments | None:
    """The arguments' values; None when the expanded one is not known or wrong."""
    if not expr.expand:
        return [(value_of(arg, scope, diags), arg) for arg in expr.args]
    last = expr.args[-1]
    expanded = value_of(last, scope, diags)
    problem = _bad_expansion(expanded)
    if problem:
        detail = f"The expanding argument (indicated by ...) must {problem}."
        report(diags, "Invalid expanding argument value", detail, last.range, last, scope)
        return None
    if type(expanded.raw) is Unknown:
        return None
    arguments = [(value_of(arg, scope, diags), arg) for arg in expr.args[:-1]]
    return arguments + [(value.with_marks(expanded.marks), last) for value in expanded.raw]


def _bad_expansion(value: Value) -> str:
    if value.raw is None and (value.type is ANY or isinstance(value.type, ListType | SetType | TupleType)):
        return "not be null"
    if value.type is ANY or isinstance(value.type, ListType | SetType | TupleType):
        return ""
    return "be of a tuple, list, or set type"


def right_count(call: syntax.Call, function: Function, arguments: Sequence[object], diags: Diagnostics) -> bool:
    """Whether a call has as many arguments as the function takes; reports it otherwise."""
    wanted, name = len(function.parameters), function.name
    if len(arguments) < wanted:
        least = " at least" if function.variadic else ""
        missing = function.parameters[len(arguments)].name
        detail = (
            f'Function "{name}" expects{least} {_arguments_text(wanted)}. Missing value for "{missing}". '
            f"It is {_signature(function)}"
        )
        at = Range(call.source, call.end - 1, call.end)
        diags.error("Not enough function arguments", detail, subject=at)
        return False
    if len(arguments) > wanted and function.variadic is None:
        takes = f"only {_arguments_text(wanted)}" if wanted else "no arguments"
        detail = f'Function "{name}" expects {takes}. It is {_signature(function)}'
        diags.error("Too many function arguments", detail, subject=call.args[min(wanted, len(call.args) - 1)].range)
        return False
    return True


def _signature(function: Function) -> str:
    from hclimg.lang.functions.reference import signature

    return signature(function)


def _arguments_text(count: int) -> str:
    return "1 argument" if count == 1 else f"{count} arguments"


def _typed(function: Function, arguments: _Arguments, scope: Scope, diags: Diagnostics) -> list[Value] | None:
    """The arguments converted to the parameters' types; None after problems were reported."""
    values: list[Value] = []
    blamed: Expr | None = None
    for position, (value, expr) in enumerate(arguments):
        parameter: Parameter | None = function.parameter(position)
        assert parameter is not None
        if value.type is parameter.type or parameter.type is ANY:
            values.append(value)
        elif expr is not blamed:  # of the elements that "..." expands to, one is enough
            detail = f'Invalid value for "{parameter.name}" parameter: {{}}.'
            result = converted(value, parameter.type, expr, scope, diags, "Invalid function argument", detail)
            blamed = expr if result is None else blamed
            if result is not None:
                values.append(result)
    return values if len(values) == len(arguments) else None


def _why(error: ArgumentError | FunctionError, values: Sequence[Value]) -> str:
    """The function's complaint about these values; it may quote any part of them, so not when one is sensitive."""
    if SENSITIVE in deep_marks(values):
        return "; the reason is not shown, because a sensitive value is among the arguments"
    message = error.message
    return f": {message}" if len(message) <= _LONGEST_REASON else f": {message[:_LONGEST_REASON]}…"


def _text_failed(
    expr: syntax.Call, function: Function, error: TextProblems, values: Sequence[Value], diags: Diagnostics
) -> Value:
    """Report mistakes in a text that a function read at their own places."""
    from attrs import evolve

    secret = SENSITIVE in deep_marks(values)
    call = Related(f"{function.name} is called here", expr.range)
    for problem in error.diagnostics:
        if secret:
            problem = evolve(problem, detail=f"The call failed{_why(error, values)}.", values=())
        diags.items.append(evolve(problem, related=(*problem.related, call)))
    return unknown()


def _argument_failed(
    expr: syntax.Call,
    function: Function,
    arguments: _Arguments,
    why: str,
    index: int,
    scope: Scope,
    diags: Diagnostics,
) -> Value:
    parameter = function.parameter(index)
    at: Expr = arguments[index][1] if index < len(arguments) else expr
    detail = f'Invalid value for "{parameter.name if parameter else ""}" parameter{why}.'
    report(diags, "Invalid function argument", detail, at.range, expr, scope)
    return unknown()
