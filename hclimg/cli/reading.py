"""From the options of a command to a template and a plan: the part that all commands share."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hclimg import __version__
from hclimg.cli.options import TemplateOptions
from hclimg.cli.workplace import started_in
from hclimg.diagnostics import Diagnostics
from hclimg.errors import TemplateError
from hclimg.plan.compile import CompileOptions, compile_plan
from hclimg.plan.plan import Plan
from hclimg.registry import Registry
from hclimg.template.inputs import VariableInputs
from hclimg.template.model import Template

if TYPE_CHECKING:
    from hclimg.engine.run import RunOptions


def read_template(wanted: TemplateOptions, diags: Diagnostics) -> Template:
    """The template that the command line names. Raises TemplateError when there is none to speak of."""
    from hclimg.template.load import load_template

    template = load_template(wanted.path, diags, config_type=wanted.config_type, stdin=sys.stdin.read)
    if template is None:
        raise TemplateError(diags)
    return template


def compile_options(
    wanted: TemplateOptions, *, warn_undeclared: bool, now: datetime | None = None
) -> CompileOptions:
    inputs = VariableInputs(
        values=wanted.variables, files=wanted.var_files, environment=dict(os.environ), warn_undeclared=warn_undeclared
    )
    return CompileOptions(
        now=now or datetime.now(UTC), cwd=started_in(), variables=inputs, only=wanted.only, except_=wanted.except_
    )


def read_plan(
    wanted: TemplateOptions,
    registry: Registry,
    diags: Diagnostics,
    *,
    warn_undeclared: bool,
    now: datetime | None = None,
) -> Plan:
    """The plan of the template; with errors reported it is as complete as it can be, and must not be run.

    A template that is not legible is not compiled: what that would say follows from the first mistakes.
    """
    from hclimg.template.ordering import in_text_order

    template = read_template(wanted, diags)
    if not template.legible:
        diags.raise_if_errors()
    options = compile_options(wanted, warn_undeclared=warn_undeclared, now=now)
    plan = compile_plan(template, options, registry, diags)
    diags.items[:] = in_text_order(diags)
    return plan


def run_options(**options: Any) -> RunOptions:
    """How to run; ``options`` are those of the command line."""
    from hclimg.engine.run import RunOptions
    from hclimg.engine.rundir import cache_directory, home_directory

    home, cache = home_directory(os.environ, Path.cwd()), cache_directory(os.environ, Path.home())
    return RunOptions(home=home, cache=cache, version=__version__, **options)
