"""The rootfs builder: makes a disk image that boots from packages alone, without a hypervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from hclimg.builders.rootfs.config import RootfsConfig
from hclimg.sdk.components import Builder

if TYPE_CHECKING:
    from hclimg.builders.rootfs.base import Base
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact, Machine


@frozen
class RootfsBuilder(Builder[RootfsConfig]):
    """Installs a system with mmdebstrap, lets provisioners change it in a chroot, and packs it as an image."""

    Config: ClassVar[type] = RootfsConfig
    builder_id: ClassVar[str] = "hclimg.rootfs"
    facts: ClassVar[tuple[str, ...]] = ("RootDirectory", "Suite", "Architecture")

    def summary(self) -> str:
        suite = self.config.base.suite or "Debian"
        return f"install {suite}, make {', '.join(self.config.image.formats)}"

    def resolve(self, ctx: Context) -> Base:
        """The base system, from the cache or installed now."""
        from hclimg.builders.rootfs.launch import resolve

        return resolve(ctx, self.config)

    def launch(self, ctx: Context, source: Any) -> Machine:
        from hclimg.builders.rootfs.launch import launch

        return launch(ctx, self.config, source)

    def capture(self, ctx: Context, machine: Machine) -> Artifact:
        from hclimg.builders.rootfs.capture import capture

        return capture(ctx, self.config, machine, self.builder_id)
