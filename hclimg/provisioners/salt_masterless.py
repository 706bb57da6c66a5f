"""Provisioner ``salt-masterless``: applies Salt states of this host on the machine, without a Salt master."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from attrs import frozen

from hclimg.config.fields import Checker, config, setting
from hclimg.provisioners.salt_formula import formula_problem
from hclimg.sdk.components import Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine


@frozen
class Places:
    """Where things are on a machine, and the commands that fetch Salt's own installer and run it."""

    settings: str
    temporary: str
    states: str
    pillar: str
    script: str
    fetch: str
    install: str


_RELEASE = "https://github.com/saltstack/salt-bootstrap/releases/latest/download"
"""Where the Salt Project keeps its installer now; bootstrap.saltproject.io, which Packer asks, led there."""
PLACES = {
    "unix": Places(
        settings="/etc/salt", temporary="/tmp/salt", states="/srv/salt", pillar="/srv/pillar",
        script="/tmp/install_salt.sh",
        fetch=f"curl -fsSL {_RELEASE}/bootstrap-salt.sh -o /tmp/install_salt.sh || "
        f"wget -qO /tmp/install_salt.sh {_RELEASE}/bootstrap-salt.sh",
        install="sh /tmp/install_salt.sh",
    ),
    "windows": Places(
        settings="C:/salt/conf", temporary="C:/Windows/Temp/salt", states="C:/salt/state", pillar="C:/salt/pillar",
        script="C:/Windows/Temp/bootstrap-salt.ps1",
        fetch=f"powershell Invoke-WebRequest -UseBasicParsing -Uri '{_RELEASE}/bootstrap-salt.ps1' "
        "-OutFile 'C:/Windows/Temp/bootstrap-salt.ps1'",
        install="powershell -ExecutionPolicy Bypass -File C:/Windows/Temp/bootstrap-salt.ps1",
    ),
}  # fmt: skip


@config
class SaltMasterlessConfig:
    """Uploads Salt states and pillar and applies them on the machine, which gets Salt first unless it has it."""

    local_state_tree: Path = setting("The directory of this host with the states.")
    local_pillar_roots: Path | None = setting("The directory of this host with the pillar.", default=None)
    remote_state_tree: str = setting(
        "The directory of the machine for the states; what it has stays there.",
        default="",
        default_doc=f"`{PLACES['unix'].states}`",
    )
    remote_pillar_roots: str = setting(
        "The directory of the machine for the pillar.", default="", default_doc=f"`{PLACES['unix'].pillar}`"
    )
    minion_config: Path | None = setting(
        "A configuration of a minion, which goes to /etc/salt/minion; it says where the states are.", default=None
    )
    grains_file: Path | None = setting("Grains, which go to /etc/salt/grains.", default=None)
    custom_state: str = setting(
        "The states to apply, with commas between them, instead of those of top.sls.", default=""
    )
    formulas: tuple[str, ...] = setting(
        "Formulas to fetch by git into the state tree, each with its directory after `//`.",
        default=(),
        example='["https://github.com/saltstack-formulas/redis-formula.git//redis?ref=v0.8.0"]',
    )
    log_level: str = setting("What Salt logs.", default="", default_doc="`info`")
    salt_call_args: str = setting("More arguments for salt-call.", default="")
    salt_bin_dir: str = setting("The directory of salt-call on the machine, where it is not in PATH.", default="")
    disable_sudo: bool = setting("Whether to run without sudo.", default=False)
    skip_bootstrap: bool = setting("Whether Salt is on the machine already.", default=False)
    bootstrap_args: str = setting("Arguments for the script that installs Salt.", default="")
    no_exit_on_failure: bool = setting("Whether to go on when states fail.", default=False)
    temp_config_dir: str = setting(
        "The directory of the machine for files on their way.", default="", default_doc=f"`{PLACES['unix'].temporary}`"
    )
    guest_os_type: str = setting("The kind of the machine's system.", default="unix", choices=("unix", "windows"))

    @property
    def places(self) -> Places:
        return PLACES[self.guest_os_type]

    @property
    def states(self) -> str:
        return self.remote_state_tree or self.places.states

    @property
    def pillar(self) -> str:
        return self.remote_pillar_roots or self.places.pillar

    def check(self, problems: Checker) -> None:
        self._check_files(problems)
        for name in ("remote_state_tree", "remote_pillar_roots"):
            if self.minion_config and problems.is_set(name):
                detail = f'The minion\'s configuration says where Salt looks: set "{name}" there, as file_roots or '
                problems.error("Conflicting arguments", f"{detail}pillar_roots.", name, "minion_config")
        if self.bootstrap_args and self.skip_bootstrap:
            detail = "There is no installation that takes arguments: skip_bootstrap is true."
            problems.error("Conflicting arguments", detail, "bootstrap_args", "skip_bootstrap")
        for formula in self.formulas:
            if problem := formula_problem(formula):
                problems.error("Invalid formula", f'"{formula}": {problem}', "formulas")

    def _check_files(self, problems: Checker) -> None:
        for name in ("local_state_tree", "local_pillar_roots"):
            path = getattr(self, name)
            if path is None:
                continue
            problems.file_exists(name, str(path))
            if path.expanduser().is_file():
                problems.error("Not a directory", f'"{name}" names "{path}", which is a file.', name)
        for name in ("minion_config", "grains_file"):
            path = getattr(self, name)
            if path is not None:
                problems.file_exists(name, str(path))
        self._check_top(problems)

    def _check_top(self, problems: Checker) -> None:
        tree = self.local_state_tree.expanduser()
        if self.custom_state or self.minion_config or not tree.is_dir() or not problems.is_known("custom_state"):
            return
        if not (tree / "top.sls").exists():
            detail = f'"{self.local_state_tree}" has no top.sls, which says what a machine gets. Set custom_state, or '
            problems.warn("No top.sls", f"{detail}add it, unless the machine has one.", "local_state_tree")


class SaltMasterlessProvisioner(Provisioner[SaltMasterlessConfig]):
    Config: ClassVar[type] = SaltMasterlessConfig

    def inputs(self) -> tuple[Path, ...]:
        config = self.config
        given = (config.local_state_tree, config.local_pillar_roots, config.minion_config, config.grains_file)
        return tuple(path for path in given if path is not None)

    def summary(self) -> str:
        return self.config.custom_state or str(self.config.local_state_tree)

    def provision(self, ctx: Context, machine: Machine) -> None:
        from hclimg.provisioners.salt_run import apply_states

        apply_states(ctx, machine.communicator, self.config)
