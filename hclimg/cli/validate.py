"""``hclimg validate``: reads a template, checks every setting, and says all that is wrong at once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from hclimg.cli.options import Command, TemplateOptions, switch, template_options
from hclimg.cli.terminal import print_as_csv, show_diagnostics
from hclimg.diagnostics import Diagnostics
from hclimg.errors import TemplateError

if TYPE_CHECKING:
    from hclimg.plan.plan import Plan
    from hclimg.registry import Registry


@click.command(cls=Command)
@template_options()
@switch("-syntax-only", "Check the syntax only.")
@switch("-evaluate-datasources", "Read the data sources too, to see whether they answer.")
@switch("-json", "Print what is found as JSON, in the form of terraform validate -json.")
@switch("-no-warn-undeclared-var", "Say nothing about values for variables that are not declared.")
@switch("-machine-readable", "Print Packer's machine-readable lines.")
def command(
    *,
    wanted: TemplateOptions,
    syntax_only: bool,
    evaluate_datasources: bool,
    json: bool,
    no_warn_undeclared_var: bool,
    machine_readable: bool,
) -> int:
    """Check a template without building anything."""
    diags = Diagnostics()
    with suppress(TemplateError):  # what it carries is in diags
        if syntax_only:
            _check_syntax(wanted, diags)
        else:
            _check(wanted, diags, warn_undeclared=not no_warn_undeclared_var, read_data=evaluate_datasources)
    if json:
        from json import dumps

        from hclimg.ui.diagnostics import to_json

        print(dumps(to_json(diags), indent=2))
    else:
        show_diagnostics(diags)
        if machine_readable:
            print_as_csv(diags)
        if not diags.has_errors:
            _say(_verdict(syntax_only), machine_readable=machine_readable)
    return int(diags.has_errors)


def _check_syntax(wanted: TemplateOptions, diags: Diagnostics) -> None:
    from hclimg.cli.reading import read_template

    read_template(wanted, diags)


def _check(wanted: TemplateOptions, diags: Diagnostics, *, warn_undeclared: bool, read_data: bool) -> None:
    from hclimg.cli.reading import read_plan
    from hclimg.registry import Registry

    registry = Registry()
    plan = read_plan(wanted, registry, diags, warn_undeclared=warn_undeclared)
    if read_data and not diags.has_errors:
        _read_data(plan, registry, diags)


def _read_data(plan: Plan, registry: Registry, diags: Diagnostics) -> None:
    """Run the part of the plan that only reads; what fails is reported."""
    from hclimg.cli.reading import run_options
    from hclimg.engine.run import apply
    from hclimg.plan.node import NodeKind
    from hclimg.plan.plan import Plan

    nodes = {node.id: node for node in plan.nodes_of("") if node.kind is NodeKind.DATA}
    if not nodes:
        return
    edges = [(before, name) for name in nodes for before in plan.predecessors(name) if before in nodes]
    result = apply(Plan(nodes.values(), edges), run_options(command="validate"), registry=registry)
    for failure in result.failures:
        diags.extend(failure.diagnostics)


def _verdict(syntax_only: bool) -> str:
    return "Syntax-only check passed. Everything looks okay." if syntax_only else "The configuration is valid."


def _say(text: str, *, machine_readable: bool) -> None:
    if not machine_readable:
        print(text)
        return
    import time

    from hclimg.ui.machine import line

    print(line(time.time(), "", "ui", "say", text), end="")
