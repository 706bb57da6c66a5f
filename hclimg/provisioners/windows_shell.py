"""Provisioner ``windows-shell``: runs batch files on a machine with Windows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from hclimg.provisioners.windows_shell_config import WindowsShellConfig
from hclimg.sdk.components import Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine
from hclimg.sdk.scripts import Script, environment, read_script

_LINE_END = re.compile(rb"\r?\n")


class WindowsShellProvisioner(Provisioner[WindowsShellConfig]):
    Config: ClassVar[type] = WindowsShellConfig

    def inputs(self) -> tuple[Path, ...]:
        return self.config.run.files

    def summary(self) -> str:
        return self.config.run.summary

    def provision(self, ctx: Context, machine: Machine) -> None:
        from hclimg.provisioners.cmd_text import set_variables
        from hclimg.provisioners.windows_scripts import Job, WindowsMachine, WindowsScripts

        config, windows = self.config, WindowsMachine(ctx, machine.communicator, "windows-shell")
        scripts = WindowsScripts(windows, config.run.valid_exit_codes, config.start_retry_timeout)
        variables = set_variables(environment(ctx, config.run), config.env_var_format)
        command = ctx.render(config.execute_command, Vars=variables, Path=config.remote_path)
        for script in self._scripts():
            ctx.say(f"Provisioning with windows-shell: {script.name}")
            scripts.run(Job(script.name, {config.remote_path: self._content(script)}, command))

    def _scripts(self) -> Iterator[Script]:
        settings = self.config.run
        if settings.inline:
            yield Script("inline script", "".join(f"{line}\n" for line in settings.inline).encode())
        for path in settings.files:
            yield read_script(path)

    def _content(self, script: Script) -> bytes:
        """cmd.exe loses its place among labels in a file whose lines end as on Unix."""
        return script.content if self.config.binary else _LINE_END.sub(b"\r\n", script.content)
