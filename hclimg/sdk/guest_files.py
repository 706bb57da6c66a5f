"""Which files of the host a guest sees while it is built: a build depends on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hclimg.sdk.cdrom import CdConfig
    from hclimg.sdk.floppy import FloppyConfig
    from hclimg.sdk.http import HttpConfig


def guest_files(http: HttpConfig, cd: CdConfig, floppy: FloppyConfig) -> tuple[Path, ...]:
    """Those that are served, and those on the media that are made for it."""
    from hclimg.sdk.cdrom import cd_files
    from hclimg.sdk.media import expanded, flat, nested

    found: list[Path] = []
    if http.http_directory:
        found += Path(http.http_directory).expanduser().rglob("*")
    found += [item for item in cd_files(cd).values() if isinstance(item, Path)]
    found += [file for path in expanded(floppy.floppy_files) for _, file in flat(path)]
    found += [item for path in expanded(floppy.floppy_dirs) for _, item in nested(path)]
    return tuple(path for path in found if path.is_file())
