"""The result's directory: it appears finished, or not at all.

Images are made in a hidden directory beside it, which takes its name at the end. With ``-force`` the old result
stays until then, so a build that fails takes nothing away.
"""

from __future__ import annotations

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


@define
class Staging:
    """``path`` is where to work until :meth:`publish`."""

    path: Path
    output: Path
    _record: Record
    published: bool = False

    def publish(self, ctx: Context) -> None:
        """Give the directory its name."""
        refuse_existing(ctx, self.output)
        old = self._put_aside()
        try:
            self.path.rename(self.output)
        except OSError as error:
            if old:
                old.rename(self.output)
            raise BuildError(f"The result cannot be moved to {self.output}: {error.strerror}.") from error
        self.published = True
        self._record.gone()
        if old:
            ctx.say(f"Replaced what was in {self.output}.")
            _remove(old)

    def _put_aside(self) -> Path | None:
        if not os.path.lexists(self.output):
            return None
        old = self.path.with_name(f"{self.path.name}.old")
        self.output.rename(old)
        return old


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


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
