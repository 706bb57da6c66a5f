"""Provisioner ``ansible``: runs ansible-playbook on this host against the machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from hclimg.config.fields import Checker, config, setting
from hclimg.sdk.components import Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine

KEY_TYPES = ("ECDSA", "RSA")
_BESIDE = ("roles", "group_vars", "host_vars", "files", "templates", "tasks", "vars")
"""What playbooks use of the directory that they are in."""

_ASSIGNMENT = re.compile(r"[^=\s]+=", re.ASCII)
_OF_THE_ADAPTER = (
    "local_port", "ssh_host_key_file", "ssh_authorized_key_file", "ansible_proxy_key_type", "sftp_command",
)  # fmt: skip
_OF_OUR_INVENTORY = (
    "groups", "empty_groups", "inventory_file_template", "inventory_directory", "keep_inventory_file",
)  # fmt: skip


@config
class AnsibleConfig:
    """Runs an Ansible playbook from this host. It reaches the machine through hclimg, or with `use_proxy = false` by
    itself."""

    playbook_file: Path = setting("The playbook of this host to run.")
    command: str = setting("The program that runs it.", default="ansible-playbook")
    extra_arguments: tuple[str, ...] = setting("More arguments for it.", default=(), template=True)
    ansible_env_vars: tuple[str, ...] = setting(
        'Environment variables for it and for Galaxy, each as "NAME=value".', default=(), template=True
    )
    ansible_ssh_extra_args: tuple[str, ...] = setting(
        "Arguments that its ssh gets.", default=(), template=True, default_doc='["-o IdentitiesOnly=yes"]'
    )
    limit: str = setting("The hosts and groups that the run is limited to.", default="")
    skip_version_check: bool = setting("Whether not to ask the program which version it is.", default=False)

    host_alias: str = setting("The machine's name in the inventory.", default="default")
    user: str = setting(
        "The `ansible_user`.", default="", default_doc="who runs hclimg; with `use_proxy = false` who logs in"
    )
    groups: tuple[str, ...] = setting("The groups that the machine is in.", default=())
    empty_groups: tuple[str, ...] = setting("Groups without hosts.", default=())
    inventory_file: Path | None = setting("An inventory of yours, in place of the one that is made.", default=None)
    inventory_directory: Path | None = setting(
        "Where the inventory is made, next to your group_vars and host_vars.",
        default=None,
        default_doc="a temporary directory",
    )
    inventory_file_template: str = setting(
        "The machine's line in the inventory, with `{{.HostAlias}}`, `{{.Host}}`, `{{.Port}}` and `{{.User}}`.",
        default="",
        template=True,
        default_doc="{{.HostAlias}} ansible_host={{.Host}} ansible_user={{.User}} ansible_port={{.Port}}",
    )
    keep_inventory_file: bool = setting("Whether the inventory stays.", default=False)

    galaxy_file: Path | None = setting("The roles and collections that Ansible Galaxy installs before.", default=None)
    galaxy_command: str = setting("The program that installs them.", default="ansible-galaxy")
    galaxy_force_install: bool = setting("Whether to install what is there already.", default=False)
    galaxy_force_with_deps: bool = setting("The same, and what that depends on too.", default=False)
    roles_path: Path | None = setting("Where Galaxy installs roles, and the playbook finds them.", default=None)
    collections_path: Path | None = setting("The same for collections.", default=None)

    use_proxy: bool | None = setting(
        "Whether Ansible connects to an SSH server of hclimg on this host, which passes everything on to the machine: "
        "that works for every machine. If not, it connects to the machine itself, by SSH or WinRM.",
        default=None,
        default_doc="true",
    )
    local_port: int = setting("The port of that server; ten are tried.", default=0, default_doc="any")
    ssh_host_key_file: Path | None = setting("Its private host key.", default=None, default_doc="a new one")
    ssh_authorized_key_file: Path | None = setting(
        "The public key that may log in there; Ansible must know the private one.",
        default=None,
        default_doc="that of a new key, which Ansible is given",
    )
    ansible_proxy_key_type: str = setting(
        "The kind of the new keys.", default="ECDSA", default_doc="ECDSA", choices=KEY_TYPES
    )
    sftp_command: str = setting(
        "The program of the machine that serves SFTP.", default="", default_doc="none: hclimg does it"
    )
    use_sftp: bool = setting("Whether Ansible copies files by SFTP.", default=False)
    ansible_winrm_use_http: bool = setting(
        "Whether it uses HTTP with WinRM on whatever port, with `use_proxy = false`.", default=False
    )

    def check(self, problems: Checker) -> None:
        self._check_files(problems)
        if not 0 <= self.local_port < 65536:
            problems.error("Invalid port", '"local_port" must be a number from 0 to 65535.', "local_port")
        for text in self.ansible_env_vars:
            if not _ASSIGNMENT.match(text):
                detail = f'"{text.partition("=")[0]}" is no environment variable; write "NAME=value".'
                problems.error("Invalid environment variable", detail, "ansible_env_vars")
        self._check_what_has_no_effect(problems)

    def _check_files(self, problems: Checker) -> None:
        for name in ("playbook_file", "galaxy_file", "ssh_host_key_file", "ssh_authorized_key_file"):
            path = getattr(self, name)
            if path is None or not problems.is_known(name):
                continue
            problems.file_exists(name, str(path))
            if path.expanduser().is_dir():
                problems.error("Not a file", f'"{name}" names "{path}", which is a directory.', name)
        if self.inventory_file is not None and "," not in str(self.inventory_file):  # "a,b," lists hosts
            problems.file_exists("inventory_file", str(self.inventory_file))
        folder = self.inventory_directory
        if folder is not None and problems.is_known("inventory_directory") and not folder.expanduser().is_dir():
            detail = f'"inventory_directory" names "{folder}", which is no directory.'
            problems.error("Directory not found", detail, "inventory_directory")
        known = problems.is_known("playbook_file", "galaxy_file", "roles_path")
        if known and self.playbook_file.expanduser().is_file():
            from hclimg.provisioners.ansible_playbook import look_at

            look_at(self, problems)

    def _check_what_has_no_effect(self, problems: Checker) -> None:
        if self.use_proxy is False:
            for name in filter(problems.is_set, _OF_THE_ADAPTER):
                detail = f'"{name}" is about the SSH server of hclimg, which "use_proxy = false" does without.'
                problems.warn("Argument without effect", detail, name)
        if self.inventory_file is not None:
            for name in filter(problems.is_set, _OF_OUR_INVENTORY):
                detail = f'"{name}" is about the inventory that hclimg makes; "inventory_file" takes its place.'
                problems.warn("Argument without effect", detail, name)
        if not self.galaxy_file:
            for name in filter(problems.is_set, ("galaxy_force_install", "galaxy_force_with_deps")):
                problems.warn("Argument without effect", f'"{name}" needs a "galaxy_file".', name)


class AnsibleProvisioner(Provisioner[AnsibleConfig]):
    Config: ClassVar[type] = AnsibleConfig

    def inputs(self) -> tuple[Path, ...]:
        config, beside = self.config, self.config.playbook_file.expanduser().parent
        given = (config.galaxy_file, config.inventory_file, config.inventory_directory)
        more = (*(path for path in given if path is not None), *(beside / name for name in _BESIDE))
        return (config.playbook_file, *(path for path in more if path.expanduser().exists()))

    def summary(self) -> str:
        return str(self.config.playbook_file)

    def provision(self, ctx: Context, machine: Machine) -> None:
        from hclimg.provisioners.ansible_run import run_playbook

        run_playbook(ctx, machine, self.config)
