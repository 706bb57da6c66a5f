"""The ``packer`` block: which version and which plugins a template asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from hclimg import PACKER_VERSION
from hclimg.diagnostics import Diagnostics, Range, did_you_mean
from hclimg.lang.evaluate import evaluate
from hclimg.lang.shape import object_body
from hclimg.lang.syntax import Attribute, Block, Expr
from hclimg.lang.types import STRING
from hclimg.lang.unevaluated import verbatim
from hclimg.lang.values import Value
from hclimg.template.blocks import NO_VARIABLES, constant, duplicate, labels, split
from hclimg.template.versions import satisfies

Plugins = dict[str, tuple[str, Range]]
"""Plugins by the name that the template gives them: source address and where it is declared."""

_PLUGIN_SOURCE = re.compile(r"[A-Za-z0-9.-]+(/[A-Za-z0-9_.-]+){2,15}")
_PLUGIN_ARGUMENTS = ("source", "version")
_PLUGIN_FORM = '{ source = "github.com/OWNER/NAME", version = ">= 1.0.0" }'


def packer_block(block: Block, plugins: Plugins, diags: Diagnostics) -> bool:
    """Read a ``packer`` block; false when the template is not meant for this version."""
    if labels(block, (), diags) is None:
        return True
    parts = split(block.body, "packer", diags, arguments=("required_version",), blocks={"required_plugins": ()})
    for inner in parts.blocks:
        _required_plugins(inner, plugins, diags)
    wanted = parts.expr("required_version")
    return wanted is None or check_version(wanted, "packer", diags)


def check_version(wanted: Expr, context: str, diags: Diagnostics) -> bool:
    """Whether our version meets a constraint; reports when it does not, or when it cannot be read."""
    text = constant(wanted, STRING, context, diags)
    if text is None:
        return True
    try:
        if satisfies(PACKER_VERSION, text):
            return True
    except ValueError as error:
        diags.error("Invalid version constraint", f"{error}.", subject=wanted.range, context=context)
        return True
    detail = f'The template needs Packer "{text}". hclimg understands templates for Packer {PACKER_VERSION}.'
    diags.error("Unsupported Packer version", detail, subject=wanted.range, context=context)
    return False


def _required_plugins(block: Block, plugins: Plugins, diags: Diagnostics) -> None:
    context = "required_plugins"
    names = {*block.body.attributes, *(inner.type.text for inner in block.body.blocks)}
    parts = split(block.body, context, diags, arguments=names)
    for name, item in parts.arguments.items():
        source = _plugin_source(item, diags)
        if source is None:
            continue
        if name in plugins:
            duplicate(f'The plugin "{name}"', item.name.range, plugins[name][1], diags, context=context)
        else:
            plugins[name] = source, item.name.range


def _plugin_source(item: Attribute, diags: Diagnostics) -> str | None:
    """The source of a plugin; None, after a report of all that is wrong, when the requirement is."""
    wanted = _Requirement.read(item, diags)
    if wanted is None:
        return None
    before = len(diags.errors)
    for name in wanted.values:
        if name not in _PLUGIN_ARGUMENTS:
            detail = f'A plugin has no "{name}"; write source and version.{did_you_mean(name, _PLUGIN_ARGUMENTS)}'
            wanted.report(name, detail, diags)
    source, version = wanted.text("source", diags), wanted.text("version", diags)
    for name, problem in (
        ("source", plugin_source_problem(source) if source is not None else ""),
        ("version", _constraint_problem(version) if version is not None else ""),
    ):
        if problem:
            wanted.report(name, problem, diags)
    return source if len(diags.errors) == before else None


@attrs.frozen
class _Requirement:
    """What ``required_plugins`` says of one plugin; ``places`` where it says so, as far as it is written out."""

    item: Attribute
    values: Mapping[str, Value]
    places: Mapping[str, Range]

    @classmethod
    def read(cls, item: Attribute, diags: Diagnostics) -> _Requirement | None:
        before, expr = len(diags.items), verbatim(item.expr)
        value = evaluate(expr, NO_VARIABLES, diags)
        if len(diags.items) > before or not value.is_wholly_known:
            return None
        if not isinstance(value.raw, dict):
            detail = f'"{item.name.text}" must be an object: {_PLUGIN_FORM}.'
            diags.error("Invalid plugin requirement", detail, subject=item.expr.range, context="required_plugins")
            return None
        written = object_body(expr)
        places = {name: a.expr.range for name, a in written.attributes.items()} if written else {}
        return cls(item, value.raw, places)

    def text(self, name: str, diags: Diagnostics) -> str | None:
        value = self.values.get(name)
        if value is not None and isinstance(value.raw, str):
            return value.raw
        plugin = f'The plugin "{self.item.name.text}"'
        problem = f"{plugin} has no {name}" if value is None else f"The {name} of a plugin must be a string"
        self.report(name, f"{problem}. Write {_PLUGIN_FORM}.", diags)
        return None

    def report(self, name: str, detail: str, diags: Diagnostics) -> None:
        at = self.places.get(name, self.item.name.range)
        diags.error("Invalid plugin requirement", detail, subject=at, context="required_plugins")


def plugin_source_problem(source: str) -> str:
    """What is wrong with the address of a plugin; empty when nothing is."""
    if not _PLUGIN_SOURCE.fullmatch(source):
        return f'"{source}" is not the address of a plugin, such as "github.com/hashicorp/amazon".'
    name = source.rpartition("/")[2]
    if name.startswith("packer-plugin-"):
        short = name.removeprefix("packer-plugin-")
        return f'The address of a plugin leaves out "packer-plugin-": write "{source.removesuffix(name)}{short}".'
    return ""


def _constraint_problem(text: str) -> str:
    try:
        satisfies("0.0.0", text)
    except ValueError as error:
        return f"{error}."
    return ""
