"""Provisioner ``python``: runs a Python script on the machine, or on this host with a ``machine`` to work on."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hclimg.config.fields import Checker, config, embed, setting
from hclimg.sdk.components import Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.guards import Guards
from hclimg.sdk.machine import Machine
from hclimg.sdk.scripts import ScriptConfig

HOST, GUEST = "host", "guest"


@config
class PythonConfig:
    """Runs Python code: on the machine, or on this host with an object `machine` to work on."""

    run: ScriptConfig = embed(ScriptConfig)
    where: str = setting(
        "Where the code runs: `guest` is the machine, which must have Python; `host` is this machine, where the code "
        "uses the object `machine`.",
        default=GUEST,
        choices=(GUEST, HOST),
    )
    interpreter: str = setting(
        "The Python to run it with.", default="", default_doc="python3 in the guest; hclimg's own on the host"
    )
    remote_folder: str = setting("The directory on the machine for scripts.", default="/tmp")

    def check(self, problems: Checker) -> None:
        problems.exactly_one("inline", "script", "scripts")
        if self.where == HOST and problems.is_set("remote_folder"):
            detail = 'The code runs on this host, so nothing goes to a directory of the machine: "where" is "host".'
            problems.error("Conflicting arguments", detail, "remote_folder", "where")


class PythonProvisioner(Provisioner[PythonConfig]):
    Config: ClassVar[type] = PythonConfig

    def inputs(self) -> tuple[Path, ...]:
        return self.config.run.files

    def summary(self) -> str:
        what = ", ".join(map(str, self.config.run.files)) or f"{len(self.config.run.inline)} lines"
        return f"{what} on the host" if self.config.where == HOST else what

    def provision(self, ctx: Context, machine: Machine) -> None:
        if self.config.where == HOST:
            from hclimg.provisioners.python_host import run_on_host

            run_on_host(ctx, self.config.run, machine, self.config.interpreter)
            return
        self._run_in_guest(ctx, machine)

    def _run_in_guest(self, ctx: Context, machine: Machine) -> None:
        """As the shell provisioner runs any script that an interpreter reads."""
        from hclimg.provisioners.shell_config import ShellConfig
        from hclimg.provisioners.shell_script import RemoteScripts

        program = self.config.interpreter or "python3"
        shell = ShellConfig(
            run=self.config.run,
            guards=Guards(),
            remote_folder=self.config.remote_folder,
            inline_shebang=f"/usr/bin/env {program}",
            execute_command=f"{{{{.Vars}}}} {program} {{{{.Path}}}}",
        )
        hint = f'The machine has no "{program}". Install it in a step before, or set where = "host".'
        RemoteScripts(ctx, machine.communicator, shell, hints={127: hint}).run()
