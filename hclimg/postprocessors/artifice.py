"""Post-processor ``artifice``: says which files are the artifact from here on."""

from __future__ import annotations

from typing import ClassVar

from hclimg.config.fields import Checker, config, setting
from hclimg.errors import BuildError
from hclimg.sdk.components import PostProcessor
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact


@config
class ArtificeConfig:
    """Replaces the files of the artifact, for results that a provisioner made or downloaded."""

    files: tuple[str, ...] = setting("The files, or patterns of files such as `out/*.img`.", template=True)

    def check(self, problems: Checker) -> None:
        if not self.files:
            problems.error("Missing files", "At least one file or pattern is needed.", "files")


class ArtificePostProcessor(PostProcessor[ArtificeConfig]):
    Config: ClassVar[type] = ArtificeConfig
    keeps_input: ClassVar[bool] = True

    def summary(self) -> str:
        return f"artifact from {', '.join(self.config.files)}"

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        files = [name for pattern in self.config.files for name in _matching(ctx.render(pattern))]
        return Artifact(
            builder="packer.post-processor.artifice",
            component="post-processor/artifice",
            id="",
            description=f"Created artifact from files: {', '.join(files)}",
            files=tuple(dict.fromkeys(files)),
            state=artifact.state,
        )


def _matching(pattern: str) -> list[str]:
    import glob

    found = sorted(glob.glob(pattern))  # noqa: PTH207 - what the user wrote, relative or absolute
    if not found:
        raise BuildError(f'No file matches "{pattern}".', hint="The provisioners before this must make the files.")
    return found
