"""The settings of a component as plain data, the same for all ways to write them.

What is known is its value, after conversion to the type of the setting. What only a run knows is an expression, in
which everything that is known already has been replaced by its value: ``"web-${build.ID}"``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hclimg.config.anything import Anything, same_spelling
from hclimg.config.kinds import secrets_in
from hclimg.config.schema import Schema, SettingSpec, schema_of
from hclimg.diagnostics import Diagnostics
from hclimg.lang import syntax
from hclimg.lang.dynamic import expanded
from hclimg.lang.evaluate import Scope, evaluate, references
from hclimg.lang.names import around
from hclimg.lang.shape import object_body
from hclimg.lang.show import SENSITIVE_TEXT, quoted
from hclimg.lang.syntax import Attribute, Block, Body, Expr
from hclimg.lang.values import Value, deep_marks, to_python

EXPRESSION = "expression"
"""The one key of what stands for a value that is not known yet."""

FOR_EACH, CONTENT = "for_each", "content"
"""The keys of what stands for blocks of which nobody knows yet how many there will be."""

_POSITION = ("source", "start", "end")


def settings_of(
    config: type, values: Mapping[str, Any], body: Body, scope: Scope, *, reveal: bool = False
) -> dict[str, Any]:
    """The settings that the user wrote, by name. Secrets show only with ``reveal``.

    ``values`` are those of :class:`hclimg.config.decode.Decoded`.
    """
    return _Settings(scope, reveal).body(schema_of(config), values, body)


class _Settings:
    def __init__(self, scope: Scope, reveal: bool) -> None:
        self.scope = scope
        self.outside = scope
        self.reveal = reveal

    def body(self, schema: Schema, values: Mapping[str, Any], body: Body) -> dict[str, Any]:
        outside = self.outside, self.scope
        self.outside, self.scope = self.scope, around(self.scope, body.names)
        found = self._body(schema, values, body)
        self.outside, self.scope = outside
        return found

    def _body(self, schema: Schema, values: Mapping[str, Any], body: Body) -> dict[str, Any]:
        items = expanded(body, schema.shape_of(body), self.scope, Diagnostics()).items
        if schema.takes_anything:
            return self._anything(items)
        found: dict[str, Any] = {}
        for item in items:
            spec = schema.names.get(item.name.text if isinstance(item, Attribute) else item.type.text)
            if spec is None or spec.name not in values:
                continue
            if isinstance(item, syntax.Block):
                blocks = found.setdefault(spec.name, [])
                if len(blocks) == len(values[spec.name]):
                    continue  # nobody knows yet whether this one is there at all
                blocks.append(self._nested(spec, values[spec.name][len(blocks)], item.body))
            else:
                found[spec.name] = self._value(spec, values[spec.name], item)
        return found

    def _anything(self, items: Sequence[Attribute | Block]) -> dict[str, Any]:
        """A body of which nobody knows what it can have."""
        found: dict[str, Any] = {}
        for item in items:
            if isinstance(item, syntax.Block):
                data = self._generated(item.body, self.body(schema_of(Anything), {}, item.body))
                found.setdefault(item.type.text, []).append(data)
            else:
                scope = self.scope if item.names is None else around(self.outside, item.names)
                found[item.name.text] = self._written(item.expr, scope)
        return {name: same_spelling(data) for name, data in found.items()}

    def _generated(self, body: Body, settings: dict[str, Any]) -> dict[str, Any]:
        """The settings of a block, or what stands for as many of them as there will be."""
        collection = body.names.undecided if body.names else None
        if collection is None:
            return settings
        return {FOR_EACH: {EXPRESSION: expression_text(collection, self.scope, reveal=self.reveal)}, CONTENT: settings}

    def _written(self, expr: Expr, scope: Scope) -> Any:
        """Objects and lists that are written out are looked into, as what may be blocks."""
        expr = _unwrapped(_with_commas(_unwrapped(expr)))
        if isinstance(expr, syntax.TupleCons):
            return [self._written(item, scope) for item in expr.items]
        body = object_body(expr)
        if body is not None:
            return {name: self._written(item.expr, scope) for name, item in body.attributes.items()}
        value = evaluate(expr, scope, Diagnostics())
        if not value.is_wholly_known:
            return {EXPRESSION: expression_text(expr, scope, reveal=self.reveal)}
        return SENSITIVE_TEXT if not self.reveal and deep_marks((value,)) else to_python(value)

    def _nested(self, spec: SettingSpec, values: Mapping[str, Any], body: Body) -> dict[str, Any]:
        return self._generated(body, self.body(schema_of(spec.element), values, body))

    def _value(self, spec: SettingSpec, value: Value, item: Attribute) -> Any:
        if not value.is_wholly_known:
            scope = self.scope if item.names is None else around(self.outside, item.names)
            return {EXPRESSION: expression_text(item.expr, scope, reveal=self.reveal)}
        hidden = not self.reveal and (deep_marks((value,)) or any(secrets_in(spec, value)))
        return SENSITIVE_TEXT if hidden else to_python(value)


# -- expressions ------------------------------------------------------------------


def expression_text(expr: Expr, scope: Scope, *, reveal: bool = False) -> str:
    """An expression with what is known replaced by its value, in one spelling for all spellings of it."""
    return "".join(_pieces(expr, scope, reveal))


def _pieces(expr: Expr, scope: Scope, reveal: bool) -> Iterator[str]:
    known = _known(expr, scope)
    if known is not None:
        yield _literal(known, reveal)
        return
    inner = _unwrapped(expr)
    if inner is not expr:
        yield from _pieces(inner, scope, reveal)
    elif isinstance(expr, syntax.Template):
        yield '"'
        for part in expr.parts:
            yield from _template_part(part, scope, reveal)
        yield '"'
    else:
        yield from _compound(expr, scope, reveal)


def _known(expr: Expr, scope: Scope) -> Value | None:
    """The value, when everything that the expression refers to is known here."""
    if any(scope.variable(reference.root) is None for reference in references(expr)):
        return None
    problems = Diagnostics()
    value = evaluate(expr, scope, problems)
    return value if value.is_wholly_known and not problems.items else None


def _unwrapped(expr: Expr) -> Expr:
    while isinstance(expr, syntax.TemplateWrap | syntax.Paren | syntax.JsonTemplate):
        expr = expr.template if isinstance(expr, syntax.JsonTemplate) else expr.inner
    return expr


def _with_commas(expr: Expr) -> Expr:
    """A text that is taken apart at its commas, where the text may stand as well."""
    if not isinstance(expr, syntax.Call) or expr.name.text != "split" or len(expr.args) != 2:
        return expr
    separator = expr.args[0]
    return expr.args[1] if isinstance(separator, syntax.Literal) and separator.value.raw == "," else expr


def _template_part(part: Expr, scope: Scope, reveal: bool) -> Iterator[str]:
    known = _known(part, scope)
    if known is not None and isinstance(known.raw, str | int) and not isinstance(known.raw, bool):
        hidden = deep_marks((known,)) and not reveal
        yield SENSITIVE_TEXT if hidden else quoted(str(known.raw))[1:-1]
        return
    yield "${"
    yield from _pieces(part, scope, reveal)
    yield "}"


def _literal(value: Value, reveal: bool) -> str:
    if deep_marks((value,)) and not reveal:
        return SENSITIVE_TEXT
    return _data_text(to_python(value))


def _data_text(data: Any) -> str:
    if isinstance(data, str):
        return quoted(data)
    if data is None or isinstance(data, bool):
        return {None: "null", True: "true", False: "false"}[data]
    if isinstance(data, list):
        return f"[{', '.join(map(_data_text, data))}]"
    if isinstance(data, dict):
        return "{" + ", ".join(f"{quoted(name)} = {_data_text(data[name])}" for name in sorted(data)) + "}"
    return repr(data)


def _compound(expr: Expr, scope: Scope, reveal: bool) -> Iterator[str]:
    """Any other expression. Traversals look as in HCL; the rest is a call-like form that no two meanings share."""

    def text(part: Expr) -> str:
        return expression_text(part, scope, reveal=reveal)

    if isinstance(expr, syntax.Variable):
        yield expr.name
    elif isinstance(expr, syntax.GetAttr):
        yield f"{text(_unwrapped(expr.object))}.{expr.name}"
    elif isinstance(expr, syntax.Index):
        yield f"{text(expr.object)}[{text(expr.key)}]"
    elif isinstance(expr, syntax.Call):
        yield f"{expr.name.text}({', '.join(map(text, expr.args))}{'...' if expr.expand else ''})"
    elif isinstance(expr, syntax.TupleCons):
        yield f"[{', '.join(map(text, expr.items))}]"
    elif isinstance(expr, syntax.ObjectCons):
        yield "{" + ", ".join(f"{_key(item.key, scope, reveal)} = {text(item.value)}" for item in expr.items) + "}"
    elif isinstance(expr, syntax.Binary):
        yield f"({text(expr.left)} {expr.op} {text(expr.right)})"
    elif isinstance(expr, syntax.Unary):
        yield f"{expr.op}{text(expr.operand)}"
    elif isinstance(expr, syntax.Conditional):
        yield f"({text(expr.condition)} ? {text(expr.yes)} : {text(expr.no)})"
    else:
        yield _general(expr, scope, reveal)


def _key(key: Expr, scope: Scope, reveal: bool) -> str:
    return quoted(key.name) if isinstance(key, syntax.Variable) else expression_text(key, scope, reveal=reveal)


def _general(expr: syntax.Node, scope: Scope, reveal: bool) -> str:
    parts = [_part(getattr(expr, name), scope, reveal) for name in expr.__attrs_names__() if name not in _POSITION]
    return f"{type(expr).__name__}({', '.join(parts)})"


def _part(part: Any, scope: Scope, reveal: bool) -> str:
    if isinstance(part, Expr):
        return expression_text(part, scope, reveal=reveal)
    if isinstance(part, Sequence) and not isinstance(part, str):
        return f"[{', '.join(_part(item, scope, reveal) for item in part)}]"
    return repr(part)
