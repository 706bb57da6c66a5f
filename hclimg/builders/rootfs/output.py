"""The result's directory: it appears finished, or not at all.

Images are made in a hidden directory beside it, which takes its name at the end. With ``-force`` the old result
stays until then, so a build that fails takes nothing away.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from attrs import define

from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.disk import disk_space, refuse_existing
from hclimg.sdk.journal import Record
from hclimg.sdk.steps import step

AT_FDCWD, RENAME_EXCHANGE = -100, 2
"""Of renameat2(2)."""


@define
class Staging:
    """``path`` is where to work until :meth:`publish`."""

    path: Path
    output: Path
    _record: Record
    published: bool = False

    def publish(self, ctx: Context) -> None:
        """Give the directory its name. An old result takes the hidden one, which is in the journal, and goes."""
        refuse_existing(ctx, self.output)
        old = os.path.lexists(self.output)
        try:
            if self.output.is_dir() and not self.output.is_symlink():
                exchange(self.path, self.output)
            else:
                self.output.unlink(missing_ok=True)
                self.path.rename(self.output)
        except OSError as error:
            raise BuildError(f"The result cannot be moved to {self.output}: {error.strerror}.") from error
        self.published = True
        if self._is_rid_of_old(ctx):
            self._record.gone()
        if old:
            ctx.say(f"Replaced what was in {self.output}.")

    def _is_rid_of_old(self, ctx: Context) -> bool:
        try:
            if self.path.exists():
                shutil.rmtree(self.path)
        except OSError as error:
            where = f"The old result, which is {self.path} now, cannot be deleted: {error.strerror}."
            ctx.warn(f"{where} `hclimg cleanup` will try again.")
            return False
        return True


@step("Creating working copy of the output directory", undo="Closing working copy of the output directory")
def staging(ctx: Context, output: Path) -> Iterator[Staging]:
    path = output.parent / f".{output.name}.{secrets.token_hex(4)}"
    record = ctx.journal.intend("directory", path=str(path))
    try:
        with disk_space(path):
            output.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir()
    except OSError as error:
        record.gone()
        raise BuildError(f"The output directory {output} cannot be made: {error.strerror}.") from error
    record.made()
    result = Staging(path, output, record)
    yield result
    if not result.published:
        shutil.rmtree(path, ignore_errors=True)
        record.gone()


def exchange(one: Path, other: Path) -> None:
    """Two directories of one file system take each other's name, at once where that is possible. Raises OSError."""
    try:
        _exchange_at_once(one, other)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):
            raise
        aside = one.with_name(f"{one.name}.old")
        other.rename(aside)
        try:
            one.rename(other)
        except OSError:
            aside.rename(other)
            raise
        aside.rename(one)


def _exchange_at_once(one: Path, other: Path) -> None:
    """What Python has no function for. Not every file system can do it."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    if rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
