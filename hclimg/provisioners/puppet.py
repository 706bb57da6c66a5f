"""What the two provisioners of Puppet have in common: settings, facts, and what exit codes mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hclimg.config.fields import Checker, config, embed, setting
from hclimg.provisioners.cmd_text import FORM, set_variables
from hclimg.provisioners.elevated_settings import Elevated
from hclimg.sdk.scripts import flatten

if TYPE_CHECKING:  # `validate` imports this module, but runs nothing
    from hclimg.provisioners.guest_tool import GuestTool
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Machine

UNCHANGED, CHANGED = 0, 2
"""With --detailed-exitcodes, 2 says that Puppet made changes; 4 and 6 that some failed."""
HINTS = {
    127: "The machine has no puppet in its PATH: install it in a step before (apt-get install puppet-agent), or set "
    "puppet_bin_dir (/opt/puppetlabs/bin for Puppet's own packages).",
    1: "Puppet could not begin: the manifest does not compile, or another Puppet runs.",
    4: "Some resources failed; Puppet's output names them.",
    6: "Some resources changed and some failed; Puppet's output names them.",
}
HINTS_ON_WINDOWS = {
    **HINTS,
    127: "The machine has no puppet in its PATH: install it in a step before (its MSI package), or set puppet_bin_dir "
    "(C:/Program Files/Puppet Labs/Puppet/bin).",
}
_FACT = "FACTER_%s='%s' "


@config
class PuppetConfig:
    """How Puppet runs on the machine."""

    facter: dict[str, str] = setting("Facts for the manifests.", factory=dict)
    extra_arguments: tuple[str, ...] = setting("More arguments for puppet.", default=(), template=True)
    ignore_exit_codes: bool = setting("Whether every exit code means success.", default=False)
    prevent_sudo: bool = setting("Whether to run without sudo.", default=False)
    puppet_bin_dir: str = setting("The directory of puppet on the machine, where it is not in PATH.", default="")
    working_directory: str = setting(
        "The directory in which puppet runs.", default="", default_doc="the staging directory"
    )
    clean_staging_directory: bool = setting("Whether to remove the staging directory afterwards.", default=False)
    guest_os_type: str = setting("The kind of the machine's system.", default="unix", choices=("unix", "windows"))
    elevated: Elevated = embed(Elevated)

    def check(self, problems: Checker) -> None:
        for name in ("elevated_user", "elevated_password"):
            if problems.is_set(name) and self.guest_os_type != "windows":
                detail = f'"{name}" is for Windows: set guest_os_type, or leave it out and use prevent_sudo.'
                problems.error("Conflicting arguments", detail, name)
        for name in self.facter:
            if not name.isidentifier() or not name.isascii():
                detail = f'"{name}" cannot be the name of a fact that goes by the environment: use letters, digits, _.'
                problems.error("Invalid fact", detail, "facter")

    @property
    def windows(self) -> bool:
        return self.guest_os_type == "windows"


def execute_command(words: str) -> tuple[str, str]:
    """The command line for Unix and for Windows, where ``words`` come after the program.

    cmd.exe knows double quotes only, and goes to another drive only when it is asked to.
    """
    unix = (
        'cd {{.WorkingDir}} && {{if ne .FacterVars ""}}{{.FacterVars}} {{end}}{{if .Sudo}}sudo -E {{end}}'
        f'{{{{if ne .PuppetBinDir ""}}}}{{{{.PuppetBinDir}}}}/{{{{end}}}}puppet {words}'
    )
    windows = (
        'cd /d "{{.WorkingDir}}" && {{if ne .FacterVars ""}}{{.FacterVars}} && {{end}}'
        f'{{{{if ne .PuppetBinDir ""}}}}"{{{{.PuppetBinDir}}}}/puppet"{{{{else}}}}puppet{{{{end}}}} {words}'
    ).replace("'", '"')
    return unix, windows


def facter_variables(ctx: Context, settings: PuppetConfig) -> str:
    """The facts as assignments of a shell; those of the template win."""
    facts = {"packer_build_name": ctx.build_name, "packer_builder_type": ctx.build_type}
    address = str(ctx.facts.get("PackerHTTPAddr") or "")
    if address and not address.startswith("ERR_"):
        facts["packer_http_addr"] = address
    known = dict(sorted((facts | settings.facter).items()))
    if settings.windows:
        return set_variables({f"FACTER_{name}": value for name, value in known.items()}, FORM).removesuffix(" && ")
    return flatten(known, _FACT).rstrip()


def puppet_tool(ctx: Context, machine: Machine, settings: PuppetConfig) -> GuestTool:
    from hclimg.provisioners.guest_tool import GuestTool

    return GuestTool(ctx, machine.communicator, "Puppet", sudo=not settings.prevent_sudo, windows=settings.windows)


def run_puppet(tool: GuestTool, settings: PuppetConfig, command: str, data: Mapping[str, str]) -> None:
    """Raises CommandFailed when resources failed."""
    arguments = " ".join(tool.ctx.render(text, **data) for text in settings.extra_arguments)
    line = tool.ctx.render(
        command, **data, Sudo=tool.sudo, Debug=False, PuppetBinDir=settings.puppet_bin_dir, ExtraArguments=arguments
    )
    valid = None if settings.ignore_exit_codes else (UNCHANGED, CHANGED)
    elevated = settings.elevated if settings.elevated.elevated_user else None
    tool.run(line, valid=valid, hints=HINTS_ON_WINDOWS if settings.windows else HINTS, elevated=elevated)
