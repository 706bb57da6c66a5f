"""Provisioner ``windows-restart``: restarts a machine with Windows and waits until it is back."""

from __future__ import annotations

from typing import ClassVar

from hclimg.provisioners.windows_restart_config import WindowsRestartConfig
from hclimg.sdk.components import Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine


class WindowsRestartProvisioner(Provisioner[WindowsRestartConfig]):
    Config: ClassVar[type] = WindowsRestartConfig

    def summary(self) -> str:
        return self.config.restart_command

    def provision(self, ctx: Context, machine: Machine) -> None:
        from hclimg.provisioners.windows_restarting import Restart

        Restart.of(ctx, machine.communicator, self.config).run()
