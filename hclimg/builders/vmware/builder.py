"""The builders vmware-iso and vmware-vmx."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from hclimg.builders.vmware.iso_config import VmwareIsoConfig
from hclimg.builders.vmware.vmx_config import VmwareVmxConfig
from hclimg.sdk.components import Builder

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact, Machine

BUILDER_ID = "vmware.desktop"


@frozen
class VmwareIsoBuilder(Builder[VmwareIsoConfig]):
    """Installs a new machine in VMware on this host."""

    Config: ClassVar[type] = VmwareIsoConfig
    builder_id: ClassVar[str] = BUILDER_ID

    def inputs(self) -> tuple[Path, ...]:
        from hclimg.builders.vmware.launch import input_files
        from hclimg.sdk.download import unchecked_image

        return (*unchecked_image(self.config.iso), *input_files(self.config.common))

    def summary(self) -> str:
        urls = self.config.iso.urls
        return f"install from {urls[0].rpartition('/')[2]}" if urls else ""

    def resolve(self, ctx: Context) -> str:
        """The ISO on this host."""
        from hclimg.builders.vmware.iso import find_source

        return find_source(ctx, self.config)

    def launch(self, ctx: Context, source: Any) -> Machine:
        from hclimg.builders.vmware.iso import launch

        return launch(ctx, self.config, str(source))

    def capture(self, ctx: Context, machine: Machine) -> Artifact:
        from hclimg.builders.vmware.capture import capture

        return capture(ctx, self.config.common, machine, "builder/vmware-iso")


@frozen
class VmwareVmxBuilder(Builder[VmwareVmxConfig]):
    """Clones a machine of VMware on this host."""

    Config: ClassVar[type] = VmwareVmxConfig
    builder_id: ClassVar[str] = BUILDER_ID

    def inputs(self) -> tuple[Path, ...]:
        from hclimg.builders.vmware.clone import source_files
        from hclimg.builders.vmware.launch import input_files

        return (*source_files(self.config.source_path), *input_files(self.config.common))

    def summary(self) -> str:
        return f"clone {self.config.source_path.name}"

    def resolve(self, ctx: Context) -> str:
        """The VMX file to clone."""
        from hclimg.builders.vmware.clone import find_source

        return find_source(ctx, self.config)

    def launch(self, ctx: Context, source: Any) -> Machine:
        from hclimg.builders.vmware.clone import launch

        return launch(ctx, self.config, str(source))

    def capture(self, ctx: Context, machine: Machine) -> Artifact:
        from hclimg.builders.vmware.capture import capture

        return capture(ctx, self.config.common, machine, "builder/vmware-vmx")
