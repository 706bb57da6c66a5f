"""Post-processor ``docker-save``: writes an image, with its layers and settings, to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hclimg.config.fields import Checker, config, setting
from hclimg.sdk.components import PostProcessor

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact


@config
class DockerSaveConfig:
    """Writes the image to a tar archive that `docker load` and `podman load` take."""

    path: str = setting("The file.", template=True)
    docker_path: str = setting("The engine's program.", default="", default_doc="the one that has the image")

    def check(self, problems: Checker) -> None:
        if not self.path and problems.is_known("path"):
            problems.error("Missing required argument", '"path" must not be empty.', "path")


class DockerSavePostProcessor(PostProcessor[DockerSaveConfig]):
    Config: ClassVar[type] = DockerSaveConfig
    keeps_input: ClassVar[bool] = True

    def summary(self) -> str:
        return f"to {self.config.path}"

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        from hclimg.containers.naming import holder, names_of
        from hclimg.containers.things import SAVED
        from hclimg.postprocessors.files import replacing
        from hclimg.sdk.machine import Artifact as Made

        target = Path(ctx.render(self.config.path)).expanduser()
        engine, names = holder(ctx, artifact, self.config.docker_path), names_of(artifact)
        ctx.say(f"Saving {', '.join(names)} to {target}")
        with replacing(ctx, target) as partial:
            engine.run("save", "--output", partial, *names)
        return Made(
            builder=SAVED, component="post-processor/docker-save", id=artifact.id,
            description=f"Saved Docker image: {target}", files=(str(target),),
        )  # fmt: skip
