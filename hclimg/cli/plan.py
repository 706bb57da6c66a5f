"""``hclimg plan``: what apply would do, as a tree, as JSON, or as a graph for Graphviz."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from hclimg.cli.options import Command, TemplateOptions, colour_option, switch, template_options
from hclimg.cli.reading import Reading, read_plan
from hclimg.cli.terminal import show_diagnostics
from hclimg.diagnostics import Diagnostics
from hclimg.plan.plan import Plan
from hclimg.registry import Registry

if TYPE_CHECKING:
    from hclimg.events import Sink


@click.command(cls=Command)
@template_options()
@switch("-json", "Print the plan as JSON.")
@switch("-positions", "With -json: say where each node's block stands.")
@switch("-dot", "Print the graph in the language of Graphviz.")
@colour_option
@switch("-warn-on-undeclared-var", "Warn about values for variables that are not declared.")
def command(
    *, wanted: TemplateOptions, json: bool, positions: bool, dot: bool, color: bool | None, warn_on_undeclared_var: bool
) -> None:
    """Show what apply would do, without doing it."""
    if json and dot:
        raise click.UsageError("Only one of -json and -dot can be used.")
    diags, registry = Diagnostics(), Registry()
    reading = Reading("plan", sinks=lambda: [_told(color)])
    plan = read_plan(wanted, registry, diags, warn_undeclared=warn_on_undeclared_var, reading=reading)
    diags.raise_if_errors()
    show_diagnostics(diags)
    if json:
        _print_json(plan, registry, positions=positions)
    elif dot:
        from hclimg.plan.render import to_dot

        print(to_dot(plan), end="")
    else:
        _print_tree(plan, color)


def _told(colour: bool | None) -> Sink:
    """Data sources that are read for the plan are told beside it."""
    from hclimg.ui.plain import Plain
    from hclimg.ui.theme import theme_for

    return Plain(sys.stderr, theme_for(sys.stderr, colour))


def _print_json(plan: Plan, registry: Registry, *, positions: bool) -> None:
    from json import dumps

    from hclimg.plan.render import to_json

    print(dumps(to_json(plan, registry, positions=positions), indent=2, ensure_ascii=False))


def _print_tree(plan: Plan, colour: bool | None) -> None:
    from hclimg.plan.render import tree
    from hclimg.ui.plan import render
    from hclimg.ui.theme import theme_for

    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    print(render(tree(plan), theme_for(sys.stdout, colour), unicode=unicode, outputs=plan.outputs), end="")
