"""Where the program works: ``-chdir=DIR`` goes to another directory for as long as a command takes."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path

import click

from hclimg.cli.options import CHDIR

_STARTED_IN = "hclimg.started_in"


def work_in(directory: str, ctx: click.Context) -> None:
    """From now on relative paths start there, and ``.hclimg`` is there; until the context is closed."""
    if not directory:
        ctx.fail(f"Write {CHDIR}=DIR, with a directory.")
    try:
        ctx.meta[_STARTED_IN] = Path.cwd()
        ctx.with_resource(chdir(directory))
    except OSError as error:
        ctx.fail(f'{CHDIR}: the program cannot work in "{directory}": {error.strerror}.')


def started_in() -> Path:
    """Where the user called the program: ``path.cwd``, which ``-chdir`` does not change."""
    ctx = click.get_current_context(silent=True)
    found = ctx.meta.get(_STARTED_IN) if ctx else None
    return found if isinstance(found, Path) else Path.cwd()
