"""Provisioner ``shell-local``: runs scripts on this host, as a step of a build."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hclimg.sdk.components import Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.local_script import LocalScriptConfig, run_local_scripts
from hclimg.sdk.machine import Machine


class ShellLocalProvisioner(Provisioner[LocalScriptConfig]):
    Config: ClassVar[type] = LocalScriptConfig

    def inputs(self) -> tuple[Path, ...]:
        return self.config.run.files

    def summary(self) -> str:
        return self.config.summary

    def provision(self, ctx: Context, machine: Machine) -> None:  # noqa: ARG002
        run_local_scripts(ctx, self.config)
