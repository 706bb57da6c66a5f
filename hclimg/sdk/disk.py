"""Directories of the host that a build owns: a private one for its working files, and the one for its result.

A full disk is an error of the world, so it is said as one, wherever the system reports it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define

from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.journal import Record
from hclimg.sdk.steps import step

FULL = (errno.ENOSPC, errno.EDQUOT)


@define
class OutputDirectory:
    """Where the result goes. Until :meth:`keep` it is temporary, and closing the scope removes it."""

    path: Path
    _record: Record
    kept: bool = False

    def keep(self) -> None:
        """What is in it is the result."""
        self.kept = True
        self._record.kept()


@step("Creating private directory", undo="Removing private directory")
def private_directory(ctx: Context) -> Iterator[Path]:
    """A directory for sockets, keys and logs that only this user can read."""
    import secrets
    import tempfile

    path = Path(tempfile.gettempdir()) / f"hclimg-{secrets.token_hex(6)}"
    record = ctx.journal.intend("directory", path=str(path))
    with disk_space(path):
        path.mkdir(mode=0o700)
    record.made()
    yield path
    remove_directory(ctx, path, record)


@step("Creating output directory", undo="Closing output directory")
def output_directory(ctx: Context, path: Path) -> Iterator[OutputDirectory]:
    """Make the directory of the result; with ``-force`` what stands there is removed first."""
    import shutil

    path = path.absolute()
    refuse_existing(ctx, path)
    if path.exists():
        ctx.say(f"Removing what is in {path}.")
        shutil.rmtree(path)
    record = ctx.journal.intend("directory", path=str(path))
    try:
        with disk_space(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir()
    except FileExistsError:
        record.gone()
        raise _exists(path) from None
    except OSError as error:
        record.gone()
        raise BuildError(f"The output directory {path} cannot be made: {error.strerror}.") from error
    record.made()
    directory = OutputDirectory(path, record)
    yield directory
    if not directory.kept:
        remove_directory(ctx, path, record)


def remove_directory(ctx: Context, path: Path, record: Record) -> None:
    """Remove what a build made; what cannot be removed stays in the journal, for ``hclimg cleanup``."""
    import shutil

    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        ctx.warn(f"{path} cannot be removed now; `hclimg cleanup` will try again.")
    else:
        record.gone()


def refuse_existing(ctx: Context, path: Path) -> None:
    """Raise BuildError when the output directory has something in it and the user did not say ``-force``."""
    if ctx.run.force:
        return
    if path.is_dir() and not any(path.iterdir()):
        return
    if os.path.lexists(path):
        raise _exists(path)


def shown(path: Path) -> Path:
    """A path as the user would write it: relative when it is below the current directory."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _exists(path: Path) -> BuildError:
    return BuildError(
        f"The output directory {path} exists already.",
        hint="Remove it, set another output_directory, or run with -force to replace it.",
    )


@contextmanager
def disk_space(path: Path) -> Iterator[None]:
    """Inside, a full disk is a BuildError that says which disk and how much is free."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise disk_full(path) from error
        raise


def disk_full(path: Path) -> BuildError:
    """The error for a disk that is full; ``path`` is what was being written."""
    from hclimg.units import show_size

    parent = next((p for p in (path, *path.absolute().parents) if p.exists()), Path("/"))
    room = os.statvfs(parent)
    free = show_size(room.f_bavail * room.f_frsize)
    return BuildError(
        f"The disk is full: {path} cannot be written ({free} free).",
        hint="Free some space, or put the output_directory (or TMPDIR, for working files) on a larger disk.",
    )
