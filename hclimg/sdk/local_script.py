"""Runs scripts on this host: the engine of the provisioner and of the post-processor ``shell-local``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

from attrs import frozen

from hclimg.config.fields import Checker, config, embed, setting
from hclimg.errors import CommandFailed
from hclimg.sdk.context import Context
from hclimg.sdk.guards import Guards
from hclimg.sdk.script_end import describe_end, named_line
from hclimg.sdk.scripts import ScriptConfig, check_format, environment, flatten, inline_script, token

SYSTEMS = ("darwin", "freebsd", "linux", "openbsd", "solaris", "windows")
_ANY_STATUS = range(-128, 256)
_FORM = "%s='%s' "


@config
class LocalScriptConfig:
    """Runs commands or scripts on this host."""

    run: ScriptConfig = embed(ScriptConfig)
    guards: Guards = embed(Guards)
    command: str = setting("One command to run.", default="")
    env_var_format: str = setting("How a variable is written in `{{.Vars}}`.", default=_FORM)
    execute_command: tuple[str, ...] = setting(
        "The program and its arguments; `{{.Script}}` is the script's file, `{{.Vars}}` the variables.",
        default=(),
        template=True,
        default_doc='["/bin/sh", "-c", "{{.Vars}} {{.Script}}"]',
    )
    inline_shebang: str = setting("What runs the inline script.", default="", default_doc="/bin/sh -e")
    only_on: tuple[str, ...] = setting("Run only where hclimg runs on one of these.", default=(), choices=SYSTEMS)
    tempfile_extension: str = setting("The ending of the inline script's file.", default="")
    use_linux_pathing: bool = setting(
        "Whether paths are written as in Linux.", default=False, ignored="it is for Packer on Windows."
    )

    def check(self, problems: Checker) -> None:
        problems.exactly_one("command", "inline", "script", "scripts")
        if problems.is_set("command") and not self.command.strip():
            problems.error("Empty script", '"command" must not be empty.', "command")
        check_format(problems, "env_var_format", self.env_var_format)

    @property
    def lines(self) -> tuple[str, ...]:
        return (self.command,) if self.command else self.run.inline

    @property
    def summary(self) -> str:
        lines = self.lines
        if not lines:
            return ", ".join(map(str, self.run.files))
        return lines[0] if len(lines) == 1 else f"{len(lines)} commands"


@frozen
class _Job:
    name: str
    path: Path


def run_local_scripts(ctx: Context, settings: LocalScriptConfig) -> None:
    """Run what the settings say, in order. Raises CommandFailed with the last lines of output, Cancelled, TimedOut."""
    if settings.only_on and _system() not in settings.only_on:
        ctx.say(f"Skipped: it is only for {', '.join(settings.only_on)}, and this is {_system()}.")
        return
    variables = environment(ctx, settings.run)
    if reason := settings.guards.satisfied(os.path.exists, lambda command: _succeeds(ctx, command, variables)):
        ctx.say(f"Skipped: {reason}.")
        return
    if settings.lines:
        with _inline_file(ctx, settings) as path:
            _run(ctx, settings, _Job(settings.command or "inline script", path), variables)
        return
    for path in settings.run.files:
        _run(ctx, settings, _Job(str(path), path.expanduser().absolute()), variables)


def _succeeds(ctx: Context, command: str, variables: Mapping[str, str]) -> bool:
    from hclimg.sdk.process import run_program

    return run_program(ctx, ["/bin/sh", "-c", command], env=variables, valid=_ANY_STATUS).status == 0


def _run(ctx: Context, settings: LocalScriptConfig, job: _Job, variables: Mapping[str, str]) -> None:
    from hclimg.sdk.process import run_program

    ctx.say(f"Running local shell script: {job.name}")
    if settings.execute_command:
        data = {"Vars": flatten(variables, settings.env_var_format), "Script": str(job.path), "Command": str(job.path)}
        argv = [ctx.render(word, **data) for word in settings.execute_command]
    else:
        # The default of Packer puts the variables, secrets too, on the command line, for all users to see.
        argv = ["/bin/sh", "-c", quote(str(job.path))]
    done = run_program(ctx, argv, env=variables, on_output=ctx.output, valid=_ANY_STATUS)
    if done.status not in settings.run.valid_exit_codes:
        line = named_line(str(job.path), _content(job.path), done.tail)
        raise CommandFailed(
            describe_end(job.name, done.status, line, " on this host"),
            exit_code=done.status,
            output=done.tail,
            hint=_hint(done.status, settings),
        )


def _content(path: Path) -> bytes:
    """Nothing when the script has removed itself, as scripts do that must not run twice."""
    return path.read_bytes() if path.is_file() else b""


def _hint(status: int, settings: LocalScriptConfig) -> str:
    if status == 126 and not settings.execute_command:
        return "The script is not executable: chmod +x it, or set execute_command to run it with its interpreter."
    codes = settings.run.valid_exit_codes
    return "" if codes == (0,) else f"Exit codes that mean success: {', '.join(map(str, codes))}."


@contextmanager
def _inline_file(ctx: Context, settings: LocalScriptConfig) -> Iterator[Path]:
    """The inline script as a file that only the user can read, since it may hold secrets."""
    from tempfile import gettempdir

    from hclimg.sdk.process import no_program_starts

    ending = settings.tempfile_extension
    if ending and not ending.startswith("."):
        ending = f".{ending}"
    path = Path(gettempdir()) / f"hclimg-shell-{token()}{ending}"
    record = ctx.journal.intend("file", path=str(path))
    with no_program_starts(), os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700), "wb") as file:
        file.write(inline_script(settings.lines, settings.inline_shebang))
    try:
        record.made()
        yield path
    finally:
        path.unlink(missing_ok=True)
        record.gone()


def _system() -> str:
    name = sys.platform
    return {"win32": "windows", "sunos5": "solaris"}.get(name, name.rstrip("0123456789"))
