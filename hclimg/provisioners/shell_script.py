"""How the ``shell`` provisioner gets a script to a machine, runs it there and takes it away again.

All of that is one command whose input is the script, where the communicator carries input unchanged: a script costs one
round trip instead of four. The script's own input is empty, as it is with Packer.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import timedelta
from shlex import quote

from attrs import define, field, frozen

from hclimg.errors import BuildError, CommandFailed, ConnectionLost, TimedOut
from hclimg.provisioners.shell_config import DISCONNECTED, FORM, FORM_OF_FILE, ShellConfig
from hclimg.provisioners.starting import RETRY_PAUSE, before_start, pause, until_started
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from hclimg.sdk.process import TAIL
from hclimg.sdk.script_end import describe_end, named_line
from hclimg.sdk.scripts import Script, environment, flatten, inline_script, read_script, token
from hclimg.sdk.windows import is_windows
from hclimg.units import show_duration

HINTS = {
    126: "The machine may not execute files there. Set remote_folder to a place that is not mounted noexec, or "
    'execute_command to "{{ .Vars }} sh {{ .Path }}".',
    127: "A command was not found, or the interpreter that the script's first line names.",
    128 + 9: "The machine may have run out of memory; its kernel log tells.",
}
"""What exit codes hint at."""


@frozen
class Placed:
    """A script and where it goes; ``variables`` is what is on the command line, or in the file ``env_path``."""

    script: Script
    content: bytes
    path: str
    env_path: str
    variables: str


@define(eq=False)
class RemoteScripts:
    ctx: Context
    communicator: Communicator
    config: ShellConfig
    hints: Mapping[int, str] = HINTS
    _tail: deque[str] = field(factory=lambda: deque(maxlen=TAIL))
    _upload_failed: bool = False

    def run(self) -> None:
        """Run all scripts. Raises CommandFailed, ConnectionLost, TimedOut, BuildError, Cancelled."""
        if is_windows(self.communicator):
            raise BuildError(
                "The provisioner shell needs a POSIX shell on the machine, and this machine is Windows.",
                hint="Use the provisioner powershell or windows-shell.",
            )
        if reason := self.config.guards.satisfied(self._exists, self._succeeds):
            self.ctx.say(f"Skipped: {reason}.")
            return
        for script in self._scripts():
            self.ctx.say(f"Provisioning with shell script: {script.name}")
            placed = self._place(script)
            status = self._run_until_started(placed)
            self._judge(placed, status)
        pause(self.ctx, self.config.pause_after)

    # -- guards ---------------------------------------------------------------

    def _exists(self, path: str) -> bool:
        return self.communicator.run(f"test -e {quote(path)}") == 0

    def _succeeds(self, command: str) -> bool:
        """With the scripts' variables, which only the machine's own users could see where input is carried."""
        variables = flatten(environment(self.ctx, self.config.run), FORM_OF_FILE)
        if self.communicator.streams_stdin:
            return self.communicator.run("exec /bin/sh -s", stdin=f"{variables}{command}\n".encode()) == 0
        return self.communicator.run(f"exec /bin/sh -c {quote(variables + command)}") == 0

    # -- what to run ----------------------------------------------------------

    def _scripts(self) -> Iterator[Script]:
        settings = self.config.run
        if settings.inline:
            yield Script("inline script", inline_script(settings.inline, self.config.inline_shebang))
        for path in settings.files:
            yield read_script(path)

    def _place(self, script: Script) -> Placed:
        config = self.config
        folder = config.remote_folder.rstrip("/") or "/"
        path = config.remote_path or f"{folder}/{config.remote_file or f'script_{token()}.sh'}"
        by_file = config.use_env_var_file
        form = config.env_var_format or (FORM_OF_FILE if by_file else FORM)
        content = script.content if config.binary else script.content.replace(b"\r\n", b"\n")
        env_path = f"{folder}/varfile_{token()}.sh" if by_file else ""
        return Placed(script, content, path, env_path, flatten(environment(self.ctx, config.run), form))

    def _command(self, placed: Placed) -> str:
        """What the user wants to run, or the same as the default without its chmod, which was done already."""
        if not self.config.execute_command and placed.env_path:
            return f". {quote(placed.env_path)} && {quote(placed.path)}"
        if not self.config.execute_command:
            return f"{placed.variables}{quote(placed.path)}"
        command = self._rendered(placed)
        # As the SSH server would run it, had it been asked to: scripts may count on the user's own shell.
        return f'"${{SHELL:-/bin/sh}}" -c {quote(command)}'

    def _rendered(self, placed: Placed) -> str:
        data = {"Vars": placed.variables, "Path": placed.path, "EnvVarFile": placed.env_path}
        return self.ctx.render(self.config.command, **data)

    # -- running --------------------------------------------------------------

    def _run_until_started(self, placed: Placed) -> int:
        """The exit code."""
        return until_started(
            self.ctx, self.communicator, self.config.start_retry_timeout,
            lambda: self._run_once(placed), lambda error: self._gone(placed, error),
        )  # fmt: skip

    def _run_once(self, placed: Placed) -> int:
        self._tail.clear()
        self._upload_failed = False
        one_command = self.communicator.streams_stdin
        status = (self._run_in_one if one_command else self._run_in_steps)(placed)
        if self._upload_failed:
            why = " ".join(self._tail) or "it did not arrive whole"
            raise BuildError(
                f'Cannot write the script to "{placed.path}" on the machine: {why}',
                hint="Set remote_folder to a directory that the user may write to.",
            )
        return status

    def _run_in_one(self, placed: Placed) -> int:
        mark = f"hclimg-{token()}"
        env = placed.variables.encode() if placed.env_path else b""
        return self.communicator.run(
            f"exec /bin/sh -c {quote(self._wrapper(placed, mark, len(env)))}",
            stdin=env + placed.content,
            on_output=lambda line, stream: self._output(line, stream, mark),
        )

    def _wrapper(self, placed: Placed, mark: str, env_size: int) -> str:
        """Save the input as the script, make sure that it came whole, run it, remove it, keep its exit code.

        A cut connection ends the input early, and half a script must not run.
        """
        path, size = quote(placed.path), len(placed.content)
        saved = f'cat >{path} && [ "$(wc -c <{path})" -eq {size} ] && chmod 0755 {path}'
        litter = path
        if placed.env_path:
            env = quote(placed.env_path)
            saved = f"(umask 077 && dd bs=1 count={env_size} of={env} 2>/dev/null) && {saved}"
            litter = f"{path} {env}"
        clean = "" if self.config.skip_clean else f"rm -f {litter}\n"
        return (
            f"{{ {saved}; }} || {{ echo {mark} >&2; rm -f {litter}; exit 1; }}\n"
            f"{{ {self._command(placed)}\n}} </dev/null\nr=$?\n{clean}exit $r"
        )

    def _run_in_steps(self, placed: Placed) -> int:
        """For communicators that cannot stream: a terminal would echo the script and take it for typing."""
        communicator = self.communicator
        with before_start():
            communicator.upload(placed.content, placed.path, mode=0o755)
            if placed.env_path:
                communicator.upload(placed.variables.encode(), placed.env_path, mode=0o600)
        status = communicator.run(self._rendered(placed), on_output=lambda line, stream: self._output(line, stream, ""))
        if not self.config.skip_clean:
            communicator.run(self._removal(placed))
        return status

    def _output(self, line: str, stream: str, mark: str) -> None:
        if mark and line == mark:
            self._upload_failed = True
            return
        self._tail.append(line)
        self.ctx.output(line, stream)

    # -- afterwards -----------------------------------------------------------

    def _gone(self, placed: Placed, error: ConnectionLost) -> int:
        """The machine went away while the script ran: fine when that was to be expected."""
        if not self.config.may_disconnect:
            raise ConnectionLost(
                f'The machine disconnected while the script "{placed.script.name}" ran.',
                hint="If the script restarts the machine, set expect_disconnect = true in this provisioner.",
            ) from error
        self.ctx.say("The machine disconnected, as expected.")
        if not self.config.skip_clean:
            self._remove_when_back(placed)
        return DISCONNECTED

    def _remove_when_back(self, placed: Placed) -> None:
        timeout = self.config.start_retry_timeout
        deadline = time.monotonic() + timeout.total_seconds()
        while True:
            try:
                self.communicator.reconnect(timedelta(seconds=max(0.0, deadline - time.monotonic())))
                self.communicator.run(self._removal(placed))
                return
            except TimedOut as error:
                raise TimedOut(
                    f"The machine did not come back within {show_duration(timeout)}.",
                    hint="Raise start_retry_timeout if it needs longer to restart.",
                ) from error
            except ConnectionLost:
                self.ctx.sleep(RETRY_PAUSE)  # it was still going down

    def _removal(self, placed: Placed) -> str:
        return " ".join(["rm", "-f", quote(placed.path), *([quote(placed.env_path)] if placed.env_path else [])])

    def _judge(self, placed: Placed, status: int) -> None:
        valid = self.config.run.valid_exit_codes
        if status in valid or (status == DISCONNECTED and self.config.may_disconnect):
            return
        output = tuple(self._tail)
        line = named_line(placed.path, placed.content, output)
        raise CommandFailed(
            describe_end(placed.script.name, status, line),
            exit_code=status,
            output=output,
            hint=self.hints.get(status) or _expected(valid),
        )


def _expected(valid: tuple[int, ...]) -> str:
    return "" if valid == (0,) else f"Exit codes that mean success: {', '.join(map(str, valid))}."
