"""Post-processor ``docker-import``: makes an image of the archive of a file system."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from hclimg.config.fields import Checker, config, setting
from hclimg.sdk.components import PostProcessor

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact


@config
class DockerImportConfig:
    """Makes an image of the tar archive of a file system: of docker's export_path, of rootfs, or any by artifice."""

    repository: str = setting("The repository of the image's name.", template=True)
    tag: str = setting("Its tag.", default="", default_doc="`latest`", template=True)
    changes: tuple[str, ...] = setting("Instructions of a Dockerfile that set the image's settings.", default=())
    platform: str = setting("The platform of the image.", default="", default_doc="the engine's")
    docker_path: str = setting(
        "The engine's program.", default="", default_doc="the one of the docker builder, or `docker`"
    )

    def check(self, problems: Checker) -> None:
        if not self.repository and problems.is_known("repository"):
            problems.error("Missing required argument", '"repository" must not be empty.', "repository")


class DockerImportPostProcessor(PostProcessor[DockerImportConfig]):
    Config: ClassVar[type] = DockerImportConfig
    keeps_input: ClassVar[bool] = False

    def summary(self) -> str:
        return f"as {self.config.repository}"

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        from hclimg.containers.naming import import_archive

        settings = self.config
        name = f"{ctx.render(settings.repository)}:{ctx.render(settings.tag) or 'latest'}"
        return import_archive(ctx, artifact, name, settings.docker_path, settings.changes, settings.platform)

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        from hclimg.containers.naming import remove_names

        remove_names(ctx, artifact)

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:
        from hclimg.containers.things import names_of

        return names_of(artifact)
