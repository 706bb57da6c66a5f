"""``hclimg validate``: reads a template, checks every setting, and says all that is wrong at once."""

from __future__ import annotations

import click

from hclimg.cli.options import Command, TemplateOptions, switch, template_options
from hclimg.cli.terminal import print_as_csv, show_diagnostics
from hclimg.diagnostics import Diagnostics
from hclimg.errors import TemplateError


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
    try:
        if syntax_only:
            _check_syntax(wanted, diags)
        else:
            _check(wanted, diags, warn_undeclared=not no_warn_undeclared_var, read_data=evaluate_datasources)
    except TemplateError as error:
        diags.items.extend(item for item in error.diagnostics if item not in diags.items)
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
    from hclimg.cli.reading import Reading, read_plan
    from hclimg.registry import Registry

    reading = Reading("validate", every=True) if read_data else None
    read_plan(wanted, Registry(), diags, warn_undeclared=warn_undeclared, reading=reading)


def _verdict(syntax_only: bool) -> str:
    return "Syntax-only check passed. Everything looks okay." if syntax_only else "The configuration is valid."


def _say(text: str, *, machine_readable: bool) -> None:
    if not machine_readable:
        print(text)
        return
    import time

    from hclimg.ui.machine import line

    print(line(time.time(), "", "ui", "say", text), end="")
