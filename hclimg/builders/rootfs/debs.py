"""Packages that were downloaded once: kept for all the builds of this user.

Two apts cannot share one archive directory, because each locks it. So each gets a directory of its own with a hard link
for every package that is known, and what it downloaded is linked back afterwards. apt replaces files and never writes
into them, and a link appears whole or not at all, so builds need not wait for each other.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from shutil import copyfile

MOST = 2 << 30
"""How many bytes of packages are kept; beyond that, those that came first go."""


def seed(cache: Path, archives: Path) -> None:
    """Give an apt all the packages that are known. ``archives`` is its own new directory."""
    archives.mkdir(parents=True, exist_ok=True)
    for known in _packages(cache):
        with suppress(FileNotFoundError):  # another build made room
            try:
                os.link(known.path, archives / known.name)
            except OSError as error:
                if isinstance(error, FileNotFoundError):
                    raise
                copyfile(known.path, archives / known.name)


def harvest(archives: Path, cache: Path, *, most: int = MOST) -> int:
    """Keep what an apt downloaded; how many packages that were."""
    cache.mkdir(parents=True, exist_ok=True)
    new = 0
    for found in _packages(archives):
        if found.stat(follow_symlinks=False).st_nlink > 1:
            continue
        try:
            os.link(found.path, cache / found.name, follow_symlinks=False)
        except FileExistsError:
            continue
        except OSError:  # another filesystem: the cache is a convenience
            break
        new += 1
    if new:
        make_room(cache, most)
    return new


def make_room(cache: Path, most: int) -> None:
    """Remove the oldest packages until no more than ``most`` bytes are left."""
    files = sorted(((f.stat().st_ctime, f.stat().st_size, f.path) for f in _packages(cache)), reverse=True)
    kept = 0
    for _, size, path in files:
        kept += size
        if kept > most:
            Path(path).unlink(missing_ok=True)


def _packages(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as scan:
            return [item for item in scan if item.name.endswith(".deb") and item.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return []
