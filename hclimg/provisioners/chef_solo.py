"""Provisioner ``chef-solo``: applies cookbooks of this host on the machine, without a Chef server."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hclimg.config.fields import Checker, config, embed, setting
from hclimg.provisioners.chef import ChefConfig
from hclimg.sdk.components import Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine

FOLDERS = {"roles_path": "roles", "data_bags_path": "data_bags", "environments_path": "environments"}
"""Directories of this host by their settings, with their names on the machine."""


@config
class ChefSoloConfig:
    """Uploads cookbooks, roles, data bags and environments, and runs chef-solo on the machine."""

    chef: ChefConfig = embed(ChefConfig)
    cookbook_paths: tuple[Path, ...] = setting("Directories of cookbooks on this host.", default=())
    remote_cookbook_paths: tuple[str, ...] = setting(
        "Directories of cookbooks that the machine has; they come first.", default=()
    )
    roles_path: Path | None = setting("A directory of roles on this host.", default=None)
    data_bags_path: Path | None = setting("A directory of data bags on this host.", default=None)
    environments_path: Path | None = setting("A directory of environments on this host.", default=None)
    staging_directory: str = setting(
        "The directory of the machine for the files; it stays.", default="", default_doc="`/tmp/packer-chef-solo`"
    )
    execute_command: str = setting(
        "The command line; `{{.ConfigPath}}`, `{{.JsonPath}}`, `{{.Sudo}}`.",
        default="",
        default_doc="`{{if .Sudo}}sudo {{end}}chef-solo --no-color -c {{.ConfigPath}} -j {{.JsonPath}}`",
        template=True,
    )

    def check(self, problems: Checker) -> None:
        for name in FOLDERS:
            path = getattr(self, name)
            if path is not None:
                _check_directory(problems, name, path)
        for path in self.cookbook_paths:
            _check_directory(problems, "cookbook_paths", path)
        has_cookbooks = self.cookbook_paths or self.remote_cookbook_paths or self.chef.config_template
        if self.chef.run_list and not has_cookbooks and problems.is_known("cookbook_paths", "remote_cookbook_paths"):
            detail = 'Nothing says where the cookbooks are: set "cookbook_paths" or "remote_cookbook_paths".'
            problems.warn("No cookbooks", detail, "run_list")


def _check_directory(problems: Checker, name: str, path: Path) -> None:
    problems.file_exists(name, str(path))
    if path.expanduser().is_file():
        problems.error("Not a directory", f'"{name}" names "{path}", which is a file.', name)


class ChefSoloProvisioner(Provisioner[ChefSoloConfig]):
    Config: ClassVar[type] = ChefSoloConfig

    def inputs(self) -> tuple[Path, ...]:
        config = self.config
        single = (*(getattr(config, name) for name in FOLDERS), config.chef.config_template)
        given = (*config.cookbook_paths, *single, config.chef.encrypted_data_bag_secret_path)
        return tuple(path for path in given if path is not None)

    def summary(self) -> str:
        return ", ".join(self.config.chef.run_list)

    def provision(self, ctx: Context, machine: Machine) -> None:
        from hclimg.provisioners.chef_solo_run import run_solo

        run_solo(ctx, machine.communicator, self.config)
