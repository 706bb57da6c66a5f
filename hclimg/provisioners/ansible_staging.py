"""How ``ansible-local`` lays out its files on the machine, and the commands that it runs there.

    STAGING/PLAYBOOK.yml  inventory  roles/ROLE  group_vars/  host_vars/  collections/ansible_collections/NAMESPACE/NAME
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from attrs import frozen

from hclimg.errors import CommandFailed
from hclimg.provisioners.ansible_galaxy import required
from hclimg.provisioners.ansible_local import STAGING, AnsibleLocalConfig
from hclimg.provisioners.ansible_output import AnsibleOutput
from hclimg.provisioners.guest_tool import GuestTool
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from hclimg.sdk.scripts import token

HOST = "127.0.0.1"
MISSING = (
    "The machine has no ansible: install it in a step before (apt-get install ansible-core, or pip install "
    "ansible-core), or use the provisioner ansible, which runs on this host."
)
HINTS = {
    127: MISSING,
    2: "A task failed; Ansible's output names it.",
    4: "The machine could not be reached: the inventory must name 127.0.0.1.",
}


def run_playbooks(ctx: Context, communicator: Communicator, config: AnsibleLocalConfig) -> None:
    """Raises CommandFailed with the last lines of output."""
    tool = GuestTool(ctx, communicator, "Ansible", sudo=False)
    directory = config.staging_directory or f"{STAGING}/{token()}"
    with tool.staging(directory, clean=config.clean_staging_directory) as staging:
        files = Staged(tool, config, staging)
        inventory = files.upload()
        files.install_requirements()
        for playbook in config.playbooks:
            _run(tool, files.command(playbook, inventory))


def _run(tool: GuestTool, command: str) -> None:
    said = AnsibleOutput()
    try:
        tool.run(command, valid=(0,), hints=HINTS, watch=lambda line, _: said.line(line))
    except CommandFailed as error:
        raise said.explain(error) from error


@frozen
class Staged:
    tool: GuestTool
    config: AnsibleLocalConfig
    directory: str

    def upload(self) -> str:
        """Everything that the playbooks need; the inventory's file on the machine."""
        config, put, at = self.config, self.tool.put, self.directory
        if config.playbook_dir:
            put(config.playbook_dir, at)
        for path in (*config.playbooks, *config.playbook_paths, *((config.galaxy_file,) if config.galaxy_file else ())):
            put(path, f"{at}/{path.name}")
        for name, variables in (("group_vars", config.group_vars), ("host_vars", config.host_vars)):
            if variables:
                put(variables, f"{at}/{name}")
        if config.role_paths:
            self.tool.make_directory(f"{at}/roles")
        for role in config.role_paths:
            put(role, f"{at}/roles/{role.name}")
        for collections in config.collection_paths:
            self.tool.make_directory(f"{at}/collections/ansible_collections")
            put(collections, f"{at}/collections/ansible_collections")
        return self._put_inventory()

    def _put_inventory(self) -> str:
        given = self.config.inventory_file
        if given:
            return self.tool.put(given, f"{self.directory}/{given.name}")
        groups = [f"[{group}]\n{HOST}\n" for group in self.config.inventory_groups]
        remote = f"{self.directory}/inventory"
        self.tool.communicator.upload("".join(groups or [f"{HOST}\n"]).encode(), remote, mode=0o644)
        return remote

    def install_requirements(self) -> None:
        """Roles and collections of Galaxy; a file of the old form, a list, has roles only."""
        config, at = self.config, self.directory
        if not config.galaxy_file:
            return
        force = " --force" if config.galaxy_force_install else ""
        places = {"role": self.roles, "collection": self.collections}
        for what in required(config.galaxy_file):
            where = places[what]
            wanted = f"-r {quote(config.galaxy_file.name)} -p {quote(where)}{force}"
            self.tool.ctx.say(f"Installing what {config.galaxy_file} requires: {what}s")
            command = f"cd {quote(at)} && {config.galaxy_command} {what} install {wanted}"
            self.tool.run(command, valid=(0,), hints={127: MISSING})

    @property
    def roles(self) -> str:
        return self.config.galaxy_roles_path or f"{self.directory}/galaxy_roles"

    @property
    def collections(self) -> str:
        return self.config.galaxy_collections_path or f"{self.directory}/galaxy_collections"

    def command(self, playbook: Path, inventory: str) -> str:
        ctx = self.tool.ctx
        known = {"packer_build_name": ctx.build_name, "packer_builder_type": ctx.build_type}
        address = str(ctx.facts.get("PackerHTTPAddr") or "")
        if address and not address.startswith("ERR_"):
            known["packer_http_addr"] = address
        extra = " ".join(f"{name}={quote(value)}" for name, value in known.items())
        arguments = "".join(f" {ctx.render(text)}" for text in self.config.extra_arguments)
        return (
            f"cd {quote(self.directory)} && {self._paths()}{self.config.command} {quote(playbook.name)} "
            f"--extra-vars {quote(extra)}{arguments} -c local -i {quote(inventory)}"
        )

    def _paths(self) -> str:
        """Where Ansible looks besides its own places: what was uploaded, and what Galaxy installed."""
        found = ""
        if self.config.galaxy_file:
            found = f"export ANSIBLE_ROLES_PATH={quote(self.roles)}:{quote(self.directory + '/roles')} && "
        if self.config.galaxy_file or self.config.collection_paths:
            places = f"{quote(self.directory + '/collections')}:{quote(self.collections)}"
            found += f"export ANSIBLE_COLLECTIONS_PATH={places} && "
        return found
