"""The settings of the provisioner ``windows-shell``."""

from __future__ import annotations

from datetime import timedelta

from hclimg.config.fields import Checker, config, embed, setting
from hclimg.provisioners.cmd_text import FORM
from hclimg.sdk.scripts import ScriptConfig, check_format

EXECUTE = '{{.Vars}}"{{.Path}}"'


@config
class WindowsShellConfig:
    """Runs commands or batch files on a machine with Windows."""

    run: ScriptConfig = embed(ScriptConfig)
    execute_command: str = setting(
        "The command line of cmd.exe that runs a script; `{{.Path}}` is its file on the machine, `{{.Vars}}` the "
        "variables.",
        default=EXECUTE,
        template=True,
    )
    env_var_format: str = setting("How a variable is written.", default=FORM)
    remote_path: str = setting("The script's file on the machine.", default="c:/Windows/Temp/script.bat")
    start_retry_timeout: timedelta = setting(
        "How long to try to start a script while the connection fails.", default=timedelta(minutes=5)
    )
    binary: bool = setting(
        "Whether to leave line ends as they are, instead of making them those of Windows.", default=False
    )

    def check(self, problems: Checker) -> None:
        problems.exactly_one("inline", "script", "scripts")
        check_format(problems, "env_var_format", self.env_var_format)
        if not self.remote_path:
            problems.error("Missing required argument", '"remote_path" must not be empty.', "remote_path")
        given = dict(text.split("=", 1) for text in self.run.environment_vars if "=" in text)
        for setting_name, variables in (("environment_vars", given), ("env", self.run.env)):
            for name, value in variables.items():
                if "\n" in value or "\r" in value:
                    detail = f'"{name}" has a line break, which cmd.exe cannot set; the provisioner powershell can.'
                    problems.error("Invalid environment variable", detail, setting_name)
