"""``hclimg apply``: builds the images of a template. ``hclimg build`` is the same."""

from __future__ import annotations

import gc
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from hclimg.cli.limits import limit_option, read_limits
from hclimg.cli.options import (
    Command,
    TemplateOptions,
    colour_option,
    ignored,
    state_option,
    switch,
    template_options,
)
from hclimg.cli.reading import Reading, read_plan, run_options
from hclimg.cli.terminal import flushed, print_as_csv, print_as_json, show_diagnostics, stderr_theme
from hclimg.diagnostics import Diagnostics
from hclimg.engine.interrupts import Interrupts
from hclimg.engine.onerror import OnError
from hclimg.engine.result import RunResult
from hclimg.engine.run import RunOptions, apply
from hclimg.errors import BuildError
from hclimg.events import Sink
from hclimg.plan.plan import Plan
from hclimg.registry import Registry
from hclimg.ui.choose import Format, make_output

ON_ERROR = [mode.value for mode in OnError]
GARBAGE = 20_000  # objects that are made before garbage is looked for: importing an SDK makes many that stay


@click.command(cls=Command)
@template_options()
@click.option(
    "-on-error", type=click.Choice(ON_ERROR), default=OnError.CLEANUP.value, metavar="|".join(ON_ERROR),
    help="What to do when something fails.",
)  # fmt: skip
@click.option(
    "-parallel-builds", type=click.INT, default=0, metavar="N", help="How many builds run at once; 0: all."
)
@limit_option
@state_option
@switch("-force", "Replace what an earlier run made.")
@switch("-debug", "Build one after the other, and ask before each step.")
@colour_option
@switch("-timestamp-ui", "Put the time before each line.")
@switch("-json", "Print every event as a line of JSON.")
@switch("-machine-readable", "Print Packer's machine-readable lines.")
@switch("-warn-on-undeclared-var", "Warn about values for variables that are not declared.")
@ignored("-skip-enforcement", "there is no registry that could enforce provisioners")
def command(
    *,
    wanted: TemplateOptions,
    on_error: str,
    parallel_builds: int,
    limits: tuple[str, ...],
    state: str | None,
    force: bool,
    debug: bool,
    color: bool | None,
    timestamp_ui: bool,
    json: bool,
    machine_readable: bool,
    warn_on_undeclared_var: bool,
) -> int:
    """Build the images of a template.

    TEMPLATE is a file, a directory, or - for standard input; without it the current directory.
    """
    if json and machine_readable:
        raise click.UsageError("Only one of -json and -machine-readable can be used.")
    form = Format.JSON if json else Format.MACHINE if machine_readable else Format.HUMAN
    registry, diags, now = Registry(), Diagnostics(), datetime.now(UTC)
    try:
        reading = Reading("apply", sinks=lambda: [_reading_sink(form, color, timestamps=timestamp_ui)])
        plan = read_plan(
            wanted, registry, diags, warn_undeclared=warn_on_undeclared_var, now=now, reading=reading
        )  # fmt: skip
        diags.raise_if_errors()
    finally:
        _tell_programs(diags, form)
    show_diagnostics(diags)
    options = run_options(
        template=wanted.identity, parallel_builds=parallel_builds, force=force, debug=debug,
        on_error=OnError(on_error), started=now.timestamp(), state=_state(state),
        limits=read_limits(limits, os.environ, plan),
    )  # fmt: skip
    result = _run(plan, options, registry, form, color, timestamps=timestamp_ui)
    flushed()  # a reader that went away does not change what became of the builds
    _tell_lost_records(result)
    if form is Format.HUMAN:
        _explain(result)
    if result.stopped:
        _leave_at_once(result.exit_code)
    return result.exit_code


def _state(path: str | None) -> Path | None:
    """The file of artifacts that the user wants; better told now than after the builds that it is in no place."""
    if path is None:
        return None
    found = Path(path).absolute()
    if not found.parent.is_dir():
        raise BuildError(f"The file of artifacts {path} cannot be written: there is no directory {found.parent}.")
    return found


def _tell_programs(diags: Diagnostics, form: Format) -> None:
    """Who reads our output finds there what was wrong, too; people find it on standard error."""
    if form is Format.JSON:
        print_as_json(diags)
    elif form is Format.MACHINE:
        print_as_csv(diags)


def _reading_sink(form: Format, colour: bool | None, *, timestamps: bool) -> Sink:
    """Data sources that are read before there is a plan: a few lines, for which no live output is needed."""
    if form is not Format.HUMAN:
        return make_output(form, sys.stdin, sys.stdout).sink
    from hclimg.ui.plain import Plain
    from hclimg.ui.theme import theme_for

    return Plain(sys.stdout, theme_for(sys.stdout, colour), timestamps)


def _run(
    plan: Plan, options: RunOptions, registry: Registry, form: Format, colour: bool | None, *, timestamps: bool
) -> RunResult:
    output = make_output(form, sys.stdin, sys.stdout, colour=colour, timestamps=timestamps)
    gc.freeze()  # the plan lives until the end: it need not be looked at again and again
    gc.set_threshold(GARBAGE)
    gc.enable()
    try:
        with Interrupts() as interrupts:
            return apply(
                plan, options, registry=registry, sinks=[output.sink], prompter=output.prompter, interrupts=interrupts
            )
    except Exception as error:
        error.add_note(f"The directory of the run is {options.home / 'runs' / options.run_id}.")
        raise
    finally:
        output.sink.close()


def _tell_lost_records(result: RunResult) -> None:
    """The builds went on without the outputs that broke; a reader that has gone need not be told."""
    lost = [error for error in result.sink_errors if not isinstance(error, BrokenPipeError)]
    for why in dict.fromkeys(getattr(error, "strerror", None) or repr(error) for error in lost):
        print(f"Warning: Something that this run had to say could not be written: {why}.", file=sys.stderr)


def _explain(result: RunResult) -> None:
    """Where in the template the things stand that failed, and where there is more to read."""
    if result.ok:
        return
    print(file=sys.stderr)
    show_diagnostics((item for failure in result.failures for item in failure.diagnostics), total=False)
    text = f"The logs of this run are in {os.path.relpath(result.directory / 'logs')}."
    print(stderr_theme().paint("faint", text), file=sys.stderr)


def _leave_at_once(code: int) -> None:
    """After two interrupts nothing is waited for, not even our own threads."""
    flushed()
    sys.stderr.flush()
    os._exit(code)
