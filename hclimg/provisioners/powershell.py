"""Provisioner ``powershell``: runs PowerShell on the machine."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hclimg.provisioners.powershell_config import PowershellConfig
from hclimg.sdk.components import Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine


class PowershellProvisioner(Provisioner[PowershellConfig]):
    Config: ClassVar[type] = PowershellConfig

    def inputs(self) -> tuple[Path, ...]:
        return self.config.run.files

    def summary(self) -> str:
        return self.config.run.summary

    def provision(self, ctx: Context, machine: Machine) -> None:
        from hclimg.provisioners.powershell_scripts import PowershellScripts

        PowershellScripts(ctx, machine.communicator, self.config).run()
