"""Provisioner ``hcp-sbom``: a bill of materials of the machine, fetched from it or made of its packages.

Packer sends it to HCP, a service of HashiCorp's. Here it becomes a file beside the image.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hclimg.config.fields import Checker, config, setting
from hclimg.sbom.documents import INSTALL, is_installed
from hclimg.sdk.components import Provisioner

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Machine

NOTHING_RUNS = "hclimg reads the databases of the packages, so no scanner is run in the machine."
OUTPUTS = {"cyclonedx-json": "cyclonedx", "cyclonedx": "cyclonedx", "spdx-json": "spdx", "spdx": "spdx"}
_NAME = re.compile(r"[A-Za-z0-9_-]{3,36}")


@config
class HcpSbomConfig:
    """Keeps a bill of materials: `source` is a file in the machine, or `auto_generate` makes one of its packages.

    The packages are those of dpkg, rpm or apk. The result is checked (CycloneDX or SPDX, in JSON) and written to
    `destination` on this host; nothing is sent to HCP. Needs the extra `hclimg[sbom]`.
    """

    source: str = setting("The file in the machine.", default="", example='"/tmp/sbom.json"')
    auto_generate: bool = setting("Whether it is made here, of the packages in the machine.", default=False)
    destination: str = setting(
        "The file on this host, or a directory for it.", default="",
        default_doc="`packer_BUILDNAME_BUILDERTYPE.cdx.json` or `.spdx.json`",
    )  # fmt: skip
    sbom_name: str = setting(
        "Its name: 3 to 36 letters, digits, hyphens and underscores; names the file in a directory.", default="",
        default_doc="the build's name",
    )  # fmt: skip
    scanner_args: tuple[str, ...] = setting(
        "With `auto_generate`: the format, `-o cyclonedx-json` or `-o spdx-json`.", default=("-o", "cyclonedx-json")
    )
    scan_path: str = setting("With `auto_generate`: where the system is, in the machine.", default="/")
    execute_command: str = setting("Nothing.", default="", ignored=NOTHING_RUNS, template=True)
    elevated_user: str = setting("Nothing.", default="", ignored=NOTHING_RUNS)
    elevated_password: str = setting("Nothing.", default="", ignored=NOTHING_RUNS, sensitive=True)
    scanner_url: str = setting("Nothing.", default="", ignored=NOTHING_RUNS)
    scanner_checksum: str = setting("Nothing.", default="", ignored=NOTHING_RUNS)

    def check(self, problems: Checker) -> None:
        if problems.is_known("source", "auto_generate"):
            if self.source and self.auto_generate:
                detail = 'Only one of "source" and "auto_generate" can be set.'
                problems.error("Conflicting arguments", detail, "auto_generate", "source")
            elif not self.source and not self.auto_generate:
                problems.error("Missing required argument", 'Set "source", or auto_generate = true.', "source")
        if self.sbom_name and not _NAME.fullmatch(self.sbom_name):
            detail = f'"{self.sbom_name}" must be 3 to 36 letters, digits, hyphens and underscores.'
            problems.error("Invalid name", detail, "sbom_name")
        if not self.format:
            known = "-o cyclonedx-json or -o spdx-json"
            detail = f"{NOTHING_RUNS} Of its arguments there is only {known}, not: {' '.join(self.scanner_args)}"
            problems.error("Invalid arguments", detail, "scanner_args")
        if not self.scan_path.startswith("/"):
            problems.error("Invalid path", f'"{self.scan_path}" must begin with "/".', "scan_path")
        if not is_installed():
            detail = f"This needs libraries for bills of materials: {INSTALL}"
            problems.error("Package not installed", detail, "source", "auto_generate")

    @property
    def format(self) -> str:
        """What ``scanner_args`` say: ``-o FORMAT``, or both in one; empty when they say something else."""
        words = [word for text in self.scanner_args for word in text.replace("=", " ").split()]
        if not words:
            return "cyclonedx"
        return OUTPUTS.get(words[1], "") if len(words) == 2 and words[0] in ("-o", "--output") else ""


class HcpSbomProvisioner(Provisioner[HcpSbomConfig]):
    Config: ClassVar[type] = HcpSbomConfig

    def summary(self) -> str:
        return self.config.source or "of the packages"

    def provision(self, ctx: Context, machine: Machine) -> None:
        from hclimg.provisioners.machine_packages import fetched, generated

        config = self.config
        name = config.sbom_name or ctx.build_name
        if config.source:
            text = fetched(ctx, machine.communicator, config.source)
        else:
            text = generated(ctx, machine.communicator, config.format, name, config.scan_path)
        self._keep(ctx, text, name)

    def _keep(self, ctx: Context, text: str, name: str) -> None:
        from hclimg.errors import BuildError
        from hclimg.sbom.documents import ENDINGS, recognized

        kind = recognized(text)
        given = self.config.destination
        target = Path(given or f"packer_{ctx.build_name}_{ctx.build_type}.{ENDINGS[kind]}").expanduser()
        if given.endswith("/") or target.is_dir():
            target = target / f"{name}.{ENDINGS[kind]}"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        except OSError as error:
            raise BuildError(f"{target} cannot be written: {error.strerror or error}.") from error
        ctx.say(f"The bill of materials ({kind}) is {target}.")
