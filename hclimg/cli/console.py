"""``hclimg console``: evaluates expressions with the names of a template, at a terminal or from standard input."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from attrs import define, evolve

from hclimg.cli.options import Command, TemplateOptions, template_options
from hclimg.cli.reading import compile_options, read_template
from hclimg.cli.terminal import show_diagnostics
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.errors import Cancelled, TemplateError
from hclimg.lang.evaluate import references
from hclimg.lang.pretty import bare, pretty
from hclimg.lang.scope import Scope
from hclimg.lang.source import decode_source
from hclimg.lang.statements import is_unfinished, statements
from hclimg.lang.syntax import Expr
from hclimg.plan.compile import CompileOptions, compile_reading, evaluate_globals
from hclimg.template.globals import Globals
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
    diags = Diagnostics()
    names = _names(wanted, diags)
    show_diagnostics(diags)
    if sys.stdin.isatty() and sys.stdout.isatty():
        _converse(Session(names, pretty))
        return 0
    is_right = _answer_all(Session(names, bare))
    return 0 if is_right and not diags.has_errors else 1


@define
class _Names:
    """The names of a template. Its data sources are read when an expression first needs one."""

    template: Template
    options: CompileOptions
    globals: Globals

    @property
    def scope(self) -> Scope:
        return self.globals.scope

    def scope_for(self, expr: Expr, diags: Diagnostics) -> Scope:
        needed = self.globals.data_of(references(expr))
        if not needed <= self.globals.known.data.keys():
            try:
                self._read_data()
            except TemplateError as error:
                diags.extend(error.diagnostics)
        return self.scope

    def _read_data(self) -> None:
        from hclimg.cli.data import read_data
        from hclimg.cli.reading import Reading
        from hclimg.registry import Registry

        registry, diags = Registry(), Diagnostics()
        while True:  # what is read decides which modules there are, and so which others are to be read
            plan = compile_reading(self.template, self.options, registry, diags, every=True)
            diags.raise_if_errors()
            if not plan.nodes:
                break
            found = read_data(plan, registry, Reading("console", every=True))
            self.options = evolve(self.options, data={**self.options.data, **found})
        self.globals = evaluate_globals(self.template, self.options, Diagnostics())


def _names(wanted: TemplateOptions, diags: Diagnostics) -> _Names:
    template = _template(wanted, diags)
    found, options = Diagnostics(), compile_options(wanted, warn_undeclared=False)
    globals_ = evaluate_globals(template, options, found)
    diags.extend(problem for problem in found if problem.summary != UNSET_VARIABLE)
    return _Names(template, options, globals_)


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
            except (KeyboardInterrupt, Cancelled):
                print("Interrupted.", file=sys.stderr)


def _answer(session: Session, source: SourceText, start: int, end: int) -> None:
    diags = Diagnostics()
    answer = session.answer(source, start, end, diags)
    show_diagnostics(diags, total=False)
    if answer is not None:
        print(answer)
