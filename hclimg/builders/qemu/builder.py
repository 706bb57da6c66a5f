"""The qemu builder: boots a virtual machine and makes an image of its disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from hclimg.builders.qemu.config import QemuConfig
from hclimg.sdk.components import Builder

if TYPE_CHECKING:
    from hclimg.builders.qemu.guest import Guest
    from hclimg.sdk.context import Context
    from hclimg.sdk.disk import OutputDirectory
    from hclimg.sdk.machine import Artifact, Machine


@frozen(kw_only=True)
class Running:
    """What the capture needs to know of the launch."""

    guest: Guest
    output: OutputDirectory
    disks: tuple[Path, ...]
    source: str
    accelerator: str
    public_key: str = ""


@frozen
class QemuBuilder(Builder[QemuConfig]):
    """Runs QEMU on this host, with KVM where it works."""

    Config: ClassVar[type] = QemuConfig
    builder_id: ClassVar[str] = "transcend.qemu"

    def inputs(self) -> tuple[Path, ...]:
        from hclimg.builders.qemu.prepare import input_files

        return input_files(self.config)

    def summary(self) -> str:
        what = "boot" if self.config.disk.disk_image else "install from"
        urls = self.config.iso.urls
        return f"{what} {urls[0].rpartition('/')[2]}" if urls else ""

    def resolve(self, ctx: Context) -> str:
        """The ISO or disk image: a path, or with iso_skip_cache a URL."""
        from hclimg.builders.qemu.prepare import find_source

        return find_source(ctx, self.config)

    def launch(self, ctx: Context, source: Any) -> Machine:
        from hclimg.builders.qemu.launch import launch

        return launch(ctx, self.config, str(source))

    def capture(self, ctx: Context, machine: Machine) -> Artifact:
        from hclimg.builders.qemu.capture import capture

        return capture(ctx, self.config, machine)
