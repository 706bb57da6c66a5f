"""The settings of the provisioner ``shell``."""

from __future__ import annotations

from datetime import timedelta

from hclimg.config.fields import Checker, config, embed, setting
from hclimg.sdk.guards import Guards
from hclimg.sdk.scripts import ScriptConfig, check_format

DISCONNECTED = 2300218
"""Packer's made-up exit code of a command whose machine went away; templates name it in ``valid_exit_codes``."""

EXECUTE = "chmod +x {{.Path}}; {{.Vars}} {{.Path}}"
EXECUTE_WITH_FILE = "chmod +x {{.Path}}; . {{.EnvVarFile}} && {{.Path}}"
FORM = "%s='%s' "
FORM_OF_FILE = "export %s='%s'\n"


@config
class ShellConfig:
    """Runs commands or scripts on the machine."""

    run: ScriptConfig = embed(ScriptConfig)
    guards: Guards = embed(Guards)
    execute_command: str = setting(
        "The command line that runs a script; `{{.Path}}` is its file on the machine, `{{.Vars}}` the variables, "
        "`{{.EnvVarFile}}` the file that holds them.",
        default="",
        template=True,
        default_doc=EXECUTE,
        example="\"echo 'packer' | sudo -S env {{ .Vars }} {{ .Path }}\"",
    )
    inline_shebang: str = setting("What runs the inline script.", default="", default_doc="/bin/sh -e")
    env_var_format: str = setting("How a variable is written.", default="", default_doc=FORM)
    use_env_var_file: bool = setting(
        "Whether variables go to the machine in a file instead of on the command line.", default=False
    )
    remote_folder: str = setting("The directory on the machine for scripts.", default="/tmp")
    remote_file: str = setting("The name of the script's file there.", default="", default_doc="script_NNNN.sh")
    remote_path: str = setting("The script's file on the machine, instead of both.", default="")
    binary: bool = setting("Whether to leave line ends as they are.", default=False)
    expect_disconnect: bool = setting("Whether the script may end the connection, as a restart does.", default=False)
    start_retry_timeout: timedelta = setting(
        "How long to try to start a script while the connection fails.", default=timedelta(minutes=5)
    )
    skip_clean: bool = setting("Whether to leave the script on the machine.", default=False)
    pause_after: timedelta = setting("How long to wait afterwards.", default=timedelta())

    def check(self, problems: Checker) -> None:
        problems.exactly_one("inline", "script", "scripts")
        if self.env_var_format:
            check_format(problems, "env_var_format", self.env_var_format)

    @property
    def command(self) -> str:
        """The execute_command that applies."""
        return self.execute_command or (EXECUTE_WITH_FILE if self.use_env_var_file else EXECUTE)

    @property
    def may_disconnect(self) -> bool:
        return self.expect_disconnect or DISCONNECTED in self.run.valid_exit_codes
