"""Builder ``amazon-ebsvolume``: starts an EC2 instance to fill volumes of EBS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from hclimg.builders.aws.ebsvolume.config import EbsVolumeConfig
from hclimg.builders.aws.facts import FACTS
from hclimg.sdk.components import Builder

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact, Machine


@frozen
class EbsVolumeBuilder(Builder[EbsVolumeConfig]):
    Config: ClassVar[type] = EbsVolumeConfig
    builder_id: ClassVar[str] = "mitchellh.amazon.ebsvolume"
    facts: ClassVar[tuple[str, ...]] = FACTS

    def uses(self) -> dict[str, int]:
        return {"aws.ec2": 1}

    def summary(self) -> str:
        names = ", ".join(one.device.device_name for one in self.config.ebs_volumes)
        return f"{names} on {self.config.run.instance_type or 'a spot instance'}"

    def resolve(self, ctx: Context) -> Any:
        """The image to start from."""
        from hclimg.builders.aws.source import source_image
        from hclimg.clouds.aws.client import connect

        run = self.config.run
        return source_image(ctx, connect(ctx, self.config.access), run.source_ami, run.source_ami_filter, "")

    def launch(self, ctx: Context, source: Any) -> Machine:
        from hclimg.builders.aws.ebsvolume.launch import launch

        return launch(ctx, self.config, source)

    def capture(self, ctx: Context, machine: Machine) -> Artifact:
        from hclimg.builders.aws.ebsvolume.capture import capture

        return capture(ctx, self.config, machine)

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        from hclimg.builders.aws.ebsvolume.artifact import destroy

        destroy(ctx, artifact)

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:
        from hclimg.builders.aws.ebsvolume.artifact import contents

        return contents(artifact)
