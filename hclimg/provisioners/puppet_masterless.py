"""Provisioner ``puppet-masterless``: applies manifests of this host on the machine, without a Puppet server."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, ClassVar

from hclimg.config.fields import Checker, config, embed, setting
from hclimg.provisioners.puppet import PuppetConfig, execute_command, facter_variables, puppet_tool, run_puppet
from hclimg.sdk.components import Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine

if TYPE_CHECKING:
    from hclimg.provisioners.guest_tool import GuestTool

STAGING = "/tmp/packer-puppet-masterless"
STAGING_ON_WINDOWS = "C:/Windows/Temp/packer-puppet-masterless"
EXECUTE, EXECUTE_ON_WINDOWS = execute_command(
    "apply --detailed-exitcodes "
    "{{if .Debug}}--debug {{end}}{{if ne .ModulePath \"\"}}--modulepath='{{.ModulePath}}' {{end}}"
    "{{if ne .HieraConfigPath \"\"}}--hiera_config='{{.HieraConfigPath}}' {{end}}"
    "{{if ne .ManifestDir \"\"}}--manifestdir='{{.ManifestDir}}' {{end}}"
    '{{if ne .ExtraArguments ""}}{{.ExtraArguments}} {{end}}{{.ManifestFile}}'
)


@config
class PuppetMasterlessConfig:
    """Uploads Puppet manifests and modules and applies them on the machine, which must have Puppet."""

    puppet: PuppetConfig = embed(PuppetConfig)
    manifest_file: Path = setting("The manifest of this host to apply, or a directory of manifests.")
    manifest_dir: Path | None = setting("A directory of manifests that the manifest imports.", default=None)
    module_paths: tuple[Path, ...] = setting("Directories of modules on this host.", default=())
    hiera_config_path: Path | None = setting("The configuration of Hiera on this host.", default=None)
    staging_directory: str = setting(
        "The directory of the machine for the files.",
        default="",
        default_doc=f"{STAGING}, {STAGING_ON_WINDOWS} on Windows",
    )
    execute_command: str = setting(
        "The command line; `{{.WorkingDir}}`, `{{.FacterVars}}`, `{{.Sudo}}`, `{{.PuppetBinDir}}`, `{{.ModulePath}}`, "
        "`{{.HieraConfigPath}}`, `{{.ManifestDir}}`, `{{.ManifestFile}}`, `{{.ExtraArguments}}`, `{{.Debug}}`.",
        default="",
        template=True,
        default_doc=EXECUTE,
    )

    def check(self, problems: Checker) -> None:
        problems.file_exists("manifest_file", str(self.manifest_file))
        for name in ("manifest_dir", "hiera_config_path"):
            path = getattr(self, name)
            if path is not None:
                problems.file_exists(name, str(path))
        for path in self.module_paths:
            problems.file_exists("module_paths", str(path))


class PuppetMasterlessProvisioner(Provisioner[PuppetMasterlessConfig]):
    Config: ClassVar[type] = PuppetMasterlessConfig

    def inputs(self) -> tuple[Path, ...]:
        config = self.config
        given = (config.manifest_file, config.manifest_dir, *config.module_paths, config.hiera_config_path)
        return tuple(path for path in given if path is not None)

    def summary(self) -> str:
        return str(self.config.manifest_file)

    def provision(self, ctx: Context, machine: Machine) -> None:
        config, tool = self.config, puppet_tool(ctx, machine, self.config.puppet)
        windows = config.puppet.windows
        directory = config.staging_directory or (STAGING_ON_WINDOWS if windows else STAGING)
        with tool.staging(directory, clean=config.puppet.clean_staging_directory) as staging:
            hiera = manifests = ""
            if config.hiera_config_path:
                hiera = tool.put(config.hiera_config_path, f"{staging}/hiera.yaml")
            if config.manifest_dir:
                manifests = tool.put(config.manifest_dir, f"{staging}/manifests")
            modules = [tool.put(path, f"{staging}/module-{index}") for index, path in enumerate(config.module_paths)]
            tool.make_directory(f"{staging}/manifests")
            data = {
                "WorkingDir": config.puppet.working_directory or staging,
                "FacterVars": facter_variables(ctx, config.puppet),
                "ModulePath": (";" if windows else ":").join(modules),
                "HieraConfigPath": hiera,
                "ManifestDir": manifests,
                "ManifestFile": self._put_manifest(tool, f"{staging}/manifests"),
            }
            usual = EXECUTE_ON_WINDOWS if windows else EXECUTE
            run_puppet(tool, config.puppet, config.execute_command or usual, data)

    def _put_manifest(self, tool: GuestTool, folder: str) -> str:
        manifest = self.config.manifest_file
        path = tool.put(manifest, folder if manifest.is_dir() else f"{folder}/{manifest.name}")
        return f'"{path}"' if tool.windows else quote(path)
