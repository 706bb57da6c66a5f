"""Scripts on a machine with Windows: their files go there, a command line runs them, and they are removed.

What the files hold and what the command line is, the provisioners know.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import NoReturn

from attrs import define, field, frozen

from hclimg.errors import BuildError, CommandFailed, ConnectionLost, TimedOut
from hclimg.provisioners.starting import before_start, until_started
from hclimg.provisioners.windows_codes import describe_code, hint_for, same_code
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from hclimg.sdk.process import TAIL
from hclimg.sdk.windows import LoginShell, line_for, login_shell, with_backslashes


@frozen
class Job:
    """``name`` is for people; ``files`` are paths of the machine with their content; ``kept``: those that stay there.

    ``command`` is a command line of cmd.exe.
    """

    name: str
    files: Mapping[str, bytes]
    command: str
    kept: tuple[str, ...] = ()


@define(eq=False)
class WindowsMachine:
    """``posix``: whether it may also be another system, whose commands the user wrote."""

    ctx: Context
    communicator: Communicator
    component: str
    posix: bool = False
    _shell: LoginShell | None = None
    _tail: deque[str] = field(factory=lambda: deque(maxlen=TAIL))

    def shell(self) -> LoginShell:
        """Raises BuildError when it is no Windows."""
        if self._shell is None:
            found = login_shell(self.communicator)
            if found is LoginShell.POSIX and not self.posix:
                raise BuildError(
                    f"The provisioner {self.component} is for Windows, and this machine has a POSIX shell.",
                    hint='Use the provisioner "shell" here. If it is Windows whose SSH server has bash as its default '
                    "shell, make that cmd.exe or PowerShell (HKLM\\SOFTWARE\\OpenSSH, DefaultShell).",
                )
            self._shell = found
        return self._shell

    def run(self, command: str, *, show: bool = True, timeout: timedelta | None = None) -> tuple[int, list[str]]:
        """The exit code of a command line of cmd.exe and its last lines, which are shown unless ``show`` is False."""
        self._tail.clear()
        line = line_for(self.shell(), command)
        status = self.communicator.run(line, on_output=self._shown if show else self._kept, timeout=timeout)
        return status, list(self._tail)

    def remove(self, paths: Iterable[str]) -> None:
        """Files that are not needed any more. A machine that went away is no failure: a warning says what it has."""
        names = tuple(paths)
        if not names or self.ctx.cancel.cancelled:
            return
        posix = self._shell is LoginShell.POSIX
        listed = " ".join(f'"{path if posix else with_backslashes(path)}"' for path in names)
        try:
            status, said = self.run(f"rm -f {listed}" if posix else f"del /f /q {listed}", show=False)
        except BuildError as error:
            status, said = 1, [error.message]
        if status:
            self.ctx.warn(f"{', '.join(names)} could not be removed from the machine: {' '.join(said)}")

    def _kept(self, line: str, _stream: str) -> None:
        self._tail.append(line)

    def _shown(self, line: str, stream: str) -> None:
        self._tail.append(line)
        self.ctx.output(line, stream)


@frozen(eq=False)
class WindowsScripts:
    """``valid`` are the exit codes that mean success; ``patience`` is how long to try to start a script."""

    machine: WindowsMachine
    valid: tuple[int, ...]
    patience: timedelta

    def run(self, job: Job) -> None:
        """Raises CommandFailed, ConnectionLost, TimedOut, BuildError, Cancelled."""
        litter = [path for path in job.files if path not in job.kept]
        try:
            status, tail = self._run_until_started(job)
        except (ConnectionLost, TimedOut):
            raise  # the machine is gone: to wait for it would only put off the news
        except BaseException:
            self.machine.remove(litter)
            raise
        self.machine.remove(litter)
        if not same_code(status, self.valid):
            raise CommandFailed(
                f'The script "{job.name}" ended with {describe_code(status)}.',
                exit_code=status,
                output=tuple(tail),
                hint=hint_for(status, self.valid),
            )

    def _run_until_started(self, job: Job) -> tuple[int, list[str]]:
        machine = self.machine
        return until_started(
            machine.ctx, machine.communicator, self.patience,
            lambda: self._run_once(job), lambda error: _gone(job, error),
        )  # fmt: skip

    def _run_once(self, job: Job) -> tuple[int, list[str]]:
        with before_start():
            self.machine.shell()
            for path, content in job.files.items():
                self.machine.communicator.upload(content, path)
        return self.machine.run(job.command)


def _gone(job: Job, error: ConnectionLost) -> NoReturn:
    raise ConnectionLost(
        f'The machine disconnected while the script "{job.name}" ran.',
        hint="If the script restarts the machine, leave that to the provisioner windows-restart; if it changes the "
        "network or the firewall, have it do so a few seconds after its end.",
    ) from error
