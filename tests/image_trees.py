"""What is in the file system of an image, and what differs between two of them, as text for golden files."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Mapping
from stat import filemode

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
