"""Evaluation of ``for`` expressions, ``for`` directives of templates, and splats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.diagnostics import Diagnostics
from hclimg.lang import syntax
from hclimg.lang.dispatch import bounded, converted, handles, report, text_of, value_of
from hclimg.lang.limits import MOST_ROUNDS, next_round
from hclimg.lang.types import (
    ANY,
    BOOL,
    STRING,
    ListType,
    PrimitiveType,
    SetType,
    TupleType,
    Type,
    friendly_name,
)
from hclimg.lang.values import Marks, Unknown, Value, elements, object_of, tuple_of, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hclimg.lang.scope import Scope
    from hclimg.lang.syntax import Expr


class _Loop:
    """One run of a ``for``: yields a scope for each element that its condition lets through."""

    __slots__ = ("before", "collection", "diags", "expr", "known", "marks", "scope")

    def __init__(
        self,
        expr: syntax.ForTuple | syntax.ForObject | syntax.TemplateFor,
        collection: Value,
        scope: Scope,
        diags: Diagnostics,
    ) -> None:
        self.expr = expr
        self.collection = collection
        self.scope = scope
        self.diags = diags
        self.before = len(diags)
        self.marks: Marks = collection.marks
        self.known = True

    @property
    def failed(self) -> bool:
        return len(self.diags) > self.before

    def rounds(self) -> Iterator[Scope]:
        for key, value in elements(self.collection):
            if not next_round():
                at = self.expr.collection.range
                self.diags.error("Too many iterations", _TOO_MANY, subject=at)
                self.known = False
                return
            inner = self._inner(key, value)
            if self._included(inner):
                yield inner
            if self.failed:  # the other elements would say the same
                self.known = False
                return

    def _inner(self, key: Value, value: Value) -> Scope:
        names = {self.expr.value_name: value}
        if self.expr.key_name is not None:
            names[self.expr.key_name] = key
        return self.scope.child(names)

    def condition_has_right_type(self) -> bool:
        """Check the condition once before there are elements: it fails for all of them or for none."""
        condition = None if isinstance(self.expr, syntax.TemplateFor) else self.expr.condition
        if condition is None:
            return True
        trial = Diagnostics()
        inner = self._inner(unknown(), unknown())
        self._tested(condition, inner, trial, "Condition is null")
        self.diags.extend(trial)
        return not trial.has_errors

    def _included(self, inner: Scope) -> bool:
        condition = None if isinstance(self.expr, syntax.TemplateFor) else self.expr.condition
        if condition is None:
            return True
        include = self._tested(condition, inner, self.diags, "Invalid 'for' condition")
        if include is None:
            return False
        self.marks |= include.marks
        if type(include.raw) is Unknown:
            self.known = False
            return False
        return bool(include.raw)

    def _tested(self, condition: Expr, inner: Scope, diags: Diagnostics, null_summary: str) -> Value | None:
        value = value_of(condition, inner, diags)
        if value.raw is None:
            detail = "The value of the 'if' clause must not be null."
            report(diags, null_summary, detail, condition.range, condition, inner)
            return None
        detail = "The 'if' clause value is invalid: {}."
        return converted(value, BOOL, condition, inner, diags, "Invalid 'for' condition", detail)


_TOO_MANY = (
    f"The 'for' expressions that are evaluated together go through more than {MOST_ROUNDS:,} elements. Split the work "
    "into several locals, or leave it to a program."
)


def _loop(
    expr: syntax.ForTuple | syntax.ForObject | syntax.TemplateFor, scope: Scope, diags: Diagnostics
) -> _Loop | None:
    """The loop over a ``for``'s collection, or None when there is nothing to iterate over."""
    at = expr.collection
    collection = value_of(at, scope, diags)
    if collection.raw is None:
        detail = "A null value cannot be used as the collection in a 'for' expression."
        report(diags, "Iteration over null value", detail, at.range, at, scope)
        return None
    if collection.type is ANY:
        return None
    if isinstance(collection.type, PrimitiveType):
        name = friendly_name(collection.type)
        detail = f"A value of type {name} cannot be used as the collection in a 'for' expression."
        report(diags, "Iteration over non-iterable value", detail, at.range, at, scope)
        return None
    if type(collection.raw) is Unknown:
        return None
    loop = _Loop(expr, collection, scope, diags)
    return loop if loop.condition_has_right_type() else None


@handles(syntax.ForTuple)
def _for_tuple(expr: syntax.ForTuple, scope: Scope, diags: Diagnostics) -> Value:
    loop = _loop(expr, scope, diags)
    if loop is None:
        return unknown()
    values = [value_of(expr.value, inner, diags) for inner in loop.rounds()]
    return (bounded(tuple_of(values), expr, diags) if loop.known else unknown()).with_marks(loop.marks)


@handles(syntax.ForObject)
def _for_object(expr: syntax.ForObject, scope: Scope, diags: Diagnostics) -> Value:
    loop = _loop(expr, scope, diags)
    if loop is None:
        return unknown()
    groups: dict[str, list[Value]] = {}
    for inner in loop.rounds():
        key = _for_key(expr.key, inner, diags)
        if key is None or type(key.raw) is Unknown:
            loop.known = False
            continue
        loop.marks |= key.marks
        value = value_of(expr.value, inner, diags)
        if key.raw in groups and not expr.group:
            report(diags, "Duplicate object key", _DUPLICATE.format(key.raw), expr.key.range, expr.key, inner)
        groups.setdefault(key.raw, []).append(value)
    if not loop.known:
        return unknown().with_marks(loop.marks)
    items = {name: tuple_of(found) if expr.group else found[0] for name, found in groups.items()}
    return bounded(object_of(items), expr, diags).with_marks(loop.marks)


_DUPLICATE = (
    "Two different items produced the key \"{}\" in this 'for' expression. If duplicates are expected, use the "
    "ellipsis (...) after the value expression to enable grouping by key."
)


def _for_key(expr: Expr, inner: Scope, diags: Diagnostics) -> Value | None:
    key = value_of(expr, inner, diags)
    if key.raw is None:
        detail = "Key expression in 'for' expression must not produce a null value."
        report(diags, "Invalid object key", detail, expr.range, expr, inner)
        return None
    detail = "The key expression produced an invalid result: {}."
    return converted(key, STRING, expr, inner, diags, "Invalid object key", detail)


@handles(syntax.TemplateFor)
def _template_for(expr: syntax.TemplateFor, scope: Scope, diags: Diagnostics) -> Value:
    loop = _loop(expr, scope, diags)
    if loop is None:
        return unknown(STRING)
    texts: list[str] = []
    for inner in loop.rounds():
        value = value_of(expr.body, inner, diags)
        loop.marks |= value.marks
        if type(value.raw) is Unknown:
            loop.known = False
        else:
            texts.append(value.raw)
    result = text_of(texts, expr, diags) if loop.known else unknown(STRING, not_null=True)
    return result.with_marks(loop.marks)


# -- splat ----------------------------------------------------------------------


@handles(syntax.Splat)
def _splat(expr: syntax.Splat, scope: Scope, diags: Diagnostics) -> Value:
    before = len(diags)
    source = value_of(expr.object, scope, diags)
    if source.type is ANY and source.raw is not None:
        return unknown().with_marks(source.marks)
    if not isinstance(source.type, ListType | SetType | TupleType):
        return _splat_of_one(expr, source, scope, diags)
    if source.raw is None:
        detail = "Splat expressions (with the * symbol) cannot be applied to null sequences."
        report(diags, "Splat of null value", detail, expr.object.range, expr.object, scope)
        return unknown()
    if type(source.raw) is Unknown:
        return _splat_of_unknown(expr, source, scope, diags)
    values: list[Value] = []
    for item in source.raw:
        values.append(value_of(expr.each, scope.with_item(expr.item, item), diags))
        if len(diags) > before:
            return unknown().with_marks(source.marks)
    return bounded(_splat_result(expr, source, values, scope, diags), expr, diags).with_marks(source.marks)


def _splat_of_one(expr: syntax.Splat, source: Value, scope: Scope, diags: Diagnostics) -> Value:
    """A splat of what is no sequence: of one element, or of none for null."""
    if source.raw is None:
        return tuple_of(()).with_marks(source.marks)
    result = value_of(expr.each, scope.with_item(expr.item, source), diags)
    if type(source.raw) is Unknown and not source.raw.not_null:
        return unknown().with_marks(source.marks)  # it may become null, and then have no element
    return tuple_of((result,)).with_marks(source.marks)


def _splat_type(expr: syntax.Splat, item: Type, scope: Scope, diags: Diagnostics) -> Type:
    return value_of(expr.each, scope.with_item(expr.item, unknown(item)), diags).type


def _splat_of_unknown(expr: syntax.Splat, source: Value, scope: Scope, diags: Diagnostics) -> Value:
    if isinstance(source.type, TupleType):
        types = [_splat_type(expr, t, scope, diags) for t in source.type.elements]
        return unknown(TupleType(tuple(types)), not_null=True).with_marks(source.marks)
    assert isinstance(source.type, ListType | SetType)
    element = _splat_type(expr, source.type.element, scope, diags)
    return unknown(ListType(element), not_null=True).with_marks(source.marks)


def _splat_result(expr: syntax.Splat, source: Value, values: list[Value], scope: Scope, diags: Diagnostics) -> Value:
    if isinstance(source.type, TupleType):
        return tuple_of(values)
    assert isinstance(source.type, ListType | SetType)
    if not values:
        return Value(ListType(_splat_type(expr, source.type.element, scope, Diagnostics())), ())
    if any(v.type != values[0].type for v in values):
        diags.error("Invalid nested splat expressions", _DIFFERENT, subject=expr.range)
        return unknown()
    return Value(ListType(values[0].type), tuple(values))


_DIFFERENT = (
    "The second level of splat expression produced elements of different types, so it isn't possible to construct a "
    "valid list to represent the top-level result. Consider using a for expression instead, to produce a tuple-typed "
    "result which can therefore have non-homogenous element types."
)


@handles(syntax.SplatItem)
def _splat_item(expr: syntax.SplatItem, scope: Scope, _diags: Diagnostics) -> Value:
    return scope.splat_item(expr) or unknown()
