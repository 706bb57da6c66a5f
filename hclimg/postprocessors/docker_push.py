"""Post-processor ``docker-push``: sends an image to the registry that its names say."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from hclimg.config.fields import config, embed, setting
from hclimg.containers.login import LoginConfig
from hclimg.sdk.components import PostProcessor

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact


@config
class DockerPushConfig:
    """Pushes the image of docker-tag or docker-import, by all of its names."""

    docker_path: str = setting("The engine's program.", default="", default_doc="the one that has the image")
    platform: str = setting(
        "Which platform of an image of several to push; podman pushes the one that it has.", default=""
    )
    login: LoginConfig = embed(LoginConfig)


class DockerPushPostProcessor(PostProcessor[DockerPushConfig]):
    Config: ClassVar[type] = DockerPushConfig
    keeps_input: ClassVar[bool] = True

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        from hclimg.containers.naming import push_image

        return push_image(ctx, artifact, self.config.login, self.config.docker_path, self.config.platform)

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        """Registries do not let go of an image by a push; its local names belong to the artifact that was pushed."""
        ctx.warn(f"{artifact.id} stays in its registry: remove it there.")

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:  # noqa: ARG003
        return ()
