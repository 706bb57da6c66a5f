"""What is in the file system of an image, and what differs between two of them, as text for golden files."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from stat import filemode
from types import MappingProxyType

Tree = Mapping[str, str]
"""Path → ``drwxr-xr-x root:root`` and a digest of the content, or where a link leads."""

_KINDS = {tarfile.DIRTYPE: 0o040000, tarfile.SYMTYPE: 0o120000, tarfile.CHRTYPE: 0o020000, tarfile.BLKTYPE: 0o060000,
          tarfile.FIFOTYPE: 0o010000}  # fmt: skip


def tree_of(tar: tarfile.TarFile) -> dict[str, str]:
    """Of the archive of a file system, or of a layer."""
    return {_path(member.name): _entry(tar, member) for member in tar if _path(member.name)}


def _path(name: str) -> str:
    return name.removeprefix("./").strip("/")


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    mode = filemode(_KINDS.get(member.type, 0o100000) | member.mode)
    return f"{mode} {member.uid}:{member.gid}{_content(tar, member)}"


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    if member.issym():
        return f" -> {member.linkname}"
    if member.islnk():
        return f" = {_path(member.linkname)}"
    file = tar.extractfile(member) if member.isfile() else None
    return f" {hashlib.sha256(file.read()).hexdigest()[:12]}" if file else ""


def tree_below(root: Path) -> dict[str, str]:
    """Of a directory of this host."""
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            tar.add(root, ".")
        file.seek(0)
        with tarfile.open(fileobj=file) as tar:
            return tree_of(tar)


def changes(before: Tree, after: Tree, unsteady: Mapping[str, str] = MappingProxyType({})) -> str:
    """A line for each path that was added, removed or changed. ``unsteady`` are patterns of paths whose content is
    different each time, with the reason: of these, only what is not content counts."""
    lines = []
    for path in sorted(before.keys() | after.keys()):
        old, new = (_steady(path, tree.get(path), unsteady) for tree in (before, after))
        if old == new:
            continue
        if old is None or new is None:
            lines.append(f"added    {path}  {new}" if old is None else f"removed  {path}  {old}")
        else:
            lines.append(f"changed  {path}  {old}  =>  {new}")
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _steady(path: str, entry: str | None, unsteady: Mapping[str, str]) -> str | None:
    if entry is None or not any(fnmatch(path, pattern) for pattern in unsteady):
        return entry
    return " ".join(entry.split(" ")[:2])
