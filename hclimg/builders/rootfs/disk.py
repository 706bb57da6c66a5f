"""From a directory to a disk that boots: partition, filesystem and boot loader, written into a file.

Nothing is mounted and no loop device is used: mke2fs copies the directory into the filesystem that it makes, and
GRUB lies in the gap between the boot sector and the partition, where no filesystem is.
"""

from __future__ import annotations

import os
import secrets
import struct
from pathlib import Path

from hclimg.builders.rootfs.host import GRUB
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.process import run_program
from hclimg.sdk.steps import step
from hclimg.units import show_size

SECTOR = 512
BLOCK = 4096
PARTITION = 1 << 20
"""Where the partition starts."""

BOOT_CODE = 440
"""The length of the boot sector's program; the disk's signature and the partition table come after it."""

FEATURES = (
    "has_journal", "ext_attr", "resize_inode", "dir_index", "filetype", "extent", "64bit", "flex_bg", "sparse_super",
    "large_file", "huge_file", "dir_nlink", "extra_isize", "metadata_csum",
)  # fmt: skip
"""Named one by one: the defaults of newer versions of mke2fs have features that GRUB 2.06 cannot read."""

SPARE_SHARE = 0.12
SPARE = 40 << 20
"""What a filesystem needs besides its files: inodes, the journal, a reserve for root."""

MODULES = ("biosdisk", "part_msdos", "ext2", "normal", "linux", "configfile", "search_fs_uuid")


def make_disk(disk: Path, size: int, *, partitioned: bool) -> None:
    """An empty disk of ``size`` bytes, with one partition that a BIOS boots from."""
    with disk.open("wb") as file:
        file.truncate(size)
        if partitioned:
            file.seek(BOOT_CODE)
            file.write(partition_table(size, secrets.token_bytes(4)))


def partition_table(size: int, signature: bytes) -> bytes:
    """What comes after the boot sector's program: the disk's signature, four partitions, the mark of a boot sector.

    Written here and not by a program, because it is 72 bytes, and the programs wait for the disk to have them.
    """
    beyond_cylinders = b"\xfe\xff\xff"  # addresses by cylinder end long before any disk of today: use the others
    start, sectors = PARTITION // SECTOR, min((size - PARTITION) // SECTOR, 0xFFFFFFFF)
    active, linux = 0x80, 0x83
    entry = struct.pack("<B3sB3sII", active, beyond_cylinders, linux, beyond_cylinders, start, sectors)
    return signature + bytes(2) + entry + bytes(3 * len(entry)) + b"\x55\xaa"


@step("Making filesystem")
def make_filesystem(
    ctx: Context, disk: Path, tree: Path, *, size: int, offset: int, uuid: str, label: str, features: tuple[str, ...]
) -> None:
    """An ext4 filesystem with the files of ``tree``, from ``offset`` to the end of a disk of ``size`` bytes."""
    wanted = ",".join(("none", *FEATURES, *features))
    extended = f"offset={offset},lazy_itable_init=1,lazy_journal_init=1,nodiscard"
    run_program(
        ctx,
        ["mke2fs", "-q", "-F", "-t", "ext4", "-O", wanted, "-E", extended, "-U", uuid, "-L", label,
         "-d", tree, disk, f"{(size - offset) >> 10}k"],
        hint="disk_size may be too small for the files.",
    )  # fmt: skip


@step("Installing boot loader")
def make_bootable(ctx: Context, disk: Path, work: Path, uuid: str, grub: Path = GRUB) -> None:
    """GRUB for a BIOS. It reads its configuration from the filesystem, so that a later kernel is found, too."""
    early, core = work / "early.cfg", work / "core.img"
    early.write_text(
        f"search.fs_uuid {uuid} root hd0,msdos1\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n"
    )
    run_program(
        ctx, ["grub-mkimage", "-d", grub, "-O", "i386-pc", "-o", core, "-p", "/boot/grub", "-c", early, *MODULES]
    )
    image = core.read_bytes()
    if len(image) > PARTITION - SECTOR:
        raise BuildError(f"GRUB is too large for the gap before the partition: {show_size(len(image))}.")
    with disk.open("r+b") as file:
        file.write((grub / "boot.img").read_bytes()[:BOOT_CODE])
        file.seek(SECTOR)
        file.write(image)


def grub_config(uuid: str, kernel: str, initrd: str, command_line: str) -> str:
    """``kernel`` and ``initrd`` are paths in the filesystem: links that packages keep pointing to the newest."""
    load = f"\n    initrd {initrd}" if initrd else ""
    return f"set timeout=0\nmenuentry Linux {{\n    linux {kernel} root=UUID={uuid} ro {command_line}{load}\n}}\n"


@step("Converting image")
def convert(ctx: Context, disk: Path, kind: str, target: Path, *, compress: bool) -> None:
    compressed = ["-c"] if compress and kind == "qcow2" else []
    # Out of order and in parallel: nothing else reads or writes the files meanwhile.
    run_program(ctx, ["qemu-img", "convert", "-W", "-m", "16", "-f", "raw", "-O", kind, *compressed, disk, target])


@step("Packing files")
def pack(ctx: Context, tree: Path, target: Path) -> None:
    """A tar of the files, with owners by number and all that a filesystem knows of them."""
    run_program(
        ctx,
        ["tar", "--create", "--file", target, "--directory", tree, "--numeric-owner", "--xattrs",
         "--xattrs-include=*", "--acls", "--one-file-system", "--sparse", "--sort=name", "."],
    )  # fmt: skip


def space_used(tree: Path) -> int:
    """How many bytes the files below a directory take on a disk; a file with several names counts once."""
    seen: dict[tuple[int, int], int] = {}
    for _, names, files, fd in os.fwalk(tree):
        for name in (*names, *files):
            about = os.stat(name, dir_fd=fd, follow_symlinks=False)
            seen[about.st_dev, about.st_ino] = max(about.st_blocks * 512, -(-about.st_size // BLOCK) * BLOCK)
    return sum(seen.values())


def require_size(size: int, used: int) -> None:
    """Raise BuildError when a disk of ``size`` bytes cannot hold files that take ``used`` bytes."""
    needed = int(used * (1 + SPARE_SHARE)) + SPARE + PARTITION
    if needed > size:
        raise BuildError(
            f"The disk is too small: its files take {show_size(used)}, so it needs about {show_size(needed)}, "
            f"but disk_size is {show_size(size)}.",
            hint=f'Set disk_size to at least "{-(-needed >> 20)}M".',
        )
