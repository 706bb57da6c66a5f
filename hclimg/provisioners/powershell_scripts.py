"""What the ``powershell`` provisioner puts on the machine, and the command lines that run it there."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define

from hclimg.provisioners.elevated import elevated_script
from hclimg.provisioners.powershell_config import PowershellConfig
from hclimg.provisioners.powershell_text import as_utf8, literal, set_variables
from hclimg.provisioners.starting import pause
from hclimg.provisioners.windows_scripts import Job, WindowsMachine, WindowsScripts
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from hclimg.sdk.scripts import Script, environment, read_script, token
from hclimg.sdk.windows import LoginShell


@define(eq=False)
class PowershellScripts:
    ctx: Context
    communicator: Communicator
    config: PowershellConfig

    def run(self) -> None:
        """Run all scripts. Raises CommandFailed, ConnectionLost, TimedOut, BuildError, Cancelled."""
        config = self.config
        own_command = bool(config.execute_command) and not config.elevated.elevated_user
        machine = WindowsMachine(self.ctx, self.communicator, "powershell", posix=own_command)
        scripts = WindowsScripts(machine, config.run.valid_exit_codes, config.start_retry_timeout)
        folder = "/tmp" if machine.shell() is LoginShell.POSIX else "c:/Windows/Temp"
        for script in self._scripts():
            self.ctx.say(f"Provisioning with Powershell: {script.name}")
            scripts.run(self._job(script, folder))
        pause(self.ctx, config.pause_after)

    def _scripts(self) -> Iterator[Script]:
        settings = self.config.run
        if settings.inline:
            yield Script("inline script", "\n".join(settings.inline).encode())
        for path in settings.files:
            yield read_script(path)

    def _job(self, script: Script, folder: str) -> Job:
        config = self.config
        path = config.remote_path or f"{folder}/script-{token()}.ps1"
        variables = config.remote_env_var_path or f"{folder}/packer-ps-env-vars-{token()}.ps1"
        content = script.content if script.path else _inline(script.content, variables)
        files = {variables: self._variables(), path: content if config.binary else as_utf8(content)}
        kept = tuple(files) if config.skip_clean else ()
        command = self.ctx.render(config.command(), Vars=variables, Path=path)
        if config.elevated.elevated_user:
            outer = elevated_script(self.ctx, config.elevated, command)
            return Job(script.name, {**files, outer.path: outer.content}, outer.command, kept)
        return Job(script.name, files, command, kept)

    def _variables(self) -> bytes:
        config = self.config
        form = config.elevated_env_var_format if config.elevated.elevated_user else config.env_var_format
        text = set_variables(environment(self.ctx, config.run), form)
        trace = f"\nSet-PsDebug -Trace {config.debug_mode}\n" if config.debug_mode else "\n"
        return as_utf8((text + trace).encode())


def _inline(commands: bytes, variables: str) -> bytes:
    """The commands as a script that fails when they do, and ends with the exit code of the last program otherwise.

    The first of them stays on the first line, so that PowerShell's messages name the lines of the template.
    """
    head = f"$global:ProgressPreference='SilentlyContinue'; . {literal(variables)}; try {{ "
    tail = "\n} catch { Write-Error -ErrorRecord $_ -ErrorAction Continue; exit 1 }\nexit $LastExitCode\n"
    return head.encode() + commands + tail.encode()
