"""From the options of a command to a template and a plan: the part that all commands share."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from hclimg import __version__
from hclimg.cli.options import TemplateOptions
from hclimg.cli.workplace import started_in
from hclimg.diagnostics import Diagnostics
from hclimg.errors import TemplateError
from hclimg.plan.compile import CompileOptions, compile_plan, compile_reading
from hclimg.plan.plan import Plan
from hclimg.registry import Registry
from hclimg.template.inputs import VariableInputs
from hclimg.template.model import Template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hclimg.engine.run import RunOptions
    from hclimg.events import Sink


@frozen
class Reading:
    """Data sources are to be read before there is a plan: those that decide what it looks like, or ``every`` one.

    ``sinks`` makes what is told of it.
    """

    command: str
    every: bool = False
    sinks: Callable[[], Iterable[Sink]] = tuple


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
    reading: Reading | None = None,
) -> Plan:
    """The plan of the template; with errors reported it is as complete as it can be, and must not be run.

    A template that is not legible is not compiled: what that would say follows from the first mistakes.
    Without ``reading``, no data source is read. Raises TemplateError when one fails.
    """
    from hclimg.template.load import STDIN
    from hclimg.template.ordering import in_text_order

    template = read_template(wanted, diags)
    if not template.legible:
        diags.raise_if_errors()
    options = compile_options(wanted, warn_undeclared=warn_undeclared, now=now)
    found = Diagnostics()
    plan = compile_plan(template, options, registry, found)
    if reading is not None and any(one.data for one in template.all()) and not (diags.has_errors or found.has_errors):
        plan = _compile_with_data(template, options, registry, reading, plan, found)
    diags.items[:] = in_text_order((*diags, *found))
    if template.legacy and found.has_errors and wanted.path != STDIN:
        from hclimg.template.fixes.hint import warn_of_old_names

        warn_of_old_names(Path(wanted.path), diags)
    return plan


def _compile_with_data(
    template: Template, options: CompileOptions, registry: Registry, reading: Reading, plan: Plan, diags: Diagnostics
) -> Plan:
    """The plan again, now that data sources have been read, and again, if these decide which others there are."""
    while not diags.has_errors:
        first = compile_reading(template, options, registry, Diagnostics(), every=reading.every)
        if not first.nodes:
            break
        from hclimg.cli.data import read_data  # the engine, which a plan without data sources does without

        options = evolve(options, data={**options.data, **read_data(first, registry, reading)})
        diags.items.clear()
        plan = compile_plan(template, options, registry, diags)
    return plan


def run_options(**options: Any) -> RunOptions:
    """How to run; ``options`` are those of the command line."""
    from hclimg.engine.run import RunOptions
    from hclimg.engine.rundir import cache_directory, home_directory

    home, cache = home_directory(os.environ, Path.cwd()), cache_directory(os.environ, Path.home())
    return RunOptions(home=home, cache=cache, version=__version__, **options)
