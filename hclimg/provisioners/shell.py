"""Provisioner ``shell``: runs scripts on the machine."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hclimg.provisioners.shell_config import ShellConfig
from hclimg.sdk.components import Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine


class ShellProvisioner(Provisioner[ShellConfig]):
    Config: ClassVar[type] = ShellConfig

    def inputs(self) -> tuple[Path, ...]:
        return self.config.run.files

    def summary(self) -> str:
        return self.config.run.summary

    def provision(self, ctx: Context, machine: Machine) -> None:
        from hclimg.provisioners.shell_script import RemoteScripts

        RemoteScripts(ctx, machine.communicator, self.config).run()
