"""The builder alicloud-ecs: an instance in Alibaba Cloud becomes an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from hclimg.builders.alicloud.config import AlicloudEcsConfig
from hclimg.sdk.components import Builder

if TYPE_CHECKING:
    from hclimg.clouds.alicloud.ecs import Ecs
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact, Machine
    from hclimg.sdk.ssh_keys import KeyPair


@frozen(kw_only=True)
class Running:
    """What the capture needs to know of the launch."""

    ecs: Ecs
    instance: str
    source: str
    key: KeyPair | None


@frozen
class AlicloudEcsBuilder(Builder[AlicloudEcsConfig]):
    """Runs an ECS instance."""

    Config: ClassVar[type] = AlicloudEcsConfig
    builder_id: ClassVar[str] = "alibaba.alicloud"
    facts: ClassVar[tuple[str, ...]] = ("Region", "SourceImage", "SourceImageName")

    def inputs(self) -> tuple[Path, ...]:
        return (self.config.user_data_file,) if self.config.user_data_file else ()

    def uses(self) -> dict[str, int]:
        return {"alicloud.ecs": 1}

    def summary(self) -> str:
        config = self.config
        return f"{config.instance_type} from {config.source_image or f'the newest {config.image_family}'}"

    def resolve(self, ctx: Context) -> Any:
        """The source image, with its id and name, after the regions and the names were checked."""
        from hclimg.builders.alicloud.source import find_source

        return find_source(ctx, self.config)

    def launch(self, ctx: Context, source: Any) -> Machine:
        from hclimg.builders.alicloud.launch import launch

        return launch(ctx, self.config, source)

    def capture(self, ctx: Context, machine: Machine) -> Artifact:
        from hclimg.builders.alicloud.capture import capture

        return capture(ctx, self.config, machine)

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        """Delete the images with their snapshots, in every region."""
        from hclimg.clouds.alicloud.artifact import destroy

        destroy(ctx, artifact)

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:
        from hclimg.clouds.alicloud.artifact import contents

        return contents(artifact)
