"""Provisioner ``chef-client``: registers the machine at a Chef server, runs Chef, and takes it off the server again."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hclimg.config.fields import Checker, config, embed, setting
from hclimg.provisioners.chef import ChefConfig
from hclimg.provisioners.elevated_settings import Elevated
from hclimg.sdk.components import Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine

VERIFY_MODES = ("verify_none", "verify_peer")


@config
class ChefClientConfig:
    """Runs chef-client on the machine against a Chef server, from which it is removed afterwards."""

    chef: ChefConfig = embed(ChefConfig)
    elevated: Elevated = embed(Elevated)
    server_url: str = setting(
        "The URL of the server, with its organization.", example='"https://chef.example/organizations/web"'
    )
    node_name: str = setting("The name of the node on the server.", default="", default_doc="`packer-` and a UUID")
    client_key: str = setting(
        "The file of the machine with its private key, or for it.",
        default="",
        default_doc="client.pem, in the staging directory",
    )
    validation_key_path: Path | None = setting(
        "The private key by which a machine may register, a file of this host; it does not stay on the machine.",
        default=None,
    )
    validation_client_name: str = setting("Whose key that is.", default="", default_doc="`chef-validator`")
    policy_name: str = setting("The policy of a Policyfile.", default="")
    policy_group: str = setting("The policy group of a Policyfile.", default="")
    ssl_verify_mode: str = setting(
        "Whether Chef checks certificates: `verify_none` or `verify_peer`.", default="", default_doc="Chef's own"
    )
    trusted_certs_dir: str = setting("The directory of the machine with certificates to trust.", default="")
    rubygems_url: str = setting("Where Chef gets gems from.", default="", default_doc="Chef's own")
    staging_directory: str = setting(
        "The directory of the machine for the files.", default="", default_doc="`/tmp/packer-chef-client`"
    )
    skip_clean_staging_directory: bool = setting("Whether it stays, without secrets.", default=False)
    skip_clean_node: bool = setting("Whether the node stays on the server.", default=False)
    skip_clean_client: bool = setting("Whether the client stays on the server.", default=False)
    execute_command: str = setting(
        "The command line; `{{.ConfigPath}}`, `{{.JsonPath}}`, `{{.Sudo}}`.",
        default="",
        default_doc="`{{if .Sudo}}sudo {{end}}chef-client --no-color -c {{.ConfigPath}} -j {{.JsonPath}}`",
        template=True,
    )
    knife_command: str = setting(
        "What removes node and client from the server, on the machine; `{{.Args}}`, `{{.Flags}}`, `{{.Sudo}}`.",
        default="",
        default_doc="`{{if .Sudo}}sudo {{end}}knife {{.Args}} {{.Flags}}`",
        template=True,
    )

    def check(self, problems: Checker) -> None:
        if self.validation_key_path:
            problems.file_exists("validation_key_path", str(self.validation_key_path))
        if bool(self.policy_name) != bool(self.policy_group) and problems.is_known("policy_name", "policy_group"):
            given = "policy_name" if self.policy_name else "policy_group"
            detail = '"policy_name" and "policy_group" belong together: one names the Policyfile, one its version.'
            problems.error("Missing required argument", detail, given)
        if self.policy_name and self.chef.run_list:
            detail = "The Policyfile has a run list of its own."
            problems.warn("Conflicting arguments", detail, "run_list", "policy_name")
        if self.ssl_verify_mode and self.ssl_verify_mode not in VERIFY_MODES:
            detail = f'"{self.ssl_verify_mode}" is no mode; write {" or ".join(VERIFY_MODES)}.'
            problems.error("Invalid value", detail, "ssl_verify_mode")
        if not self.server_url.startswith(("http://", "https://")) and problems.is_known("server_url"):
            problems.error("Invalid URL", f'"{self.server_url}" is no URL: begin it with "https://".', "server_url")
        for name in ("elevated_user", "elevated_password"):
            if problems.is_set(name) and self.chef.guest_os_type != "windows":
                detail = f'"{name}" is for Windows: set guest_os_type, or leave it out.'
                problems.error("Conflicting arguments", detail, name)


class ChefClientProvisioner(Provisioner[ChefClientConfig]):
    Config: ClassVar[type] = ChefClientConfig

    def inputs(self) -> tuple[Path, ...]:
        chef = self.config.chef
        given = (self.config.validation_key_path, chef.encrypted_data_bag_secret_path, chef.config_template)
        return tuple(path for path in given if path is not None)

    def summary(self) -> str:
        return self.config.server_url

    def provision(self, ctx: Context, machine: Machine) -> None:
        from hclimg.provisioners.chef_client_run import run_client

        run_client(ctx, machine.communicator, self.config)
