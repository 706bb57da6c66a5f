"""A build's own directory below the cache: on its filesystem, so that packages can be linked and layers laid."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from hclimg.sdk.context import Context
from hclimg.sdk.disk import disk_space
from hclimg.sdk.steps import step


@step("Creating work directory", undo="Removing work directory")
def work_directory(ctx: Context, below: Path) -> Iterator[Path]:
    path = below / f"{ctx.run.id}-{secrets.token_hex(4)}"
    record = ctx.journal.intend("directory", path=str(path))
    with disk_space(path):
        path.mkdir(mode=0o700, parents=True)
    record.made()
    yield path
    shutil.rmtree(path)
    record.gone()
