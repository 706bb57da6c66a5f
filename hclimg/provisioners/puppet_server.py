"""Provisioner ``puppet-server``: runs the machine's Puppet agent once against a Puppet server."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hclimg.config.fields import Checker, config, embed, setting
from hclimg.provisioners.puppet import PuppetConfig, execute_command, facter_variables, puppet_tool, run_puppet
from hclimg.sdk.components import Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine

STAGING = "/tmp/packer-puppet-server"
STAGING_ON_WINDOWS = "C:/Windows/Temp/packer-puppet-server"
EXECUTE, EXECUTE_ON_WINDOWS = execute_command(
    "agent --onetime --no-daemonize --detailed-exitcodes "
    "{{if .Debug}}--debug {{end}}{{if ne .PuppetServer \"\"}}--server='{{.PuppetServer}}' {{end}}"
    "{{if ne .PuppetNode \"\"}}--certname='{{.PuppetNode}}' {{end}}"
    "{{if ne .ClientCertPath \"\"}}--certdir='{{.ClientCertPath}}' {{end}}"
    "{{if ne .ClientPrivateKeyPath \"\"}}--privatekeydir='{{.ClientPrivateKeyPath}}' {{end}}{{.ExtraArguments}}"
)


@config
class PuppetServerConfig:
    """Runs the Puppet agent of the machine once, against a Puppet server."""

    puppet: PuppetConfig = embed(PuppetConfig)
    puppet_server: str = setting("The host name of the server.", default="", default_doc="what the agent is set up for")
    puppet_node: str = setting("The name of the machine's certificate.", default="")
    client_cert_path: Path | None = setting("A directory of this host with the machine's certificate.", default=None)
    client_private_key_path: Path | None = setting("A directory of this host with its private key.", default=None)
    staging_dir: str = setting(
        "The directory of the machine for the files.",
        default="",
        default_doc=f"{STAGING}, {STAGING_ON_WINDOWS} on Windows",
    )
    execute_command: str = setting(
        "The command line; `{{.WorkingDir}}`, `{{.FacterVars}}`, `{{.Sudo}}`, `{{.PuppetBinDir}}`, "
        "`{{.PuppetServer}}`, `{{.PuppetNode}}`, `{{.ClientCertPath}}`, `{{.ClientPrivateKeyPath}}`, "
        "`{{.ExtraArguments}}`, `{{.Debug}}`.",
        default="",
        template=True,
        default_doc=EXECUTE,
    )

    def check(self, problems: Checker) -> None:
        for name in ("client_cert_path", "client_private_key_path"):
            path = getattr(self, name)
            if path is not None:
                problems.file_exists(name, str(path))
        if self.client_private_key_path and not self.puppet.clean_staging_directory:
            detail = "The private key stays in the image. Set clean_staging_directory = true to remove it."
            problems.warn("Secret in the image", detail, "client_private_key_path")


class PuppetServerProvisioner(Provisioner[PuppetServerConfig]):
    Config: ClassVar[type] = PuppetServerConfig

    def summary(self) -> str:
        return self.config.puppet_server

    def provision(self, ctx: Context, machine: Machine) -> None:
        config, tool = self.config, puppet_tool(ctx, machine, self.config.puppet)
        windows = config.puppet.windows
        directory = config.staging_dir or (STAGING_ON_WINDOWS if windows else STAGING)
        with tool.staging(directory, clean=config.puppet.clean_staging_directory) as staging:
            certificates = keys = ""
            if config.client_cert_path:
                certificates = tool.put(config.client_cert_path, f"{staging}/certificates")
            if config.client_private_key_path:
                keys = tool.put(config.client_private_key_path, f"{staging}/private-keys")
            data = {
                "WorkingDir": config.puppet.working_directory or staging,
                "FacterVars": facter_variables(ctx, config.puppet),
                "PuppetServer": config.puppet_server,
                "PuppetNode": config.puppet_node,
                "ClientCertPath": certificates,
                "ClientPrivateKeyPath": keys,
            }
            usual = EXECUTE_ON_WINDOWS if windows else EXECUTE
            run_puppet(tool, config.puppet, config.execute_command or usual, data)
