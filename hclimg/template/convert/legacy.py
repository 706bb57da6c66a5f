"""A legacy JSON template as HCL: the document that a careful person would write.

What the old format has no words for is said in those of the new one: variables that compute something are locals,
builders are sources of one build, and ``only`` calls them by their addresses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from hclimg.lang.show import quoted
from hclimg.lang.syntax import (
    Body,
    Call,
    Expr,
    Literal,
    TemplateWrap,
    TupleCons,
)
from hclimg.lang.syntax import Template as TextTemplate
from hclimg.lang.types import BOOL, NUMBER, STRING, Type
from hclimg.lang.unparse import expression_text
from hclimg.lang.values import NULL, string
from hclimg.template.convert.audience import PLUGIN_VERSION, Audience, plugins_of
from hclimg.template.convert.bodies import BodyWriter, plain
from hclimg.template.convert.document import Argument, Item, Nested, Note
from hclimg.template.convert.names import identifiers
from hclimg.template.convert.rewrite import components_of, expressions_of, found_in, rewritten, step_of, traversal
from hclimg.template.convert.texts import value_text
from hclimg.template.convert.times import formatted_now, is_call, is_digits_of_now, is_unix_time
from hclimg.template.model import Address, ChainBlock, ComponentBlock, SourceUse, Template, VariableBlock

TIMESTAMP: Final = "timestamp"
_META_TYPES: Final[Mapping[str, Type]] = {
    "max_retries": NUMBER,
    "continue_on_error": BOOL,
    "keep_input_artifact": BOOL,
    "retry.attempts": NUMBER,
}
_TYPE_TEXTS: Final[Mapping[Type, str]] = {STRING: "string", NUMBER: "number", BOOL: "bool"}


@attrs.frozen
class Sections:
    """The document in parts: what ``-split`` writes into files of their own."""

    head: tuple[Item, ...]
    variables: tuple[Item, ...]
    sources: tuple[Item, ...]
    builds: tuple[Item, ...]

    @property
    def all(self) -> tuple[Item, ...]:
        return (*self.head, *self.variables, *self.sources, *self.builds)


def sections_of(template: Template, writer: BodyWriter, audience: Audience = Audience.HCLIMG) -> Sections:
    """The parts of the HCL document that says the same as a legacy template."""
    return _Conversion(_Names.of(template), writer, audience).run(template)


def undeclared_variables(template: Template) -> list[str]:
    """The names of variables that a legacy template uses and does not declare."""
    asked = {name for expr in found_in(expressions_of(template)) if (name := step_of(expr, "var"))}
    return sorted(asked - template.variables.keys())


# -- names ----------------------------------------------------------------------------


@attrs.frozen
class _Names:
    """What things are called in HCL. ``computed`` are the variables that become locals."""

    variables: Mapping[str, str]
    computed: frozenset[str]
    labels: Mapping[Address, str]

    @staticmethod
    def of(template: Template) -> _Names:
        computed = frozenset(name for name, block in template.variables.items() if not _is_constant(block.default))
        taken = {TIMESTAMP} & computed
        variables = identifiers([*template.variables, *undeclared_variables(template)], taken)
        return _Names(variables, computed, _labels(template))


def _labels(template: Template) -> dict[Address, str]:
    """The second labels of sources: the builder's name, as far as it can be one."""
    by_type: dict[str, list[str]] = {}
    for type_, name in template.sources:
        by_type.setdefault(type_, []).append(name)
    return {
        (type_, name): label
        for type_, names in by_type.items()
        for name, label in identifiers(names, set()).items()
    }  # fmt: skip


def _is_constant(default: Expr | None) -> bool:
    """Whether HCL takes it for the default of a variable: texts, and values of the environment."""
    if default is None or isinstance(default, Literal):
        return True
    if isinstance(default, TextTemplate):
        return all(_is_constant(part) for part in default.parts)
    if isinstance(default, TemplateWrap):
        return _is_constant(default.inner)
    return _env_name(default) is not None


def _env_name(expr: Expr) -> str | None:
    if isinstance(expr, Call) and expr.name.text == "env" and len(expr.args) == 1:
        argument = expr.args[0]
        return argument.value.raw if isinstance(argument, Literal) and isinstance(argument.value.raw, str) else None
    return None


# -- the document -----------------------------------------------------------------------


@attrs.define
class _Conversion:
    names: _Names
    writer: BodyWriter
    audience: Audience
    timestamp: Expr | None = None
    """What ``{{timestamp}}`` is, when there is one."""
    environment: dict[str, str] = attrs.field(factory=dict)
    """Variables that had to be made for values of the environment, by what these are called."""
    seen: Counter[str] = attrs.field(factory=Counter)
    """How often each variable is referred to."""

    def run(self, template: Template) -> Sections:
        builds = tuple(self._builds(template))
        sources = tuple(self._source(block) for block in template.sources.values())
        data = tuple(self._data(block) for block in template.data.values())
        locals_ = tuple(self._locals(template))
        head = tuple(_head(template, self.audience))
        return Sections(head, (*self._variables(template), *self._time(), *locals_), (*data, *sources), builds)

    # -- variables and locals -----------------------------------------------------------

    def _variables(self, template: Template) -> Iterator[Item]:
        for old, new in self.names.variables.items():
            if old not in self.names.computed:
                yield self._variable(old, new, template.variables.get(old))
        for name, new in self.environment.items():
            yield Nested("variable", (new,), (Argument("type", "string"), Argument("default", f"env({quoted(name)})")))

    def _variable(self, old: str, new: str, block: VariableBlock | None) -> Item:
        type_ = self._type(new, block)
        items = [Argument("type", _TYPE_TEXTS[type_])]
        if block and block.default:
            items.append(Argument("default", value_text(plain(block.default, type_))))
        if block and block.sensitive:
            items.append(Argument("sensitive", "true"))
        comment = "" if block else f'The old template used "{old}" and did not declare it.'
        return Nested("variable", (new,), tuple(items), comment)

    def _type(self, new: str, block: VariableBlock | None) -> Type:
        """Not a string if every use wants the same other type, and the default is one of its own."""
        wanted = self.writer.wanted.get(new, [])
        if block is None or not isinstance(block.default, Literal) or not wanted or len(set(wanted)) > 1:
            return STRING
        value = plain(block.default, wanted[0])
        keeps = isinstance(value, Literal) and expression_text(value) == block.default.value.raw
        return wanted[0] if keeps and len(wanted) == self.seen[new] else STRING

    def _time(self) -> Iterator[Item]:
        if self.timestamp:
            what = "in seconds since 1970" if is_unix_time(self.timestamp) else "as digits of date and time"
            value = Argument(TIMESTAMP, expression_text(self.timestamp))
            yield Nested("locals", (), (value,), f"The time of the build, {what}.")

    def _locals(self, template: Template) -> Iterator[Item]:
        plain_: list[Item] = []
        for old in template.variables:
            if old not in self.names.computed:
                continue
            new, block = self.names.variables[old], template.variables[old]
            assert block.default is not None
            text = value_text(self._expr(block.default))
            if block.sensitive and self.audience is not Audience.PACKER_1_6:
                yield Nested("local", (new,), (Argument("expression", text), Argument("sensitive", "true")))
            else:
                plain_.append(Argument(new, text))
        if plain_:
            yield Nested("locals", (), tuple(plain_))

    # -- sources and builds ---------------------------------------------------------------

    def _source(self, block: ComponentBlock) -> Item:
        return Nested("source", (block.type, self.names.labels[block.address]), self._body(block))

    def _data(self, block: ComponentBlock) -> Item:
        return Nested("data", (block.type, block.name), self._body(block))

    def _builds(self, template: Template) -> Iterator[Item]:
        for build in template.builds:
            items: list[Item] = []
            if template.description:
                items.append(Argument("description", quoted(template.description)))
            items += self._uses(build.uses)
            items += [self._step(step) for step in build.provisioners if isinstance(step, ComponentBlock)]
            items += [self._step(build.error_cleanup)] if build.error_cleanup else []
            items += [self._chain(chain) for chain in build.chains if isinstance(chain, ChainBlock)]
            yield Nested("build", (), tuple(items))

    def _uses(self, uses: Iterable[SourceUse]) -> Iterator[Item]:
        """Those whose names fit into the list, the others as blocks that say the name."""
        listed: list[str] = []
        blocks: list[Item] = []
        for use in uses:
            type_, old = use.source.address
            label = self.names.labels[type_, old]
            address = quoted(f"source.{type_}.{label}")
            if use.name is None and label == old:
                listed.append(address)
                continue
            name = quoted(old) if use.name is None else value_text(self._expr(use.name))
            blocks.append(Nested("source", (f"source.{type_}.{label}",), (Argument("name", name),)))
        if listed:
            line = f"[{', '.join(listed)}]"
            yield Argument("sources", line if len(line) < 100 else "\n".join(["[", *(f"{a}," for a in listed), "]"]))
        yield from blocks

    def _chain(self, chain: ChainBlock) -> Item:
        steps = tuple(self._step(step) for step in chain.steps)
        return steps[0] if len(steps) == 1 else Nested("post-processors", (), steps)

    def _step(self, block: ComponentBlock) -> Item:
        return Nested(block.keyword, (block.type,), (*self._meta(block), *self._body(block)))

    def _meta(self, block: ComponentBlock) -> Iterator[Item]:
        retry: list[Item] = []
        for name, old in block.meta.items():
            expr = self._expr(old)
            if name in ("only", "except"):
                yield Argument(name, value_text(self._lanes(expr)))
            elif name.startswith("retry."):
                retry.append(self._argument(name, expr))
            elif not (isinstance(expr, Literal) and expr.value.is_null):
                yield self._argument(name, expr)
        if retry:
            yield Nested("retry", (), tuple(retry))

    def _argument(self, name: str, expr: Expr) -> Argument:
        """One of hclimg's own arguments of a step."""
        wanted = _META_TYPES.get(name, STRING)
        self.writer.note(expr, wanted)
        return Argument(name.removeprefix("retry."), value_text(plain(expr, wanted)))

    def _body(self, block: ComponentBlock) -> tuple[Item, ...]:
        body: Body = self._changed(block.body)
        return self.writer.items(block.kind, block.type, body)

    # -- names in expressions -----------------------------------------------------------

    def _lanes(self, expr: Expr) -> Expr:
        """Names of builders as those of lanes, which have the type too."""
        known = {name: f"{type_}.{name}" for type_, name in self.names.labels}

        def change(inner: Expr) -> Expr | None:
            raw = inner.value.raw if isinstance(inner, Literal) else None
            if not isinstance(raw, str) or raw not in known:
                return None
            return Literal(inner.source, inner.start, inner.end, string(known[raw]))

        found: Expr = rewritten(expr, change)
        return found if isinstance(found, TupleCons) else TupleCons(found.source, found.start, found.end, (found,))

    def _expr(self, expr: Expr) -> Expr:
        found: Expr = self._changed(expr)
        return found

    def _changed(self, node: Any) -> Any:
        return rewritten(node, self._change)

    def _change(self, expr: Expr) -> Expr | None:
        name = step_of(expr, "var")
        if name is not None:
            new = self.names.variables[name]
            self.seen[new] += 1
            return traversal(expr, "local" if name in self.names.computed else "var", new)
        if is_unix_time(expr) or is_digits_of_now(expr):
            self.timestamp = expr
            return traversal(expr, "local", TIMESTAMP)
        if is_call(expr, "legacy_isotime") or is_call(expr, "legacy_strftime"):
            return formatted_now(expr)
        if is_call(expr, "aws_secretsmanager") and len(expr.args) == 1 and self.audience is Audience.PACKER_1_6:
            null = Literal(expr.source, expr.end, expr.end, NULL)
            return Call(expr.source, expr.start, expr.end, expr.name, (self._expr(expr.args[0]), null))
        variable = _env_name(expr)
        if variable is None:
            return None
        taken = {*self.names.variables.values(), *self.environment.values()}
        new = self.environment.get(variable) or identifiers([f"env_{variable}"], taken)[f"env_{variable}"]
        self.environment[variable] = new
        return traversal(expr, "var", new)


def _head(template: Template, audience: Audience) -> Iterator[Item]:
    """The version and the plugins that are asked for, below the comments of the whole template."""
    comment = "\n".join(template.comments)
    items: list[Item] = []
    if template.required_version:
        items.append(Argument("required_version", quoted(template.required_version)))
    plugins = plugins_of(block.type for block in components_of(template)) if audience is Audience.PACKER else []
    if plugins:
        items.append(Nested("required_plugins", (), tuple(map(_plugin, plugins))))
    if items:
        yield Nested("packer", (), tuple(items), comment)
    elif comment:
        yield Note(comment)


def _plugin(name: str) -> Argument:
    source = quoted(f"github.com/hashicorp/{name}")
    return Argument(name, f"{{\nsource = {source}\nversion = {quoted(PLUGIN_VERSION)}\n}}")
