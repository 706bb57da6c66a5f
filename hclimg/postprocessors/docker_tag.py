"""Post-processor ``docker-tag``: gives the image of an artifact names."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from hclimg.config.fields import Checker, config, setting
from hclimg.sdk.components import PostProcessor

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact


@config
class DockerTagConfig:
    """Gives the image of the docker builder, or of docker-import, names."""

    repository: str = setting("The repository.", template=True, example='"registry.example.org/team/web"')
    tags: tuple[str, ...] = setting("The tags.", default=(), default_doc="`latest`", template=True)
    tag: tuple[str, ...] = setting("The old name of tags.", default=(), deprecated="write tags instead.", template=True)
    force: bool = setting(
        "Nothing.", default=False, ignored="all engines since Docker 1.12 move a name that exists to the new image."
    )
    docker_path: str = setting("The engine's program.", default="", default_doc="the one that has the image")

    def check(self, problems: Checker) -> None:
        if not self.repository and problems.is_known("repository"):
            problems.error("Missing required argument", '"repository" must not be empty.', "repository")
        for name in ("tag", "tags"):
            if any(not tag or (set(tag) & set(":/ ") and "{{" not in tag) for tag in getattr(self, name)):
                problems.error("Invalid tag", f'"{name}": a tag has no ":", "/" or space and is not empty.', name)


class DockerTagPostProcessor(PostProcessor[DockerTagConfig]):
    Config: ClassVar[type] = DockerTagConfig
    keeps_input: ClassVar[bool] = True
    forces_input: ClassVar[bool] = True

    def summary(self) -> str:
        return f"as {self.config.repository}"

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        from hclimg.containers.naming import tag_image

        names = self._names(ctx)
        return tag_image(ctx, artifact, names, self.config.docker_path, "post-processor/docker-tag")

    def _names(self, ctx: Context) -> list[str]:
        repository = ctx.render(self.config.repository)
        tags = [ctx.render(tag) for tag in (*self.config.tag, *self.config.tags)] or ["latest"]
        return list(dict.fromkeys(f"{repository}:{tag}" for tag in tags))

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        from hclimg.containers.naming import remove_names

        remove_names(ctx, artifact)

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:
        from hclimg.containers.things import names_of

        return names_of(artifact)
