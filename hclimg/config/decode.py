"""A body of a template and a config class → a config object, with every problem reported rather than the first.

The same code runs while validating, when values such as ``build.ID`` are unknown, and again when the machine runs.
A setting whose value is unknown keeps a stand-in of the right type, and nothing is said about it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Generic, TypeVar

import attrs

from hclimg.config import unexpected
from hclimg.config.anything import Anything
from hclimg.config.check import Problems
from hclimg.config.fields import KEY, Meta
from hclimg.config.kinds import check_choice, is_unset, secrets_in, stand_in, template_type, to_config
from hclimg.config.schema import Schema, SettingSpec, hints_of, schema_of
from hclimg.diagnostics import Diagnostics, Range, Related, did_you_mean, nearest
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.dynamic import expanded
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.limits import Blocks
from hclimg.lang.names import around
from hclimg.lang.parts import part_at
from hclimg.lang.syntax import Attribute, Block, Body, Name, Property
from hclimg.lang.types import BOOL, NUMBER, STRING, ListType
from hclimg.lang.values import NO_MARKS, UNKNOWN, Marks, Value, string, tuple_of, unknown

T = TypeVar("T")

Render = Callable[[str, Range], "str | None"]
"""Renders the Go template in a string; None when its value is not known yet."""


@attrs.frozen(eq=False, repr=False)
class Decoded(Generic[T]):
    """What a body says.

    ``values`` are the settings that the user wrote, by name: a :class:`Value` of the setting's type, or for nested
    blocks a list of such mappings. ``unknown`` names those that are not known yet. ``secrets`` are texts in the
    settings that must never be shown.
    """

    config: T
    values: Mapping[str, Any]
    unknown: frozenset[str]
    secrets: tuple[str, ...] = ()


def decode(
    cls: type[T],
    body: Body,
    scope: Scope,
    diags: Diagnostics,
    *,
    context: str,
    header: Range,
    render: Render | None = None,
) -> T | None:
    """The config object, or None when something is wrong; ``context`` names the block in diagnostics."""
    found = decode_body(cls, body, scope, diags, context=context, header=header, render=render)
    return found.config if found else None


def decode_body(
    cls: type[T],
    body: Body,
    scope: Scope,
    diags: Diagnostics,
    *,
    context: str,
    header: Range,
    render: Render | None = None,
    beside: Beside | None = None,
) -> Decoded[T] | None:
    """Like :func:`decode`, with the evaluated settings and what is unknown."""
    with Blocks():
        return _Decoder(scope, scope, diags, context, render, beside or Beside()).body(cls, body, header)


@attrs.frozen
class Beside:
    """For hints: arguments that can be in the body but are not the class's, and the page of ``hclimg docs`` on it."""

    names: Collection[str] = ()
    page: str = ""


@attrs.define
class _Decoder:
    """``scope`` is the one in the body at hand, ``outside`` the one around it."""

    outside: Scope
    scope: Scope
    diags: Diagnostics
    context: str
    render: Render | None
    beside: Beside
    marks: Marks = NO_MARKS

    def body(self, cls: type[T], body: Body, header: Range) -> Decoded[T] | None:
        outside = self.outside, self.scope, self.marks
        self.outside, self.scope = self.scope, around(self.scope, body.names)
        self.marks |= body.names.marks if body.names else NO_MARKS
        found = self._body(cls, body, header)
        self.outside, self.scope, self.marks = outside
        return found

    def _body(self, cls: type[T], body: Body, header: Range) -> Decoded[T] | None:
        before = len(self.diags.errors)
        schema = schema_of(cls)
        found = _Settings(schema, header)
        for item in self._expanded(body, schema).items:
            self._item(item, found, flexible=body.flexible)
        if body.whole:
            self._missing(found)
        if len(self.diags.errors) > before or not body.whole:
            return None
        config = _construct(cls, found)
        problems = Problems(self.diags, self.context, header, found.places, frozenset(found.unknown))
        for part in _parts(config):
            check = getattr(part, "check", None)
            if check is not None:
                check(problems)
        if len(self.diags.errors) > before:
            return None
        return Decoded(config, found.values, frozenset(found.unknown), tuple(found.secrets))

    def _expanded(self, body: Body, schema: Schema) -> Body:
        before = len(self.diags)
        found = expanded(body, schema.shape_of(body), self.scope, self.diags)
        self._in_context(before)
        return found

    # -- items ----------------------------------------------------------------

    def _item(self, item: Attribute | Block, found: _Settings, *, flexible: bool) -> None:
        name = item.name if isinstance(item, Attribute) else item.type
        spec = found.schema.names.get(name.text)
        if spec is None and found.schema.takes_anything:
            self._anything(item)
            return
        if spec is None:
            self._unsupported(item, name, found, flexible=flexible)
            return
        found.places.setdefault(spec.name, item.expr.range if isinstance(item, Attribute) else item.header)
        self._notices(name, spec)
        if isinstance(item, Block):
            if spec.meta.nested:
                self._block(item, spec, found)
            else:
                detail = f'"{name.text}" is an argument, not a block; write {name.text} = … instead.'
                self._error("Unsupported block type", detail, name.range)
        elif not spec.meta.nested:
            self._attribute(item, spec, found, flexible=flexible)
        else:
            detail = f'"{name.text}" is a block, not an argument; write {name.text} {{ … }} without "=".'
            self._error("Unsupported argument", detail, name.range)

    def _anything(self, item: Attribute | Block) -> None:
        if isinstance(item, Block):
            self.body(Anything, item.body, item.header)
        else:
            self._evaluate(item)

    def _unsupported(self, item: Attribute | Block, name: Name, found: _Settings, *, flexible: bool) -> None:
        schema = found.schema
        hint = did_you_mean(name.text, schema.names)
        arguments, blocks = self._known(schema)
        if isinstance(item, Property) and not flexible:
            detail = f'No argument or block type is named "{name.text}".{hint}'
            self._error("Extraneous JSON object property", detail, name.range)
            self._evaluate(item)
        elif isinstance(item, Attribute):
            hint = unexpected.argument(name.text, arguments, blocks) or self._reference()
            detail = f'An argument named "{name.text}" is not expected here.{hint}'
            self._error("Unsupported argument", detail, name.range)
            self._evaluate(item)  # what is wrong in the value is told in the same run
        else:
            hint = unexpected.block(name.text, arguments, blocks) or self._reference()
            detail = f'Blocks of type "{name.text}" are not expected here.{hint}'
            self._error("Unsupported block type", detail, item.header)
        spec = schema.names.get(nearest(name.text, schema.names))
        if spec is not None:  # what was meant by it is not missing
            found.places.setdefault(spec.name, name.range)
            found.broken.add(spec.name)

    def _known(self, schema: Schema) -> tuple[list[str], list[str]]:
        """The names of arguments and of blocks that can be here."""
        nested = [name for name, spec in schema.names.items() if spec.meta.nested]
        return [name for name in (*schema.names, *self.beside.names) if name not in nested], nested

    def _reference(self) -> str:
        return f" All that can be here is shown by: hclimg docs {self.beside.page}" if self.beside.page else ""

    def _notices(self, name: Name, spec: SettingSpec) -> None:
        if spec.meta.deprecated:
            self._warn("Deprecated argument", f'"{name.text}" is deprecated: {spec.meta.deprecated}', name.range)
        elif name.text in spec.meta.aliases:
            self._warn("Deprecated argument", f'"{name.text}" is an old name of "{spec.name}".', name.range)
        if spec.meta.ignored:
            self._warn("Argument without effect", f'"{name.text}" has no effect: {spec.meta.ignored}', name.range)

    # -- blocks ---------------------------------------------------------------

    def _block(self, block: Block, spec: SettingSpec, found: _Settings) -> None:
        if block.labels:
            self._error("Extraneous label", f'A "{spec.name}" block takes no labels.', block.labels[0].range)
            return
        self._nested(block.body, block.header, spec, found)

    def _nested(self, body: Body, header: Range, spec: SettingSpec, found: _Settings) -> None:
        undecided = body.names is not None and body.names.undecided is not None
        if not spec.meta.many and spec.name in found.values:
            if undecided:
                return
            detail = f'Only one "{spec.name}" block is allowed here.'
            self._error("Duplicate block", detail, header)
            return
        inner = self.body(spec.element, body, header)
        if inner is None:
            return
        found.values.setdefault(spec.name, []).append(inner.values)
        found.nested.setdefault(spec.name, []).append(inner.config)
        found.secrets.extend(inner.secrets)
        if inner.unknown or undecided:
            found.unknown.add(spec.name)

    # -- attributes -----------------------------------------------------------

    def _attribute(self, item: Attribute, spec: SettingSpec, found: _Settings, *, flexible: bool) -> None:
        if spec.name in found.values:
            self._repeated(item, spec, found)
            return
        before = len(self.diags.errors)
        value = self._evaluate(item)
        if len(self.diags.errors) > before:
            found.broken.add(spec.name)
            return
        if value.is_null or (flexible and is_unset(value, spec)):
            return
        try:
            self._keep(self._converted(value, spec, item, flexible=flexible), spec, found)
        except (ConversionError, ValueError) as error:
            found.broken.add(spec.name)
            detail = f'Inappropriate value for "{item.name.text}": {_sentence(str(error))}'
            path = error.path if isinstance(error, ConversionError) else ()
            self._error("Incorrect value", detail, part_at(item.expr, path).range)

    def _repeated(self, item: Attribute, spec: SettingSpec, found: _Settings) -> None:
        first = found.places[spec.name]
        detail = f'"{item.name.text}" says the same as another argument of this block: both set "{spec.name}".'
        if isinstance(item, Property):
            detail = f'The argument "{item.name.text}" was already set at {first}. Each argument can be set only once.'
        related = (Related("first set here", first),)
        self.diags.error("Duplicate argument", detail, subject=item.name.range, context=self.context, related=related)

    def _keep(self, value: Value, spec: SettingSpec, found: _Settings) -> None:
        found.values[spec.name] = value
        if not value.is_wholly_known:
            found.unknown.add(spec.name)
            return
        found.secrets.extend(secrets_in(spec, value))
        data = to_config(spec.type, value)
        check_choice(spec, data)
        found.data[spec.name] = data

    def _converted(self, value: Value, spec: SettingSpec, item: Attribute, *, flexible: bool) -> Value:
        wanted = template_type(spec.type)
        if flexible and isinstance(wanted, ListType) and value.type in (STRING, NUMBER, BOOL):
            value = _as_list(value)
        value = convert(value, wanted)
        if self.render is None:
            _check_templates(value)
        if self.render is None or spec.meta.template:
            return value
        return self._rendered(value, item.expr.range)

    def _rendered(self, value: Value, at: Range) -> Value:
        """The value with the Go templates in its strings rendered."""
        assert self.render is not None
        raw = value.raw
        if isinstance(raw, str):
            if "{{" not in raw:
                return value
            text = self.render(raw, at)
            return Value(value.type, string(text).raw if text is not None else UNKNOWN, value.marks)
        if isinstance(raw, tuple):
            return Value(value.type, tuple([self._rendered(v, at) for v in raw]), value.marks)
        if isinstance(raw, dict):
            return Value(value.type, {name: self._rendered(v, at) for name, v in raw.items()}, value.marks)
        return value

    def _missing(self, found: _Settings) -> None:
        for spec in found.schema.settings.values():
            if spec.meta.required and spec.name not in found.values and spec.name not in found.places:
                kind = "block" if spec.meta.nested else "argument"
                detail = f'The {kind} "{spec.name}" is required, but was not given. {spec.meta.doc}'
                self._error(f"Missing required {kind}", detail, found.header)
            elif spec.meta.required and spec.name not in found.values and spec.name not in found.broken:
                detail = f'The argument "{spec.name}" is required, but its value is null.'
                self._error("Missing required argument", detail, found.places[spec.name])

    def _evaluate(self, item: Attribute) -> Value:
        """The value; what is wrong in the expression is told with the block that it stands in."""
        before = len(self.diags)
        scope = self.scope if item.names is None else around(self.outside, item.names)
        value = evaluate(item.expr, scope, self.diags)
        self._in_context(before)
        return value.with_marks(self.marks)

    def _in_context(self, before: int) -> None:
        items = self.diags.items
        items[before:] = [attrs.evolve(d, context=d.context or self.context) for d in items[before:]]

    def _error(self, summary: str, detail: str, subject: Range) -> None:
        self.diags.error(summary, detail, subject=subject, context=self.context)

    def _warn(self, summary: str, detail: str, subject: Range) -> None:
        self.diags.warn(summary, detail, subject=subject, context=self.context)


@attrs.define
class _Settings:
    """What was found in one body. ``broken`` names settings about which an error was reported already."""

    schema: Schema
    header: Range
    values: dict[str, Any] = attrs.field(factory=dict)
    data: dict[str, Any] = attrs.field(factory=dict)
    nested: dict[str, list[Any]] = attrs.field(factory=dict)
    places: dict[str, Range] = attrs.field(factory=dict)
    unknown: set[str] = attrs.field(factory=set)
    broken: set[str] = attrs.field(factory=set)
    secrets: list[str] = attrs.field(factory=list)


def _as_list(value: Value) -> Value:
    """What a legacy template may say for a list: one value, or texts with commas between them."""
    if not isinstance(value.raw, str):
        return tuple_of((value,)) if value.is_known else unknown().with_marks(value.marks)
    return tuple_of(string(text).with_marks(value.marks) for text in value.raw.split(",") if value.raw)


def _check_templates(value: Value) -> None:
    """Raise ValueError for the first string that is no Go template; what it names is known only when it is rendered."""
    raw = value.raw
    if isinstance(raw, str) and "{{" in raw:
        from hclimg.lang.gotemplate import GoTemplateError, parse_go_template

        try:
            parse_go_template(raw)
        except GoTemplateError as error:
            raise ValueError(f"{error}. Write {{{{`{{{{`}}}} for two literal braces.") from error
    elif isinstance(raw, tuple | dict):
        for item in raw.values() if isinstance(raw, dict) else raw:
            _check_templates(item)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?")) else text + "."


# -- objects ------------------------------------------------------------------


def _construct(cls: type[T], found: _Settings) -> T:
    tree: dict[str, Any] = {}
    for spec in found.schema.settings.values():
        if spec.name in found.nested:
            items = found.nested[spec.name]
            data: Any = tuple(items) if spec.meta.many else items[0]
        elif spec.name in found.data:
            data = found.data[spec.name]
        elif spec.name in found.unknown:
            data = stand_in(spec)
        else:
            continue
        _put(tree, spec.path, data)
    return _build(cls, tree)


def _put(tree: dict[str, Any], path: tuple[str, ...], data: Any) -> None:
    for name in path[:-1]:
        tree = tree.setdefault(name, _Embedded())
    tree[path[-1]] = data


class _Embedded(dict[str, Any]):
    """The settings of an embedded class, on their way to become an object."""


def _build(cls: type[T], tree: dict[str, Any]) -> T:
    hints = hints_of(cls) if any(isinstance(v, _Embedded) for v in tree.values()) else {}
    return cls(**{name: _build(hints[name], v) if isinstance(v, _Embedded) else v for name, v in tree.items()})


def _parts(config: Any) -> Iterator[Any]:
    """The object and the objects embedded in it."""
    yield config
    for attribute in attrs.fields(type(config)):
        meta: Meta = attribute.metadata[KEY]
        if meta.embed:
            yield from _parts(getattr(config, attribute.name))
