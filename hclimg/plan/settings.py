"""What hclimg does around a provisioner or post-processor: ``only``, ``override``, ``timeout``, ``retry`` …"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import attrs

from hclimg.diagnostics import Absence, Diagnostics, did_you_mean, one_of
from hclimg.lang.evaluate import Scope
from hclimg.lang.shape import object_body
from hclimg.lang.syntax import (
    Attribute,
    Block,
    Body,
    Expr,
    Literal,
    Name,
    ObjectCons,
    ObjectItem,
    Property,
    TupleCons,
)
from hclimg.lang.types import ANY, BOOL, NUMBER, STRING, ListType, Type
from hclimg.lang.values import Value
from hclimg.plan.lanes import known_value
from hclimg.sdk.retry import ONCE, RetryPolicy
from hclimg.template.model import ComponentBlock, UseBlock
from hclimg.units import duration


@attrs.frozen(eq=False, repr=False, kw_only=True)
class StepSettings:
    """Times in seconds. ``keep_input`` is None when the template does not say."""

    name: str = ""
    retry: RetryPolicy = ONCE
    timeout: float | None = None
    pause_before: float = 0.0
    continue_on_error: bool = False
    keep_input: bool | None = None


@attrs.frozen(eq=False, repr=False)
class Filter:
    """``only`` and ``except`` of a block: the names of lanes in them, None when not given."""

    only: frozenset[str] | None = None
    except_: frozenset[str] | None = None

    def admits(self, names: Collection[str]) -> bool:
        if self.only is not None:
            return not self.only.isdisjoint(names)
        return self.except_ is None or self.except_.isdisjoint(names)


def step_settings(block: ComponentBlock, scope: Scope, diags: Diagnostics) -> StepSettings:
    """Evaluate them; what is wrong is reported and left at its default."""
    read = _Reader(block, scope, diags)
    keep = read.value("keep_input_artifact", BOOL)
    return StepSettings(
        name=str(read.value("name", STRING) or ""),
        retry=_retry(read),
        timeout=read.seconds("timeout") or None,
        pause_before=read.seconds("pause_before") or 0.0,
        continue_on_error=bool(read.value("continue_on_error", BOOL)),
        keep_input=keep if isinstance(keep, bool) else None,
    )


def step_filter(block: ComponentBlock | UseBlock, scope: Scope, diags: Diagnostics) -> Filter:
    read = _Reader(block, scope, diags)
    if "only" in block.meta and "except" in block.meta:
        detail = "Only one of only and except can be given."
        at = block.meta["except"].range
        diags.error("Conflicting arguments", detail, subject=at, context=block.context)
    return Filter(read.names("only"), read.names("except"))


def check_names(
    block: ComponentBlock | UseBlock,
    found: Filter,
    known: Collection[str],
    shown: Iterable[str],
    diags: Diagnostics,
    *,
    strict: bool,
) -> None:
    """Names in ``only`` and ``except`` that no build has; an error in legacy templates, as in Packer.

    ``shown`` are the names that the user is told of.
    """
    for keyword, names in (("only", found.only), ("except", found.except_)):
        for name in sorted((names or frozenset()).difference(known)):
            ending = [other for other in shown if other.endswith(f".{name}")]
            hint = f' Did you mean "{ending[0]}"?' if ending else did_you_mean(name, known)
            hint = hint or one_of(name, shown, "The builds are", most=20)
            report = diags.error if strict else diags.warn
            detail = f'{keyword} names "{name}", but no build is called that.{hint}'
            at = _item(block.meta[keyword], name).range
            report("Unknown build", detail, subject=at, context=block.context, absence=Absence.BUILD)


def _item(expr: Expr, name: str) -> Expr:
    """Where a list that is written out has a text; the whole when it is not to be seen."""
    items = expr.items if isinstance(expr, TupleCons) else ()
    return next((item for item in items if isinstance(item, Literal) and item.value.raw == name), expr)


@attrs.frozen
class _Reader:
    block: ComponentBlock | UseBlock
    scope: Scope
    diags: Diagnostics

    def value(self, name: str, type_: Type) -> str | int | float | bool | None:
        value = self._value(name, type_)
        return None if value is None else value.raw

    def names(self, name: str) -> frozenset[str] | None:
        value = self._value(name, ListType(STRING))
        if value is None or value.raw is None:
            return None
        if any(item.raw is None for item in value.raw):
            self.wrong(name, "a name must not be null.")
        return frozenset(item.raw for item in value.raw if isinstance(item.raw, str))

    def seconds(self, name: str) -> float | None:
        text = self.value(name, STRING)
        if not isinstance(text, str) or not text:
            return None
        try:
            seconds = duration(text).total_seconds()
        except ValueError as error:
            self.wrong(name, f"{error}.")
            return None
        if seconds < 0:
            self.wrong(name, "it must not be negative.")
        return seconds

    def count(self, name: str, least: int) -> int | None:
        number = self.value(name, NUMBER)
        if number is None:
            return None
        if not isinstance(number, int) or number < least:
            self.wrong(name, f"a whole number from {least} on is required.")
            return None
        return number

    def _value(self, name: str, type_: Type) -> Value | None:
        expr = self.block.meta.get(name)
        # JSON templates spell "not given" as an empty string.
        if expr is None or (type_ is not STRING and isinstance(expr, Literal) and expr.value.raw == ""):
            return None
        return known_value(expr, type_, self.scope, self.block.context, self.diags, name=name)

    def wrong(self, name: str, why: str) -> None:
        detail = f'Inappropriate value for "{name}": {why}'
        at = self.block.meta[name].range
        self.diags.error("Incorrect value", detail, subject=at, context=self.block.context)


def _retry(read: _Reader) -> RetryPolicy:
    """``max_retries`` counts further attempts, ``retry { attempts }`` all of them."""
    retries, attempts = read.count("max_retries", 0), read.count("retry.attempts", 1)
    delay, max_delay = read.seconds("retry.delay"), read.seconds("retry.max_delay")
    if retries is not None and attempts is not None:
        detail = "max_retries and a retry block say the same; write one of them."
        at = read.block.meta["retry.attempts"].range
        read.diags.error("Conflicting arguments", detail, subject=at, context=read.block.context)
    if attempts is None:
        attempts = 1 + (retries or 0)
    delay = ONCE.delay if delay is None else delay
    return RetryPolicy(
        attempts=attempts, delay=delay, max_delay=max(ONCE.max_delay, delay) if max_delay is None else max_delay
    )


# -- override -------------------------------------------------------------------


def overridden(
    block: ComponentBlock,
    names: Collection[str],
    known: Collection[str],
    scope: Scope,
    diags: Diagnostics,
    *,
    strict: bool,
) -> Body:
    """The settings of a block for one lane: those of ``override`` replace the block's own.

    A name that no build has is an error in legacy templates, as in Packer.
    """
    expr = block.meta.get("override")
    if expr is None:
        return block.body
    for name, body in _overrides(expr, block, scope, diags):
        if name in names:
            return _replaced(block.body, body)
        if name not in known:
            report = diags.error if strict else diags.warn
            detail = f'override names "{name}", but no build is called that.{did_you_mean(name, known)}'
            report("Unknown build", detail, subject=body.range, context=block.context, absence=Absence.BUILD)
    return block.body


def _overrides(expr: Expr, block: ComponentBlock, scope: Scope, diags: Diagnostics) -> Iterator[tuple[str, Body]]:
    """The settings in ``override`` by the name of the build that they are for."""
    outer = object_body(expr) or _evaluated(expr, expr, block, scope, diags)
    if outer is None:
        _malformed(expr, block, diags)
        return
    for name, item in outer.attributes.items():
        inner = object_body(item.expr)
        if inner is None:
            inner = _evaluated(item.expr, expr, block, scope, diags)
        if inner is None:
            _malformed(item.expr, block, diags)
        else:
            yield name, inner


def _evaluated(expr: Expr, at: Expr, block: ComponentBlock, scope: Scope, diags: Diagnostics) -> Body | None:
    """An object that is not written out (a local, say) as a body of its values."""
    value = known_value(expr, ANY, scope, block.context, diags)
    if value is None or not isinstance(value.raw, Mapping):
        return None
    items = [_property(name, inner, expr) for name, inner in value.raw.items()]
    return Body(at.source, expr.start, expr.end, tuple(items), flexible=True)


def _property(name: str, value: Value, at: Expr) -> Property:
    source, start, end = at.source, at.start, at.end
    return Property(source, start, end, Name(source, start, end, name), _constructed(value, at))


def _constructed(value: Value, at: Expr) -> Expr:
    """A value as an expression; objects as such, because only the component knows which of them are blocks."""
    source, start, end = at.source, at.start, at.end
    raw = value.raw
    if isinstance(raw, Mapping):
        items = [
            ObjectItem(source, start, end, Literal(source, start, end, _text(name)), _constructed(inner, at))
            for name, inner in raw.items()
        ]
        return ObjectCons(source, start, end, tuple(items))
    if isinstance(raw, tuple):
        return TupleCons(source, start, end, tuple([_constructed(inner, at) for inner in raw]))
    return Literal(source, start, end, value)


def _text(name: str) -> Value:
    return Value(STRING, name)


def _malformed(expr: Expr, block: ComponentBlock, diags: Diagnostics) -> None:
    detail = "override must be an object that has, for names of builds, objects with settings."
    diags.error("Incorrect value", detail, subject=expr.range, context=block.context)


def _replaced(body: Body, more: Body) -> Body:
    names = {_name(item) for item in more.items}
    kept = [item for item in body.items if _name(item) not in names]
    return body.holding((*kept, *more.items), flexible=True)


def _name(item: Attribute | Block) -> str:
    return item.name.text if isinstance(item, Attribute) else item.type.text
