"""The builders vsphere-clone and vsphere-iso."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from hclimg.builders.vsphere.clone_config import VsphereCloneConfig
from hclimg.builders.vsphere.config import CommonConfig
from hclimg.builders.vsphere.iso_config import VsphereIsoConfig
from hclimg.sdk.components import Builder

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact, Machine


def input_files(config: CommonConfig) -> tuple[Path, ...]:
    """Files of the host that the guest sees."""
    from hclimg.sdk.guest_files import guest_files

    running = config.running
    return guest_files(running.http, running.cd, running.floppy)


@frozen
class VsphereCloneBuilder(Builder[VsphereCloneConfig]):
    """Clones a template of a vCenter."""

    Config: ClassVar[type] = VsphereCloneConfig
    builder_id: ClassVar[str] = "jetbrains.vsphere"

    def inputs(self) -> tuple[Path, ...]:
        return input_files(self.config.common)

    def uses(self) -> dict[str, int]:
        return {"vsphere": 1}

    def summary(self) -> str:
        return f"clone {self.config.template}"

    def launch(self, ctx: Context, source: Any) -> Machine:  # noqa: ARG002
        from hclimg.builders.vsphere.clone import launch

        return launch(ctx, self.config)

    def capture(self, ctx: Context, machine: Machine) -> Artifact:
        from hclimg.builders.vsphere.capture import capture

        return capture(ctx, self.config.common, machine, "builder/vsphere-clone")

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        from hclimg.clouds.vsphere.artifact import destroy

        destroy(ctx, artifact)

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:
        from hclimg.clouds.vsphere.artifact import contents

        return contents(artifact)


@frozen
class VsphereIsoBuilder(Builder[VsphereIsoConfig]):
    """Makes a new machine in a vCenter and installs it."""

    Config: ClassVar[type] = VsphereIsoConfig
    builder_id: ClassVar[str] = "jetbrains.vsphere"

    def inputs(self) -> tuple[Path, ...]:
        return input_files(self.config.common)

    def uses(self) -> dict[str, int]:
        return {"vsphere": 1}

    def summary(self) -> str:
        urls = self.config.install.urls or self.config.common.running.cdrom.iso_paths
        return f"install from {urls[0].rpartition('/')[2]}" if urls else ""

    def resolve(self, ctx: Context) -> str:
        """The ISO on this host, or nothing."""
        from hclimg.builders.vsphere.iso import fetch

        return fetch(ctx, self.config.install)

    def launch(self, ctx: Context, source: Any) -> Machine:
        from hclimg.builders.vsphere.iso import launch

        return launch(ctx, self.config, str(source))

    def capture(self, ctx: Context, machine: Machine) -> Artifact:
        from hclimg.builders.vsphere.capture import capture

        return capture(ctx, self.config.common, machine, "builder/vsphere-iso")

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        from hclimg.clouds.vsphere.artifact import destroy

        destroy(ctx, artifact)

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:
        from hclimg.clouds.vsphere.artifact import contents

        return contents(artifact)
