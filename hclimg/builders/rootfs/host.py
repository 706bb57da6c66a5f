"""What the builder needs of this machine: root, programs, room on the disk; and what it can find out from it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from hclimg.builders.rootfs.config import BIOS_ARCHITECTURES, RootfsConfig
from hclimg.errors import BuildError, CommandFailed, MissingProgram
from hclimg.sdk.context import Context
from hclimg.sdk.disk import disk_space
from hclimg.sdk.process import PACKAGES, find_program
from hclimg.sdk.steps import step
from hclimg.units import show_size

GRUB = Path("/usr/lib/grub/i386-pc")
MACHINES = {
    "x86_64": "amd64", "i686": "i386", "aarch64": "arm64", "armv7l": "armhf", "ppc64le": "ppc64el",
}  # fmt: skip
NO_SPACE = "No space left on device"


@frozen(kw_only=True)
class Host:
    """``codename`` is empty when this is no Debian."""

    architecture: str
    codename: str


def this_host(os_release: Path = Path("/etc/os-release")) -> Host:
    machine = os.uname().machine
    return Host(architecture=MACHINES.get(machine, machine), codename=_codename(os_release))


def _codename(os_release: Path) -> str:
    try:
        lines = os_release.read_text().splitlines()
    except OSError:
        return ""
    fields = dict(line.partition("=")[::2] for line in lines)
    return fields.get("VERSION_CODENAME", "").strip("\"'") if fields.get("ID", "").strip("\"'") == "debian" else ""


def architecture_of(config: RootfsConfig) -> str:
    return config.base.architecture or this_host().architecture


def boots_by_itself(config: RootfsConfig) -> bool:
    """Whether the disk gets a boot loader."""
    if config.image.bootloader:
        return config.image.has_disk and config.image.bootloader == "grub"
    return config.image.has_disk and config.base.kernel and architecture_of(config) in BIOS_ARCHITECTURES


@step("Checking this machine")
def check_host(_ctx: Context, config: RootfsConfig, *, user: int | None = None, grub: Path = GRUB) -> None:
    """Raise BuildError unless this is root, and MissingProgram that names all that is not installed."""
    require_programs(needed_programs(config))
    if boots_by_itself(config) and not (grub / "boot.img").is_file():
        raise MissingProgram(
            f"GRUB's files for BIOS are not installed on this machine: {grub} is missing.",
            hint='On Debian or Ubuntu: apt-get install grub-pc-bin. Or set bootloader = "none".',
        )
    if (os.geteuid() if user is None else user) != 0:
        raise BuildError(
            "The rootfs builder must run as root: it installs packages that belong to root, in namespaces of its own.",
            hint="Run the same command with sudo.",
        )


def needed_programs(config: RootfsConfig) -> tuple[str, ...]:
    needed = ["unshare", "nsenter", "mmdebstrap"]
    if config.image.has_disk:
        needed += ["mke2fs"]
    if boots_by_itself(config):
        needed += ["grub-mkimage"]
    if set(config.image.formats) - {"raw", "tar"}:
        needed += ["qemu-img"]
    if "tar" in config.image.formats:
        needed += ["tar"]
    return tuple(needed)


def require_programs(names: Sequence[str]) -> None:
    missing = [name for name in names if _is_missing(name)]
    if not missing:
        return
    listing = ", ".join(f'"{name}"' for name in missing)
    packages = " ".join(dict.fromkeys(PACKAGES.get(name, name) for name in missing))
    raise MissingProgram(
        f"{'These programs are' if len(missing) > 1 else 'This program is'} not installed on this machine: {listing}.",
        hint=f"On Debian or Ubuntu: apt-get install {packages}",
    )


def _is_missing(name: str) -> bool:
    try:
        find_program(name)
    except MissingProgram:
        return True
    return False


# -- room ---------------------------------------------------------------------------


def require_room(path: Path, needed: int, what: str) -> None:
    """Raise BuildError when there is less than ``needed`` bytes of room for ``what``."""
    parent = next(p for p in (path, *path.parents) if p.exists())
    room = os.statvfs(parent)
    free = room.f_bavail * room.f_frsize
    if free < needed:
        raise BuildError(
            f"The disk is too full: {what} needs about {show_size(needed)} in {path}, and {show_size(free)} are free.",
            hint="Free some space, or put the output_directory (or the cache) on a larger disk.",
        )


@contextmanager
def room_for(path: Path, needed: int, what: str) -> Iterator[None]:
    """Inside, a disk that is full is a BuildError that says so, whoever finds out: this process or a program."""
    require_room(path, needed, what)
    try:
        with disk_space(path):
            yield
    except CommandFailed as error:
        if not any(NO_SPACE in line for line in error.output):
            raise
        # The room that this build took is free again once its files are removed, so what is left says little.
        raise BuildError(
            f"The disk is full: {what} needs about {show_size(needed)} in {path}, and more than was free.",
            hint="Free some space, or put the output_directory (or the cache) on a larger disk.",
        ) from error
