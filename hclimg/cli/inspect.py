"""``hclimg inspect``: what is in a template, in Packer's words. Nothing is built, and no component is imported."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import click
from attrs import define, frozen

from hclimg.cli.options import Command, TemplateOptions, switch, template_options
from hclimg.cli.reading import compile_options, read_template
from hclimg.cli.terminal import show_diagnostics
from hclimg.diagnostics import Diagnostics
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.names import around
from hclimg.lang.pretty import Words, bare
from hclimg.lang.syntax import Expr
from hclimg.lang.values import Value, unknown
from hclimg.plan.compile import evaluate_globals
from hclimg.plan.lanes import LaneDraft, draft_lanes
from hclimg.template.blocks import source_reference
from hclimg.template.expand import Expansion, expand_template
from hclimg.template.globals import Globals
from hclimg.template.instances import expand_block
from hclimg.template.model import BuildBlock, ChainBlock, ComponentBlock, Template, UseBlock, VariableBlock
from hclimg.template.repeat import instances, key_text

UNSET = "<unknown>"
SECRET = "<sensitive>"
UNSET_VARIABLE = "Unset variable"
"""The summary of the diagnostic that is no error here."""


@click.command(cls=Command)
@template_options(selection=False)
@switch("-machine-readable", "Print Packer's machine-readable lines.")
def command(*, wanted: TemplateOptions, machine_readable: bool) -> None:
    """Show the variables, builds and steps of a template.

    It is no check: values that cannot be had are told, and the rest is shown.
    """
    diags = Diagnostics()
    template = read_template(wanted, diags)
    diags.raise_if_errors()
    found = Diagnostics()
    values = evaluate_globals(template, compile_options(wanted, warn_undeclared=False), found)
    diags.extend(problem for problem in found if problem.summary != UNSET_VARIABLE)
    show_diagnostics(diags)
    output = _Output(machine_readable)
    if template.legacy:
        _inspect_legacy(template, values, output)
    else:
        _inspect_hcl(template, values, output)


@define
class _Output:
    """Packer says paragraphs; in its machine-readable form each is one line, with facts in between."""

    machine_readable: bool

    def say(self, text: str) -> None:
        self.tell("ui", "say", text) if self.machine_readable else print(text)

    def tell(self, kind: str, *data: str) -> None:
        """A fact for machines only."""
        if self.machine_readable:
            from hclimg.ui.machine import line

            print(line(time.time(), "", kind, *data), end="")


# -- HCL ------------------------------------------------------------------------


def _inspect_hcl(template: Template, values: Globals, output: _Output) -> None:
    output.say("Packer Inspect: HCL2 mode\n")
    output.say("\n".join(["> input-variables:\n", *_values("var", values.variables)]) + "\n")
    output.say("\n".join(["> local-variables:\n", *_values("local", values.locals)]) + "\n")
    lines = ["> builds:"]
    expansion = expand_template(template, values.scope, Diagnostics())
    drafts = draft_lanes(values, expansion, Diagnostics())
    by_build: dict[int, list[LaneDraft]] = {}
    for draft in drafts:
        by_build.setdefault(id(draft.build), []).append(draft)
    # Which source a step is for is not known where all of them are shown at once.
    scope = values.scope.child({"source": unknown(), "build": unknown()})
    for index, build in enumerate(expansion.builds):
        inner = around(scope, build.names)
        sources = [*map(_source_text, by_build.get(id(build), ())), *_unknown_sources(build, expansion, inner)]
        lines += ["", *_build(index, build, sources, inner)]
    output.say("\n".join(lines) + "\n")


def _values(root: str, values: Mapping[str, Value]) -> Iterator[str]:
    return (f"{root}.{name}: {_quoted(pretty(values[name]))}" for name in sorted(values))


def _source_text(draft: LaneDraft) -> str:
    return ".".join(draft.source.address) + key_text(draft.source.key)


def _unknown_sources(build: BuildBlock, expansion: Expansion, scope: Scope) -> Iterator[str]:
    """The sources that a build names and the template doesn't have."""
    listed = evaluate(build.sources, scope, Diagnostics()).raw if build.sources else ()
    texts = [item.raw for item in listed if isinstance(item.raw, str)] if isinstance(listed, tuple) else []
    found = [*map(source_reference, texts), *(use.source for use in build.uses)]
    yield from (".".join(source.address) for source in found if source and source.address not in expansion.sources)


def _build(index: int, build: BuildBlock, sources: list[str], scope: Scope) -> Iterator[str]:
    name = _text(build.name, scope) or f"<unnamed build {index}>"
    yield f"  > {name}{key_text(build.key)}:"
    description = _text(build.description, scope)
    if description:
        yield from ("", f"  > Description: {description}")
    yield from ("", "    sources:")
    for source in sources or ["<no source>"]:
        yield from ("", f"      {source}")
    yield from ("", "    provisioners:", "")
    yield from list(_steps(build.provisioners, scope, 6)) or ["      <no provisioner>"]
    yield from ("", "    post-processors:", "")
    own = [chain for chain in build.chains if isinstance(chain, ChainBlock)]
    chains = [steps for chain in own for steps in _chains(chain, scope)]
    if not chains:
        yield "      <no post-processor>"
    for number, steps in enumerate(chains):
        yield from ([""] if number else [])
        yield f"      {number}:"
        yield from steps


def _chains(chain: ChainBlock, scope: Scope) -> Iterator[list[str]]:
    for item in instances(chain.meta, chain.names, scope, chain.context, Diagnostics()).found:
        yield list(_steps(chain.steps, around(scope, item.names), 8))


def _steps(blocks: tuple[ComponentBlock | UseBlock, ...], scope: Scope, indent: int) -> Iterator[str]:
    for written in blocks:
        if isinstance(written, UseBlock):
            yield " " * indent + f"use {written.group}"
            continue
        for block in expand_block(written, scope, Diagnostics()).found.values():
            name = _text(block.meta.get("name"), around(scope, block.names))
            yield " " * indent + (f"{block.type}.{name}" if name else block.type) + key_text(block.key)


def _text(expr: Expr | None, scope: Scope) -> str:
    raw = evaluate(expr, scope, Diagnostics()).raw if expr is not None else ""
    return raw if isinstance(raw, str) else ""


# -- legacy JSON ------------------------------------------------------------------


@frozen
class _LegacyVariable:
    name: str
    default: str
    required: bool


def _inspect_legacy(template: Template, values: Globals, output: _Output) -> None:
    output.say("Packer Inspect: JSON mode")
    if template.description:
        output.say("Description:\n")
        output.say(f"{template.description}\n")
    found = [_legacy_variable(block, values.variables) for _, block in sorted(template.variables.items())]
    _legacy_variables(found, output)
    _legacy_section("Builders", "template-builder", sorted(_legacy_builders(template)), output)
    output.say("")
    blocks = [block for build in template.builds for block in build.provisioners]
    steps = [(block.type,) for block in blocks if isinstance(block, ComponentBlock)]
    _legacy_section("Provisioners", "template-provisioner", steps, output)
    output.say(
        "\nNote: If your build names contain user variables or template\n"
        "functions such as 'timestamp', these are processed at build time,\n"
        "and therefore only show in their raw form here."
    )


def _legacy_variable(block: VariableBlock, variables: Mapping[str, Value]) -> _LegacyVariable:
    if block.default is None:
        return _LegacyVariable(block.name, "", required=True)
    text = SECRET if block.sensitive else pretty(variables[block.name])
    return _LegacyVariable(block.name, text, required=False)


def _legacy_variables(found: list[_LegacyVariable], output: _Output) -> None:
    required = [variable for variable in found if variable.required]
    optional = [variable for variable in found if not variable.required]
    if not found:
        output.say("Variables:\n")
        output.say("  <No variables>")
    if required:
        output.say("Required variables:\n")
        for variable in required:
            output.tell("template-variable", variable.name, "", "1")
            output.say(f"  {variable.name}")
        output.say("")
    if optional:
        width = max(len(variable.name) for variable in found)
        output.say("Optional variables and their defaults:\n")
        for variable in optional:
            output.tell("template-variable", variable.name, variable.default, "0")
            output.say(f"  {variable.name:<{width}} = {variable.default}")
    output.say("")


def _legacy_builders(template: Template) -> Iterator[tuple[str, str]]:
    """Name and type of each; a name that has to be made from something is shown as it is written."""
    written = {use.source.address: use.name.range.text for build in template.builds for use in build.uses if use.name}
    for type_, name in template.sources:
        yield written.get((type_, name), name).strip('"'), type_


def _legacy_section(title: str, fact: str, rows: list[Any], output: _Output) -> None:
    output.say(f"{title}:\n")
    if not rows:
        output.say(f"  <No {title.lower()}>")
    width = max((len(row[0]) for row in rows), default=0)
    for row in rows:
        output.tell(fact, *row)
        is_told = len(row) > 1 and row[0] != row[1]
        output.say(f"  {row[0]:<{width}} ({row[1]})" if is_told else f"  {row[0]}")


# -- values as Packer prints them -----------------------------------------------------


def pretty(value: Value) -> str:
    """A value over several lines; a string of its own is shown bare."""
    if not value.is_known:
        return UNSET
    return SECRET if value.is_sensitive else bare(value, Words(f'"{SECRET}"', f'"{UNSET}"'))


def _quoted(text: str) -> str:
    """As Go's %q."""
    from json import dumps

    return dumps(text, ensure_ascii=False)
