"""Builder ``amazon-ebs``: starts an EC2 instance and makes an image of its disks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from hclimg.builders.aws.ebs.config import EbsConfig
from hclimg.builders.aws.facts import FACTS
from hclimg.sdk.components import Builder

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact, Machine


@frozen
class EbsBuilder(Builder[EbsConfig]):
    Config: ClassVar[type] = EbsConfig
    builder_id: ClassVar[str] = "mitchellh.amazonebs"
    facts: ClassVar[tuple[str, ...]] = FACTS

    def uses(self) -> dict[str, int]:
        return {"aws.ec2": 1}

    def summary(self) -> str:
        access, run = self.config.access, self.config.run
        size = run.instance_type or " or ".join(run.spot.spot_instance_types)
        return f"{self.config.ami.ami_name}, on {size}{f' in {access.region}' if access.region else ''}"

    def resolve(self, ctx: Context) -> Any:
        """The image to start from."""
        from hclimg.builders.aws.ebs.launch import resolve

        return resolve(ctx, self.config)

    def launch(self, ctx: Context, source: Any) -> Machine:
        from hclimg.builders.aws.ebs.launch import launch

        return launch(ctx, self.config, source)

    def capture(self, ctx: Context, machine: Machine) -> Artifact:
        from hclimg.builders.aws.ebs.capture import capture

        return capture(ctx, self.config, machine)

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        from hclimg.clouds.aws.artifact import destroy

        destroy(ctx, artifact)

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:
        from hclimg.clouds.aws.artifact import contents

        return contents(artifact)
