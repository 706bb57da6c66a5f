"""Provisioner ``ansible-local``: uploads playbooks and runs Ansible on the machine itself."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hclimg.config.fields import Checker, config, setting
from hclimg.sdk.components import Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine

COMMAND = "ANSIBLE_FORCE_COLOR=1 PYTHONUNBUFFERED=1 ansible-playbook"
STAGING = "/tmp/packer-provisioner-ansible-local"


@config
class AnsibleLocalConfig:
    """Uploads playbooks, roles and variables and runs Ansible on the machine, which must have it."""

    playbook_file: Path | None = setting("The playbook of this host to run.", default=None)
    playbook_files: tuple[Path, ...] = setting("Playbooks of this host to run, one after the other.", default=())
    playbook_dir: Path | None = setting(
        "A directory of this host that goes whole to the staging directory.", default=None
    )
    playbook_paths: tuple[Path, ...] = setting("Directories of playbooks that others include.", default=())
    role_paths: tuple[Path, ...] = setting("Roles of this host, a directory each.", default=())
    collection_paths: tuple[Path, ...] = setting(
        "Collections of this host: directories that hold NAMESPACE/NAME.", default=()
    )
    group_vars: Path | None = setting("A directory of this host with variables of groups.", default=None)
    host_vars: Path | None = setting("A directory of this host with variables of hosts.", default=None)
    inventory_file: Path | None = setting("The inventory; it must name 127.0.0.1.", default=None)
    inventory_groups: tuple[str, ...] = setting("The groups that the machine is in.", default=())
    extra_arguments: tuple[str, ...] = setting("More arguments for ansible-playbook.", default=(), template=True)
    command: str = setting("What runs a playbook on the machine.", default=COMMAND)
    staging_directory: str = setting(
        "The directory of the machine for the files.", default="", default_doc=f"{STAGING}/ID"
    )
    clean_staging_directory: bool = setting("Whether to remove it afterwards.", default=False)
    galaxy_file: Path | None = setting("The requirements that Ansible Galaxy installs on the machine.", default=None)
    galaxy_command: str = setting("What installs them.", default="ansible-galaxy")
    galaxy_force_install: bool = setting("Whether to install what is there already.", default=False)
    galaxy_roles_path: str = setting(
        "The directory of the machine for Galaxy's roles.", default="", default_doc="galaxy_roles, in the staging one"
    )
    galaxy_collections_path: str = setting(
        "The directory of the machine for Galaxy's collections.",
        default="",
        default_doc="galaxy_collections, in the staging one",
    )

    @property
    def playbooks(self) -> tuple[Path, ...]:
        return (*((self.playbook_file,) if self.playbook_file else ()), *self.playbook_files)

    def check(self, problems: Checker) -> None:
        problems.exactly_one("playbook_file", "playbook_files")
        for name in ("playbook_file", "playbook_dir", "group_vars", "host_vars", "inventory_file", "galaxy_file"):
            path = getattr(self, name)
            if path is not None:
                problems.file_exists(name, str(path))
        for name in ("playbook_files", "playbook_paths", "role_paths", "collection_paths"):
            for path in getattr(self, name):
                problems.file_exists(name, str(path))
        self._check_inventory(problems)

    def _check_inventory(self, problems: Checker) -> None:
        if self.inventory_file and self.inventory_groups:
            detail = 'The inventory says which groups there are: set "inventory_file" or "inventory_groups".'
            problems.error("Conflicting arguments", detail, "inventory_groups", "inventory_file")
        by_name: dict[str, Path] = {}
        for name in ("playbook_files", "role_paths", "playbook_paths"):
            for path in getattr(self, name):
                other = by_name.setdefault(f"{name}/{path.name}", path)
                if other != path:
                    detail = f'"{other}" and "{path}" would be the same on the machine: their last names are equal.'
                    problems.error("Conflicting files", detail, name)


class AnsibleLocalProvisioner(Provisioner[AnsibleLocalConfig]):
    Config: ClassVar[type] = AnsibleLocalConfig

    def inputs(self) -> tuple[Path, ...]:
        config = self.config
        single = (config.playbook_dir, config.group_vars, config.host_vars, config.inventory_file, config.galaxy_file)
        given = (*config.playbooks, *config.playbook_paths, *config.role_paths, *config.collection_paths, *single)
        return tuple(path for path in given if path is not None)

    def summary(self) -> str:
        return ", ".join(map(str, self.config.playbooks))

    def provision(self, ctx: Context, machine: Machine) -> None:
        from hclimg.provisioners.ansible_staging import run_playbooks

        run_playbooks(ctx, machine.communicator, self.config)
