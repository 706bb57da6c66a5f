"""Post-processor ``sbom`` (ours): a bill of materials of the packages in an image, which is not started for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hclimg.config.fields import Checker, config, setting
from hclimg.sbom.documents import ENDINGS, FORMATS, INSTALL, is_installed
from hclimg.sdk.components import PostProcessor

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact


@config
class SbomConfig:
    """Lists the packages in a disk image, a container image, or a tar archive of a file system, as CycloneDX or SPDX.

    They are read from the databases of dpkg, rpm and apk, in file systems that ext4's tools read; the provisioner
    `hcp-sbom` does the same in a running machine of any kind. Needs the extra `hclimg[sbom]`.
    """

    format: str = setting("The format: CycloneDX 1.6 or SPDX 2.3, in JSON.", default="cyclonedx", choices=FORMATS)
    output: str = setting(
        "The file to write; `{{.Ending}}` is `cdx.json` or `spdx.json`.",
        default="packer_{{.BuildName}}_{{.BuilderType}}.{{.Ending}}", template=True,
    )  # fmt: skip

    def check(self, problems: Checker) -> None:
        if not is_installed():
            detail = f"This needs libraries for bills of materials: {INSTALL}"
            problems.error("Package not installed", detail, "format")


class SbomPostProcessor(PostProcessor[SbomConfig]):
    Config: ClassVar[type] = SbomConfig
    keeps_input: ClassVar[bool] = True
    forces_input: ClassVar[bool] = True

    def summary(self) -> str:
        return self.config.format

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        from hclimg.postprocessors.files import write_text
        from hclimg.postprocessors.image_packages import packages_of

        names = {"BuildName": ctx.build_name, "BuilderType": ctx.build_type, "Ending": ENDINGS[self.config.format]}
        target = Path(ctx.render(self.config.output, **names)).expanduser()
        write_text(ctx, target, packages_of(ctx, artifact, self.config.format, target))
        ctx.say(f"The bill of materials ({self.config.format}) is {target}.")
        return artifact
