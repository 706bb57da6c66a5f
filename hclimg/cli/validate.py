"""``hclimg validate``: reads a template, checks every setting, and says all that is wrong at once."""

from __future__ import annotations

from contextlib import suppress

import click

from hclimg.cli.options import Command, TemplateOptions, switch, template_options
from hclimg.cli.output import show_diagnostics
from hclimg.diagnostics import Diagnostics
from hclimg.errors import TemplateError


@click.command(cls=Command)
@template_options()
@switch("-syntax-only", "Check the syntax only.")
@switch("-json", "Print what is found as JSON, in the form of terraform validate -json.")
@switch("-no-warn-undeclared-var", "Say nothing about values for variables that are not declared.")
@switch("-machine-readable", "Print Packer's machine-readable lines.")
def command(
    *, wanted: TemplateOptions, syntax_only: bool, json: bool, no_warn_undeclared_var: bool, machine_readable: bool
) -> int:
    """Check a template without building anything."""
    diags = Diagnostics()
    with suppress(TemplateError):  # what it carries is in diags
        _check(wanted, diags, syntax_only=syntax_only, warn_undeclared=not no_warn_undeclared_var)
    if json:
        from json import dumps

        from hclimg.ui.diagnostics import to_json

        print(dumps(to_json(diags), indent=2))
    else:
        show_diagnostics(diags)
        if not diags.has_errors:
            _say(_verdict(syntax_only), machine_readable=machine_readable)
    return int(diags.has_errors)


def _check(wanted: TemplateOptions, diags: Diagnostics, *, syntax_only: bool, warn_undeclared: bool) -> None:
    from hclimg.cli.reading import read_plan, read_template

    if syntax_only:
        read_template(wanted, diags)
        return
    from hclimg.registry import Registry

    read_plan(wanted, Registry(), diags, warn_undeclared=warn_undeclared)


def _verdict(syntax_only: bool) -> str:
    return "Syntax-only check passed. Everything looks okay." if syntax_only else "The configuration is valid."


def _say(text: str, *, machine_readable: bool) -> None:
    if not machine_readable:
        print(text)
        return
    import time

    from hclimg.ui.machine import line

    print(line(time.time(), "", "ui", "say", text), end="")
