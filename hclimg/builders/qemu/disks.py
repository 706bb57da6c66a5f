"""The disks of the machine: made before it starts, turned into the result when it is off.

While the machine runs, the main disk is at its final place, as with Packer. When it will be converted anyway, it is an
overlay over the disk image instead of a copy of it: the conversion then reads both, and nothing is copied twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from hclimg.builders.qemu.command import Disk
from hclimg.builders.qemu.config import DEFAULT_DISK_SIZE, DiskConfig, QemuConfig
from hclimg.errors import BuildError, CommandFailed
from hclimg.sdk.context import Context
from hclimg.sdk.disk import disk_full
from hclimg.sdk.process import Completed, run_program
from hclimg.sdk.steps import step
from hclimg.units import show_size, size

QEMU_IMG = "qemu-img"
UNKNOWN_PROTOCOL = "Unknown protocol"
NEEDS_CURL = (
    "This QEMU cannot read URLs. On Debian or Ubuntu: apt-get install qemu-block-extra. Or drop iso_skip_cache."
)
NATIVE = ("qcow2", "raw")
"""Formats that a machine runs on as well as on any; others are only converted to."""


@frozen(kw_only=True)
class Plan:
    """What the disks go through. ``format`` is that of the working disks; ``convert``: they become another file in the
    end; ``overlay``: the main disk begins as an empty layer over the disk image.
    """

    format: str
    convert: bool
    overlay: bool
    cache: str


def plan_disks(config: QemuConfig) -> Plan:
    disk = config.disk
    own_drives = any(row and row[0].lstrip("-") == "drive" for row in config.qemuargs)
    if disk.format == "qcow2":
        convert = disk.disk_compression or not (disk.skip_compaction or disk.use_backing_file)
    else:
        # The user's own -drive says format=raw; then the working disk must be just that.
        convert = disk.format not in NATIVE or (disk.disk_image and not own_drives)
    overlay = disk.disk_image and (disk.use_backing_file or convert)
    working = "qcow2" if overlay or disk.format not in NATIVE else disk.format
    cache = disk.disk_cache or ("unsafe" if convert else "writeback")
    return Plan(format=working, convert=convert, overlay=overlay, cache=cache)


def disk_paths(config: QemuConfig, output: Path, name: str) -> tuple[Path, ...]:
    """The main disk and the additional ones, as Packer names them."""
    count = len(config.disk.disk_additional_size)
    return (output / name, *(output / f"{name}-{number}" for number in range(1, count + 1)))


@step("Creating disks")
def create_disks(ctx: Context, config: QemuConfig, source: str, paths: Sequence[Path]) -> tuple[Disk, ...]:
    """Make the disks; ``source`` is the ISO or disk image, a path or a URL."""
    plan = plan_disks(config)
    if config.disk.disk_image:
        _from_image(ctx, config.disk, plan, source, paths[0])
    else:
        _create(ctx, config.disk, plan.format, paths[0], config.disk.size)
    for path, wanted in zip(paths[1:], config.disk.disk_additional_size, strict=True):
        _create(ctx, config.disk, plan.format, path, wanted)
    return tuple(Disk(path=path, format=plan.format, cache=plan.cache) for path in paths)


@frozen
class ImageInfo:
    """``size`` is what the machine sees, in bytes."""

    format: str
    size: int


def image_info(ctx: Context, image: str) -> ImageInfo:
    found = json.loads(qemu_img(ctx, ["info", "--output=json", image], Path(image)).stdout)
    return ImageInfo(found["format"], found["virtual-size"])


def qemu_img(ctx: Context, arguments: Sequence[str | os.PathLike[str]], target: Path) -> Completed:
    """Run qemu-img; ``target`` is the file that it writes. Raises BuildError with what it said."""
    try:
        return run_program(ctx, [QEMU_IMG, *arguments])
    except CommandFailed as error:
        said = " ".join(error.output)
        if "No space left on device" in said:
            raise disk_full(target) from error
        command = os.fspath(arguments[0])
        hint = NEEDS_CURL if UNKNOWN_PROTOCOL in said else ""
        raise BuildError(f"qemu-img {command} failed: {said or error.message}", hint=hint) from error


def _create(ctx: Context, config: DiskConfig, kind: str, path: Path, wanted: str) -> None:
    qemu_img(ctx, ["create", "-f", kind, *config.qemu_img_args.create, path, wanted], path)


def _from_image(ctx: Context, config: DiskConfig, plan: Plan, source: str, path: Path) -> None:
    info = image_info(ctx, source)
    wanted = _size_for(ctx, config, info)
    if plan.overlay:
        end = [path] if wanted is None else [path, wanted]
        backing = ["-b", source, "-F", info.format]
        qemu_img(ctx, ["create", "-f", "qcow2", *backing, *config.qemu_img_args.create, *end], path)
        return
    _copy(ctx, config, info.format, plan.format, source, path)
    if wanted is not None:
        qemu_img(ctx, ["resize", "-f", plan.format, *config.qemu_img_args.resize, path, wanted], path)


def _size_for(ctx: Context, config: DiskConfig, info: ImageInfo) -> str | None:
    """The size that the disk gets; None to leave it as it is. An image is never shrunk: that would cut off its end."""
    if config.skip_resize_disk:
        return None
    wanted = size(config.size)
    if wanted >= info.size:
        return None if wanted == info.size else config.size
    if config.disk_size in ("", "0"):
        ctx.say(f"The image is larger than {DEFAULT_DISK_SIZE} already ({show_size(info.size)}), and keeps its size.")
        return None
    raise BuildError(
        f"disk_size ({config.disk_size}) is smaller than the disk image ({show_size(info.size)}).",
        hint="Raise disk_size, or set skip_resize_disk = true.",
    )


def _copy(ctx: Context, config: DiskConfig, have: str, want: str, source: str, path: Path) -> None:
    """Copy the image as it is when it has the right format, sharing blocks where the file system can."""
    arguments = config.qemu_img_args.convert
    if have == want and not arguments and Path(source).is_file():
        try:
            run_program(ctx, ["cp", "--reflink=auto", "--sparse=always", "--", source, path])
        except CommandFailed as error:
            if "No space left on device" in " ".join(error.output):
                raise disk_full(path) from error
            raise
        path.chmod(0o644)
        return
    qemu_img(ctx, ["convert", *arguments, "-f", have, "-O", want, source, path], path)


# -- the result ---------------------------------------------------------------


@step("Writing the image")
def finish_disks(ctx: Context, config: QemuConfig, source: str, paths: Sequence[Path]) -> None:
    """Give the disks their final form. Each is written beside its place and renamed when it is whole."""
    plan = plan_disks(config)
    if not plan.convert:
        return
    # Packer compacts only the main disk; a format that no machine runs on needs them all.
    for path in paths if config.disk.format not in NATIVE else paths[:1]:
        ctx.say(f"Converting {path.name} to {config.disk.format}.")
        _convert(ctx, config.disk, plan, source if path == paths[0] else "", path)


def _convert(ctx: Context, config: DiskConfig, plan: Plan, source: str, path: Path) -> None:
    part = path.with_name(f".{path.name}.part")
    arguments: list[str | os.PathLike[str]] = ["convert", "-f", plan.format, "-O", config.format]
    if config.disk_compression and config.format == "qcow2":
        arguments.append("-c")
    if config.use_backing_file:
        arguments += ["-B", source, "-F", image_info(ctx, source).format]
    qemu_img(ctx, [*arguments, *config.qemu_img_args.convert, path, part], part)
    part.replace(path)
