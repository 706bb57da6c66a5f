"""Writing to the terminal for the commands: diagnostics, widths, colours."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from hclimg.diagnostics import Diagnostic
    from hclimg.ui.theme import Theme

NARROW = 20  # columns that are assumed where a terminal has fewer
OFF_TERMINAL = 200  # columns of a log file: wide enough for most lines of a template


def open_streams() -> None:
    """Give the program the streams that its caller has closed (``>&-``).

    Otherwise the next file that is opened takes their place, and what is printed goes into that file.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - as long as the program


def show_diagnostics(diagnostics: Iterable[Diagnostic], *, total: bool = True) -> None:
    """Write what was reported to standard error; nothing when nothing was."""
    items = list(diagnostics)
    if not items:
        return
    from hclimg.ui.diagnostics import render

    print(render(items, stderr_theme(), width(sys.stderr), total=total), end="", file=sys.stderr)


def print_as_csv(diagnostics: Iterable[Diagnostic]) -> None:
    """What was reported, for who reads ``-machine-readable`` output: one line each, as Packer writes them."""
    import time

    from hclimg.diagnostics import Severity
    from hclimg.ui.diagnostics import render
    from hclimg.ui.machine import line

    for item in diagnostics:
        kind = "error" if item.severity is Severity.ERROR else "say"
        print(line(time.time(), "", "ui", kind, render([item], total=False).rstrip("\n")), end="")


def print_as_json(diagnostics: Iterable[Diagnostic]) -> None:
    """What was reported, for who reads ``-json`` output: one line each, like the events of a run."""
    import time
    from json import dumps

    from hclimg.ui.diagnostics import diagnostic_json

    for item in diagnostics:
        event = {"type": "diagnostic", "lane": "", "node": "", "at": time.time(), **diagnostic_json(item)}
        print(dumps(event, ensure_ascii=False, separators=(",", ":")))


def flushed() -> bool:
    """Write what is still to be written; false when whoever read our output has gone, which nobody is told twice."""
    try:
        sys.stdout.flush()
    except OSError:  # also a disk that is full
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def stderr_theme() -> Theme:
    return theme_of(sys.stderr)


def theme_of(stream: TextIO) -> Theme:
    """How text looks that goes there."""
    import click

    from hclimg.ui.theme import theme_for

    ctx = click.get_current_context(silent=True)
    return theme_for(stream, ctx.find_root().color if ctx else None)


def width(stream: TextIO) -> int:
    """The columns of a terminal; some don't know how many they have."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return OFF_TERMINAL
    return max(columns, NARROW) if columns else OFF_TERMINAL
