"""The openstack builder: a machine in an OpenStack cloud, and an image of its disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from hclimg.builders.openstack.config import OpenstackConfig
from hclimg.sdk.components import Builder

if TYPE_CHECKING:
    from hclimg.builders.openstack.source import SourceImage
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact, Machine


@frozen
class OpenstackBuilder(Builder[OpenstackConfig]):
    """Starts a server of nova; its image stays in glance."""

    Config: ClassVar[type] = OpenstackConfig
    builder_id: ClassVar[str] = "mitchellh.openstack"

    def inputs(self) -> tuple[Path, ...]:
        name = self.config.server.user_data_file
        return (Path(name).expanduser(),) if name else ()

    def uses(self) -> dict[str, int]:
        return {"openstack": 1}

    def summary(self) -> str:
        source, image = self.config.source, self.config.image_name
        start = source.source_image or source.source_image_name or source.external_source_image_url or "the image found"
        return f"{start.rpartition('/')[2]} → {image}"

    def resolve(self, ctx: Context) -> SourceImage | None:
        """The image to start from; None when it is an external one, which each build fetches for itself."""
        from hclimg.builders.openstack.source import find_source

        return find_source(ctx, self.config)

    def launch(self, ctx: Context, source: Any) -> Machine:
        from hclimg.builders.openstack.launch import launch

        return launch(ctx, self.config, source)

    def capture(self, ctx: Context, machine: Machine) -> Artifact:
        from hclimg.builders.openstack.capture import capture

        return capture(ctx, self.config, machine)

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        from hclimg.clouds.openstack.client import reconnect
        from hclimg.clouds.openstack.things import delete_image

        if artifact.id:
            delete_image(reconnect(ctx, artifact.state), artifact.id)
            ctx.say(f"Removed the image {artifact.id}.")

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:
        where = " ".join(artifact.state[name] for name in ("cloud", "region") if name in artifact.state)
        return (f"{where}: image {artifact.id}" if where else f"image {artifact.id}",) if artifact.id else ()
