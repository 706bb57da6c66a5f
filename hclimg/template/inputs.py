"""What the user gives for input variables: ``-var``, var files, the environment; each with the place it comes from.

Of several values for a variable the last one wins. Nothing is evaluated here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from hclimg.diagnostics import Diagnostic, Diagnostics, Range, Related, SourceText, did_you_mean
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.shape import COMMENT
from hclimg.lang.syntax import Expr, Literal
from hclimg.lang.types import ANY, NUMBER, STRING
from hclimg.lang.values import string, unknown
from hclimg.template.model import Template, VariableBlock

if TYPE_CHECKING:
    from hclimg.lang.json_tree import JsonNode

ENVIRONMENT_PREFIX: Final = "PKR_VAR_"
_MANY = 5


@attrs.frozen(kw_only=True)
class VariableInputs:
    """What the user gives beside the template: ``-var`` texts, var files, the environment."""

    values: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    environment: Mapping[str, str] = attrs.field(factory=dict)
    warn_undeclared: bool = True


@attrs.frozen(eq=False, repr=False)
class Given:
    """A value for a variable, and who gave it; ``literal`` when it is text that may need a look at the type."""

    expr: Expr
    origin: str


@attrs.frozen(eq=False, repr=False)
class GivenValues:
    """``blocks`` are the declared variables, with those that a legacy template need not declare.

    ``overruled`` are values that something stronger replaces: they have to be right all the same.
    """

    blocks: Mapping[str, VariableBlock]
    values: Mapping[str, Given]
    overruled: tuple[tuple[str, Given], ...] = ()


def read_inputs(template: Template, inputs: VariableInputs, diags: Diagnostics) -> GivenValues:
    """Read every input; problems of all of them are reported."""
    reader = _Reader(template, inputs, diags, dict(template.variables))
    reader.read()
    return GivenValues(reader.blocks, reader.given, tuple(reader.overruled))


@attrs.define
class _Reader:
    template: Template
    inputs: VariableInputs
    diags: Diagnostics
    blocks: dict[str, VariableBlock]
    given: dict[str, Given] = attrs.field(factory=dict)
    overruled: list[tuple[str, Given]] = attrs.field(factory=list)

    def read(self) -> None:
        self._environment()
        for path in self.template.auto_var_files:
            self._file(path)
        for name in self.inputs.files:
            self._file(Path(name))
        for text in _strongest(self.inputs.values):
            self._option(text)

    def _give(self, name: str, given: Given) -> None:
        if name in self.given:
            self.overruled.append((name, self.given[name]))
        self.given[name] = given

    def _environment(self) -> None:
        for variable, text in self.inputs.environment.items():
            name = variable.removeprefix(ENVIRONMENT_PREFIX)
            if name != variable and name in self.blocks:
                self._text(name, text, f"the environment variable {variable}", variable)

    def _option(self, option: str) -> None:
        name, equals, text = option.partition("=")
        name = name.strip()
        if not equals or not name:
            self.diags.error("Invalid -var option", f'Write -var "NAME=VALUE", not -var "{option}".')
        elif self._declared(name):
            self._text(name, text, "-var", f"-var {name}")
        else:
            detail = f'-var sets "{name}", but the template declares no such variable.'
            self.diags.error("Undeclared variable", detail + did_you_mean(name, self.blocks))

    def _declared(self, name: str) -> bool:
        """Legacy templates do not have to declare what the user gives."""
        if name in self.blocks:
            return True
        if self.template.legacy:
            nowhere = SourceText("", "").range(0, 0)
            self.blocks[name] = VariableBlock(name=name, header=nowhere, type=None, default=None)
        return self.template.legacy

    def _text(self, name: str, text: str, origin: str, filename: str) -> None:
        self._give(name, Given(self._parsed(SourceText(filename, text), self.blocks[name], origin), origin))

    def _parsed(self, source: SourceText, block: VariableBlock, origin: str) -> Expr:
        """A text for a string or number is taken as it is; for anything else it is an HCL expression."""
        if self.template.legacy:
            from hclimg.template.lowering import lower_text

            return lower_text(source, self.diags)
        whole = 0, len(source.text)
        if _wants_text(block):
            return Literal(source, *whole, string(source.text))
        from hclimg.lang.parse import parse_expression

        found = Diagnostics()
        expr = parse_expression(source, found)
        self.diags.extend(blamed(found, block, origin))
        return Literal(source, *whole, unknown()) if found.has_errors else expr

    def _file(self, path: Path) -> None:
        from hclimg.lang.parse import read_source

        source = read_source(path, self.diags)
        if source is None:
            return
        undeclared: list[tuple[str, Range]] = []
        for name, at, expr in self._values_in(path, source):
            if self._declared(name):
                self._give(name, Given(expr, "the var file"))
            else:
                undeclared.append((name, at))
        if self.inputs.warn_undeclared:
            self._warn_undeclared(undeclared)

    def _values_in(self, path: Path, source: SourceText) -> Iterator[tuple[str, Range, Expr]]:
        """Of a legacy template all var files are JSON, except those that say that they are not."""
        if path.suffix == ".json" or (self.template.legacy and path.suffix != ".hcl"):
            return self._json_file(source)
        if path.suffix != ".hcl":
            detail = f'A var file is called *.pkrvars.hcl or *.pkrvars.json; the format of "{path}" cannot be told.'
            self.diags.error("Invalid var file", detail)
            return iter(())
        return self._hcl_file(source)

    def _warn_undeclared(self, found: list[tuple[str, Range]]) -> None:
        for name, at in found[:_MANY]:
            detail = f'The template declares no variable "{name}", so this value is not used.'
            self.diags.warn("Undeclared variable", detail + did_you_mean(name, self.blocks), subject=at)
        rest = found[_MANY:]
        if rest:
            detail = f"The template declares {len(rest)} more of the variables in this file neither, from this one on."
            self.diags.warn("Undeclared variables", detail, subject=rest[0][1])

    def _hcl_file(self, source: SourceText) -> Iterator[tuple[str, Range, Expr]]:
        from hclimg.lang.parse import parse_body

        body = parse_body(source, self.diags)
        for block in body.blocks:
            detail = "A var file holds arguments only, NAME = VALUE. Variables are declared in the template."
            self.diags.error("Unsupported block type", detail, subject=block.header)
        return ((a.name.text, a.name.range, a.expr) for a in body.attributes.values())

    def _json_file(self, source: SourceText) -> Iterator[tuple[str, Range, Expr]]:
        from hclimg.lang.json_scan import scan_unique
        from hclimg.lang.json_tree import JsonObject

        root = scan_unique(source, self.diags)
        if isinstance(root, JsonObject):
            for member in root.members:
                if self.template.legacy or member.key.text != COMMENT:
                    yield member.key.text, member.key.range, self._json_value(member.value)
        elif root is not None:
            detail = 'A JSON var file holds one object: { "NAME": VALUE, … }.'
            self.diags.error("Invalid var file", detail, subject=root.range)

    def _json_value(self, node: JsonNode) -> Expr:
        if self.template.legacy:
            from hclimg.template.lowering import lower_value

            return lower_value(node, self.diags)
        from hclimg.lang.json_syntax import plain_text, value_expr

        return value_expr(node, plain_text, self.diags)


def _strongest(options: Iterable[str]) -> Iterable[str]:
    """Of several -var for a variable the last one counts, and only that one is looked at."""
    return {option.partition("=")[0].strip(): option for option in options}.values()


def blamed(found: Iterable[Diagnostic], block: VariableBlock, origin: str) -> Iterator[Diagnostic]:
    """What is wrong with an expression that the user gave, and for which variable; nothing of a sensitive one."""
    context = block.context
    for item in found:
        if block.sensitive:
            detail = f"The value that {origin} gives is wrong; it is sensitive, so no more is shown."
            yield attrs.evolve(item, detail=detail, subject=block.header, context=context, related=(), values=())
        else:
            hint = " A text must be in quotes here." if item.summary == "Variables not allowed" else ""
            declared = Related("declared here", block.header)
            related = (*item.related, declared)
            yield attrs.evolve(item, detail=item.detail + hint, context=item.context or context, related=related)


def _wants_text(block: VariableBlock) -> bool:
    if block.type is not None:
        return block.type.type in (STRING, NUMBER, ANY)
    default = block.default
    if default is None:
        return True
    value = evaluate(default, Scope(), Diagnostics())
    return value.type in (STRING, NUMBER, ANY)
