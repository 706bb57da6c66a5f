"""The settings of the provisioner ``powershell``."""

from __future__ import annotations

from datetime import timedelta

from hclimg.config.fields import Checker, config, embed, setting
from hclimg.provisioners.elevated_settings import Elevated
from hclimg.provisioners.powershell_text import FORM
from hclimg.sdk.scripts import ScriptConfig, check_format

POLICIES = ("bypass", "allsigned", "default", "remotesigned", "restricted", "undefined", "unrestricted", "none")
RUN_SCRIPT = "\"& { $global:ProgressPreference='SilentlyContinue'; . '{{.Vars}}'; & '{{.Path}}'; exit $LastExitCode }\""
RUN_INLINE = '"{{.Path}}"'
"""The inline script reads its variables itself."""


@config
class PowershellConfig:
    """Runs PowerShell commands or scripts on the machine."""

    run: ScriptConfig = embed(ScriptConfig)
    elevated: Elevated = embed(Elevated)
    execute_command: str = setting(
        "The command line that runs a script; `{{.Path}}` is its file on the machine, `{{.Vars}}` the file of the "
        "variables.",
        default="",
        template=True,
        default_doc=f"powershell -executionpolicy bypass -command {RUN_SCRIPT}",
    )
    elevated_execute_command: str = setting(
        "The same for elevated_user.", default="", template=True, default_doc="as execute_command"
    )
    env_var_format: str = setting("How a variable is written in the file of the variables.", default=FORM)
    elevated_env_var_format: str = setting("The same for elevated_user.", default=FORM)
    execution_policy: str = setting(
        'What PowerShell lets run; "none" leaves that to the machine.', default="bypass", choices=POLICIES
    )
    use_pwsh: bool = setting("Whether to run PowerShell 6 or later (pwsh).", default=False)
    debug_mode: int = setting("The level of Set-PsDebug -Trace: 1 shows each line, 2 assignments too.", default=0)
    remote_path: str = setting(
        "The script's file on the machine.", default="", default_doc="c:/Windows/Temp/script-NNNN.ps1"
    )
    remote_env_var_path: str = setting(
        "The file of the variables there.", default="", default_doc="c:/Windows/Temp/packer-ps-env-vars-NNNN.ps1"
    )
    binary: bool = setting(
        "Whether to upload scripts byte for byte, without a mark that they are UTF-8.", default=False
    )
    start_retry_timeout: timedelta = setting(
        "How long to try to start a script while the connection fails.", default=timedelta(minutes=5)
    )
    skip_clean: bool = setting("Whether to leave the scripts on the machine.", default=False)
    pause_after: timedelta = setting("How long to wait afterwards.", default=timedelta())

    def check(self, problems: Checker) -> None:
        problems.exactly_one("inline", "script", "scripts")
        for name in ("env_var_format", "elevated_env_var_format"):
            check_format(problems, name, getattr(self, name))
        for name in ("remote_path", "remote_env_var_path"):
            if set("'\"") & set(getattr(self, name)):
                problems.error("Invalid path", f'"{name}" must not have quotes.', name)
        if not 0 <= self.debug_mode <= 2:
            problems.error("Invalid level", '"debug_mode" must be 0, 1 or 2.', "debug_mode")
        self._check_what_applies(problems)

    def _check_what_applies(self, problems: Checker) -> None:
        elevated = problems.is_set("elevated_user")
        for name in ("elevated_execute_command", "elevated_env_var_format"):
            if problems.is_set(name) and not elevated:
                problems.warn("Argument without effect", f'"{name}" needs "elevated_user".', name)
        own = "elevated_execute_command" if elevated else "execute_command"
        for name in ("execution_policy", "use_pwsh"):
            if problems.is_set(name) and problems.is_set(own):
                detail = f'"{name}" is about the command line that hclimg writes; "{own}" takes its place.'
                problems.warn("Argument without effect", detail, name, own)

    def command(self) -> str:
        """The execute_command that applies, for elevated_user if there is one."""
        given = self.elevated_execute_command if self.elevated.elevated_user else self.execute_command
        if given:
            return given
        program = "pwsh" if self.use_pwsh else "powershell"
        policy = "" if self.execution_policy == "none" else f" -executionpolicy {self.execution_policy}"
        return f"{program}{policy} " + (f"-file {RUN_INLINE}" if self.run.inline else f"-command {RUN_SCRIPT}")
