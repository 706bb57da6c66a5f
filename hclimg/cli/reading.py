"""From the options of a command to a template and a plan: the part that all commands share."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from hclimg.cli.options import TemplateOptions
from hclimg.diagnostics import Diagnostics
from hclimg.errors import TemplateError
from hclimg.plan.compile import CompileOptions, compile_plan
from hclimg.plan.plan import Plan
from hclimg.registry import Registry
from hclimg.template.inputs import VariableInputs
from hclimg.template.model import Template


def read_template(wanted: TemplateOptions, diags: Diagnostics) -> Template:
    """The template that the command line names. Raises TemplateError when there is none to speak of."""
    from hclimg.template.load import load_template

    template = load_template(wanted.path, diags, config_type=wanted.config_type, stdin=sys.stdin.read)
    if template is None:
        raise TemplateError(diags)
    return template


def compile_options(wanted: TemplateOptions, *, warn_undeclared: bool) -> CompileOptions:
    inputs = VariableInputs(
        values=wanted.variables, files=wanted.var_files, environment=dict(os.environ), warn_undeclared=warn_undeclared
    )
    return CompileOptions(
        now=datetime.now(UTC), cwd=Path.cwd(), variables=inputs, only=wanted.only, except_=wanted.except_
    )


def read_plan(wanted: TemplateOptions, registry: Registry, diags: Diagnostics, *, warn_undeclared: bool) -> Plan:
    """The plan of the template; with errors reported it is as complete as it can be, and must not be run.

    A template that cannot be read right is not compiled: most of what that would say follows from the first mistakes.
    """
    template = read_template(wanted, diags)
    diags.raise_if_errors()
    return compile_plan(template, compile_options(wanted, warn_undeclared=warn_undeclared), registry, diags)
