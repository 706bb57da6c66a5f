"""Evaluation of string templates and their ``if`` directives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.lang import syntax
from hclimg.lang.dispatch import converted, handles, report, text_of, value_of
from hclimg.lang.operations import condition_of
from hclimg.lang.types import STRING
from hclimg.lang.unknowns import beginning_with
from hclimg.lang.values import NO_MARKS, UNKNOWN, Unknown, Value, string, unknown

if TYPE_CHECKING:
    from hclimg.diagnostics import Diagnostics
    from hclimg.lang.scope import Scope
    from hclimg.lang.syntax import Expr


@handles(syntax.Template)
def template_value(expr: syntax.Template, scope: Scope, diags: Diagnostics) -> Value:
    texts: list[str] = []
    marks, known = NO_MARKS, True
    for part in expr.parts:
        value = value_of(part, scope, diags)
        if value.marks:
            marks |= value.marks
        text = value.raw if value.type is STRING else _template_text(value, part, scope, diags)
        if type(text) is str:
            if known:
                texts.append(text)
        else:
            known = False
            if text is None:
                report(diags, _BAD_PART, _NULL_PART, part.range, part, scope)
    result = text_of(texts, expr, diags) if known else Value(STRING, beginning_with("".join(texts)))
    return result.with_marks(marks) if marks else result


_BAD_PART = "Invalid template interpolation value"
_NULL_PART = "The expression result is null. Cannot include a null value in a string template."


def _template_text(value: Value, part: Expr, scope: Scope, diags: Diagnostics) -> str | Unknown | None:
    if value.raw is None:
        return None
    if type(value.raw) is Unknown:
        return value.raw
    detail = "Cannot include the given value in a string template: {}."
    result = converted(value, STRING, part, scope, diags, _BAD_PART, detail)
    text: str | Unknown = UNKNOWN if result is None else result.raw
    return text


@handles(syntax.TemplateWrap)
def _template_wrap(expr: syntax.TemplateWrap, scope: Scope, diags: Diagnostics) -> Value:
    return value_of(expr.inner, scope, diags)


@handles(syntax.TemplateIf)
def _template_if(expr: syntax.TemplateIf, scope: Scope, diags: Diagnostics) -> Value:
    condition = condition_of(expr.condition, scope, diags)
    if condition is None:
        return unknown(STRING)
    if type(condition.raw) is Unknown:
        return unknown(STRING, not_null=True).with_marks(condition.marks)
    chosen = expr.yes if condition.raw else expr.no
    result = string("") if chosen is None else template_value(chosen, scope, diags)
    return result.with_marks(condition.marks)
