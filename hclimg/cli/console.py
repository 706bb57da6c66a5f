"""``hclimg console``: evaluates expressions with the names of a template, at a terminal or from standard input."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from attrs import evolve

from hclimg.cli.options import Command, TemplateOptions, template_options
from hclimg.cli.reading import compile_options, read_template
from hclimg.cli.terminal import show_diagnostics
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.errors import TemplateError
from hclimg.lang.pretty import bare, pretty
from hclimg.lang.scope import Scope
from hclimg.lang.source import decode_source
from hclimg.lang.statements import is_unfinished, statements
from hclimg.plan.compile import evaluate_globals
from hclimg.template.load import STDIN
from hclimg.template.model import Template
from hclimg.template.session import EXIT, Session

UNSET_VARIABLE = "Unset variable"
"""The summary of the diagnostic that is no error before the variable is asked for."""
GREETING = 'hclimg console. "help" says what it understands, Ctrl-D leaves.'


@click.command(cls=Command)
@template_options(selection=False, default="")
def command(*, wanted: TemplateOptions) -> int:
    """Evaluate expressions with the variables, locals and functions of a template.

    Without TEMPLATE those of the current directory, if there is one there. From a pipe it reads one expression a line,
    or over several lines where a bracket or heredoc is open, and prints the value of the last one.
    """
    if wanted.path == STDIN:
        raise click.UsageError("The console reads expressions from standard input; give the template as a file.")
    scope, is_whole = _scope(wanted)
    if sys.stdin.isatty() and sys.stdout.isatty():
        _converse(Session(scope, pretty))
        return 0
    is_right = _answer_all(Session(scope, bare))
    return 0 if is_whole and is_right else 1


def _scope(wanted: TemplateOptions) -> tuple[Scope, bool]:
    """The names of the template, and whether there is nothing wrong with it. What is wrong is shown."""
    diags = Diagnostics()
    template = _template(wanted, diags)
    found = Diagnostics()
    values = evaluate_globals(template, compile_options(wanted, warn_undeclared=False), found)
    diags.extend(problem for problem in found if problem.summary != UNSET_VARIABLE)
    show_diagnostics(diags)
    return values.scope, not diags.has_errors


def _template(wanted: TemplateOptions, diags: Diagnostics) -> Template:
    here = Path()
    if not wanted.path and not any(name.endswith((".pkr.hcl", ".pkr.json")) for name in os.listdir(here)):  # noqa: PTH208
        return Template(path="", base_dir=here)
    try:
        return read_template(evolve(wanted, path=wanted.path or "."), diags)
    except TemplateError:  # what it says is in diags
        return Template(path=wanted.path, base_dir=here)


def _answer_all(session: Session) -> bool:
    """Answer what standard input has; false when something in it is wrong."""
    diags = Diagnostics()
    source = decode_source("<stdin>", sys.stdin.buffer.read(), diags) or SourceText("<stdin>", "")
    answer: str | None = None
    for start, end in statements(source.text):
        if source.text[start:end] == EXIT:
            break
        answer = session.answer(source, start, end, diags)
    show_diagnostics(diags)
    if answer is not None:
        print(answer)
    return not diags.has_errors


def _converse(session: Session) -> None:
    from hclimg.ui.repl import Reader, history

    reader = Reader(history(os.environ, Path.home()), is_unfinished, session.completions)
    print(GREETING)
    while (text := reader.read()) is not None:
        source = SourceText("<console>", text)
        for start, end in statements(text):
            if text[start:end] == EXIT:
                return
            try:
                _answer(session, source, start, end)
            except KeyboardInterrupt:
                print("Interrupted.", file=sys.stderr)


def _answer(session: Session, source: SourceText, start: int, end: int) -> None:
    diags = Diagnostics()
    answer = session.answer(source, start, end, diags)
    show_diagnostics(diags, total=False)
    if answer is not None:
        print(answer)
