"""The disk images of an artifact: which of its files they are, what qemu-img knows of them, and their conversion."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hclimg.errors import BuildError, CommandFailed
from hclimg.sdk.context import Context
from hclimg.sdk.disk import disk_full
from hclimg.sdk.machine import Artifact
from hclimg.sdk.process import run_program

FORMATS = ("qcow2", "vmdk", "vdi", "vpc", "vhdx", "raw")
NOT_DISKS = (".fd", ".iso", ".json", ".log", ".checksum", ".tar", ".vmlinuz", ".initrd")
SECTOR = 512


def disk_images(ctx: Context, artifact: Artifact) -> list[tuple[Path, str]]:
    """The disk images of an artifact with their formats: those that its builder names, or what looks like one.

    Raises BuildError when there is none.
    """
    found = []
    for path in _candidates(artifact):
        if path.suffix in NOT_DISKS or not path.is_file():
            continue
        told = image_info(ctx, path)["format"]
        if told in FORMATS and (told != "raw" or path.stat().st_size % SECTOR == 0):
            found.append((path, told))
    if not found:
        hint = "Put this post-processor behind a builder of disk images, such as qemu or rootfs."
        raise BuildError("The artifact has no disk image.", hint=hint)
    return found


def _candidates(artifact: Artifact) -> list[Path]:
    """What a builder says of its disks holds while they are files of the artifact: artifice gives it others."""
    disks, same = artifact.state.get("diskPaths"), artifact.state.get("images")
    if isinstance(disks, list) and set(disks) <= set(artifact.files):
        return [Path(name) for name in disks]
    if isinstance(same, Mapping):  # one disk in several formats
        known = [same[kind] for kind in FORMATS if same.get(kind) in artifact.files]
        if known:
            return [Path(known[0])]
    return [Path(name) for name in artifact.files]


def image_info(ctx: Context, path: Path) -> dict[str, Any]:
    """What ``qemu-img info`` tells: ``format``, ``virtual-size`` in bytes, perhaps ``backing-filename``."""
    told: dict[str, Any] = json.loads(qemu_img(ctx, ["info", "--output=json", str(path)], path))
    return told


def qemu_img(ctx: Context, arguments: list[str], target: Path) -> str:
    """Run qemu-img, which writes or reads ``target``; what it printed."""
    try:
        return run_program(ctx, ["qemu-img", *arguments]).stdout
    except CommandFailed as error:
        said = " ".join(error.output)
        if "No space left on device" in said:
            raise disk_full(target) from error
        raise BuildError(f"qemu-img {arguments[0]} failed: {said or error.message}") from error
