"""The docker builder: a container of docker or podman, and an image or an archive of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from hclimg.builders.docker.config import DockerConfig
from hclimg.sdk.components import Builder, remove_files

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact, Machine


@frozen
class DockerBuilder(Builder[DockerConfig]):
    """Runs a container; an image stays in the engine."""

    Config: ClassVar[type] = DockerConfig
    builder_id: ClassVar[str] = "packer.docker"
    facts: ClassVar[tuple[str, ...]] = ("SourceImageDigest", "ImageSha256")

    def inputs(self) -> tuple[Path, ...]:
        build = self.config.source.build
        if build is None:
            return ()
        from hclimg.builders.docker.context import files_of

        dockerfile = Path(build.path).expanduser()
        return (dockerfile, *(path for path in files_of(build) if path.absolute() != dockerfile.absolute()))

    def summary(self) -> str:
        source, result = self.config.source, self.config.result
        start = source.build.path if source.build else source.image
        end = "a new image" if result.commit else result.export_path or "nothing"
        return f"{start} → {end}"

    def launch(self, ctx: Context, source: Any) -> Machine:  # noqa: ARG002
        from hclimg.builders.docker.launch import launch

        return launch(ctx, self.config)

    def capture(self, ctx: Context, machine: Machine) -> Artifact:
        from hclimg.builders.docker.capture import capture

        return capture(ctx, self.config, machine)

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        from hclimg.containers.things import destroy_image

        if "image" in artifact.state:
            destroy_image(ctx, artifact)
        else:
            remove_files(ctx, artifact)

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:
        from hclimg.containers.things import image_of

        return image_of(artifact) if "image" in artifact.state else artifact.files
