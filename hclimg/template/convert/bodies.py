"""Bodies of components as the items of a document: what is a block and what an argument.

The declarations of a component say it. Of a component that hclimg does not have, the values must tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import field, frozen

from hclimg.config.kinds import is_unset, template_type
from hclimg.config.schema import Schema, SettingSpec, schema_of
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.shape import object_body
from hclimg.lang.syntax import Attribute, Block, Body, Call, Expr, Literal, Name, ObjectCons, TemplateWrap, TupleCons
from hclimg.lang.types import ANY, BOOL, NUMBER, ListType, Type
from hclimg.lang.unparse import expression_text, is_identifier
from hclimg.lang.values import string
from hclimg.registry import Kind, Registry
from hclimg.template.convert.document import Argument, Item, Nested
from hclimg.template.convert.packer_keys import BLOCKS, BOOLS, LISTS, MAPS, NUMBERS
from hclimg.template.convert.rewrite import step_of
from hclimg.template.convert.texts import value_text


@frozen
class BodyWriter:
    """``wanted`` has, for each variable that is the whole value of some settings, the types that these have."""

    registry: Registry
    wanted: dict[str, list[Type]] = field(factory=dict, init=False)

    def items(self, kind: Kind, type_: str, body: Body) -> tuple[Item, ...]:
        return tuple(self._items(body, self._schema(kind, type_)))

    def _schema(self, kind: Kind, type_: str) -> Schema | None:
        found = self.registry.load(kind, type_)
        return None if found is None else schema_of(found.Config)

    def _items(self, body: Body, schema: Schema | None) -> Iterator[Item]:
        for item in body.items:
            if isinstance(item, Block):
                inner = _element(schema.names.get(item.type.text)) if schema else None
                yield Nested(
                    item.type.text, tuple(name.text for name in item.labels), tuple(self._items(item.body, inner))
                )
            elif schema is None:
                yield from self._guessed(item)
            else:
                yield from self._declared(item, schema.names.get(item.name.text))

    def _declared(self, item: Attribute, spec: SettingSpec | None) -> Iterator[Item]:
        name, expr = item.name.text, item.expr
        if spec is None:
            yield Argument(name, value_text(expr))
        elif spec.meta.nested:
            yield from self._blocks(name, expr, _element(spec))
        elif not (isinstance(expr, Literal) and (expr.value.is_null or is_unset(expr.value, spec))):
            yield Argument(name, value_text(self._fitting(expr, template_type(spec.type))))

    def _blocks(self, name: str, expr: Expr, schema: Schema | None) -> Iterator[Item]:
        for one in expr.items if isinstance(expr, TupleCons) else (expr,):
            body = object_body(one)
            yield (
                Argument(name, value_text(one)) if body is None else Nested(name, (), tuple(self._items(body, schema)))
            )

    def _fitting(self, expr: Expr, wanted: Type) -> Expr:
        """JSON templates say ``"5"`` for 5, ``"true"`` for true, and one string, with commas, for a list."""
        if isinstance(wanted, ListType) and not isinstance(expr, TupleCons | ObjectCons):
            return _as_list(expr)
        self.note(expr, wanted)
        return plain(expr, wanted)

    def note(self, expr: Expr, wanted: Type) -> None:
        """Remember that a setting of this type takes the value as it is."""
        name = step_of(expr.inner, "var") if isinstance(expr, TemplateWrap) else None
        if name is not None and wanted in (BOOL, NUMBER):
            self.wanted.setdefault(name, []).append(wanted)

    def _guessed(self, item: Attribute) -> Iterator[Item]:
        name, expr = item.name.text, item.expr
        objects: tuple[Any, ...] = expr.items if isinstance(expr, TupleCons) else (expr,)
        if objects and all(isinstance(one, ObjectCons) for one in objects) and is_block(name, expr):
            yield from self._blocks(name, expr, None)
        else:
            yield Argument(name, value_text(self._usual(name, expr)))

    def _usual(self, name: str, expr: Expr) -> Expr:
        """The value as components like to have it: a number without quotes, if they are all that changes."""
        wanted = _usual_type(name)
        if isinstance(wanted, ListType):
            return self._fitting(expr, wanted)
        found = plain(expr, wanted)
        return found if _says(found) == _says(expr) else expr


def _as_list(expr: Expr) -> Expr:
    """Texts between commas as a list; what is computed is taken apart when it is known."""
    source, start, end = expr.source, expr.start, expr.end
    if not isinstance(expr, Literal):
        comma = Literal(source, start, end, string(","))
        return Call(source, start, end, Name(source, start, end, "split"), (comma, _bare(expr)))
    raw = expr.value.raw
    texts = [string(text) for text in raw.split(",") if raw] if isinstance(raw, str) else [expr.value]
    return TupleCons(source, start, end, tuple(Literal(source, start, end, text) for text in texts))


def _bare(expr: Expr) -> Expr:
    return expr.inner if isinstance(expr, TemplateWrap) else expr


def _element(spec: SettingSpec | None) -> Schema | None:
    return schema_of(spec.element) if spec is not None and spec.meta.nested else None


def plain(expr: Expr, wanted: Type) -> Expr:
    """A number or bool that was written as a string, without its quotes."""
    if not isinstance(expr, Literal) or not isinstance(expr.value.raw, str) or wanted not in (BOOL, NUMBER):
        return expr
    try:
        return Literal(expr.source, expr.start, expr.end, convert(expr.value, wanted))
    except ConversionError:
        return expr


def _usual_type(name: str) -> Type:
    """What components take for a setting of this name."""
    if name in LISTS:
        return ListType(ANY)
    return NUMBER if name in NUMBERS else BOOL if name in BOOLS else ANY


def _says(expr: Expr) -> object:
    """What a value that is written out looks like, with or without quotes."""
    raw = expr.value.raw if isinstance(expr, Literal) else None
    return raw if isinstance(raw, str) else expression_text(expr)


def _has_names_of_arguments(expr: Expr) -> bool:
    body = object_body(expr)
    return body is not None and all(map(is_identifier, body.attributes))


def is_block(name: str, expr: Expr) -> bool:
    """A list of objects is, and an object that holds more than plain values, unless the name says it.

    Nothing is whose names cannot be those of arguments.
    """
    objects = expr.items if isinstance(expr, TupleCons) else (expr,)
    if not all(map(_has_names_of_arguments, objects)):
        return False
    if name in BLOCKS or isinstance(expr, TupleCons):
        return True
    if name in MAPS:
        return False
    return isinstance(expr, ObjectCons) and any(isinstance(i.value, ObjectCons | TupleCons) for i in expr.items)
