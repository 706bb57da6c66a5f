"""The file that the file builder makes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from attrs import define

from hclimg.builders.file.config import FileConfig
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.disk import FULL, disk_full
from hclimg.sdk.journal import Record
from hclimg.sdk.steps import step


@define
class Made:
    """The file, temporary until :meth:`keep`."""

    path: Path
    record: Record
    kept: bool = False

    def keep(self) -> None:
        self.kept = True
        self.record.kept()


@step("Writing file", undo="Closing file")
def written(ctx: Context, config: FileConfig) -> Iterator[Made]:
    """The file appears with all of its content or not at all."""
    path = Path(config.target).expanduser()
    part = path.with_name(f".{path.name}.{ctx.run.id}.part")
    record = ctx.journal.intend("file", path=str(path.absolute()))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if config.source:
            shutil.copyfile(Path(config.source).expanduser(), part)
        else:
            part.write_text(config.content, encoding="utf-8", newline="")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        record.gone()
        raise _translated(error, path, config) from error
    record.made()
    made = Made(path, record)
    yield made
    if not made.kept:
        path.unlink(missing_ok=True)
        record.gone()


def _translated(error: OSError, path: Path, config: FileConfig) -> BuildError:
    if error.errno in FULL:
        return disk_full(path)
    if config.source and error.filename == str(Path(config.source).expanduser()):
        return BuildError(f"The source {config.source} cannot be read: {error.strerror}.")
    return BuildError(f"The file {config.target} cannot be written: {error.strerror}.")
