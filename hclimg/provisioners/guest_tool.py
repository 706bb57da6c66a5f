"""A tool of configuration management that runs on the machine: its files go there, it runs, its files are removed.

What the files are and which command it is, its provisioner knows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

from hclimg.errors import BuildError, CommandFailed
from hclimg.provisioners.elevated_settings import Elevated
from hclimg.provisioners.guest_system import GuestSystem, Unix, Windows
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator, OutputSink
from hclimg.sdk.process import TAIL
from hclimg.sdk.windows import LoginShell, line_for, login_shell

NOT_FOUND = 127  # the exit code of a shell for a program that is not there
_NOT_FOUND_BY_CMD = 9009
_AS_ROOT_WITHOUT = '[ "$(id -u)" -eq 0 ] && ! command -v sudo >/dev/null'
_NO_SUCH_COMMAND = ("is not recognized as an internal or external command", "is not recognized as the name of a cmdlet")


@define(eq=False)
class GuestTool:
    """``name`` is for people: "Puppet". ``sudo`` says whether commands go through sudo: not for a root who has none,
    and not on Windows. Raises BuildError when the machine is not what ``windows`` says.
    """

    ctx: Context
    communicator: Communicator
    name: str
    sudo: bool
    windows: bool = False
    system: GuestSystem = field(init=False)
    _shell: LoginShell = LoginShell.POSIX
    _tail: deque[str] = field(factory=lambda: deque(maxlen=TAIL))

    def __attrs_post_init__(self) -> None:
        if self.windows:
            self._shell, self.sudo = login_shell(self.communicator), False
            if self._shell is LoginShell.POSIX:
                raise BuildError('guest_os_type is "windows", and this machine has a POSIX shell.')
        self.sudo = self.sudo and self.communicator.run(_AS_ROOT_WITHOUT) != 0
        self.system = Windows() if self.windows else Unix(self.sudo)

    @property
    def prefix(self) -> str:
        return self.system.prefix

    @contextmanager
    def staging(self, directory: str, *, clean: bool) -> Iterator[str]:
        """A directory of the machine that belongs to the user who is logged in; removed afterwards if ``clean``."""
        self.ctx.say(f"Creating {self.name} staging directory {directory}")
        self.make_directory(directory)
        try:
            yield directory
        finally:
            if clean:
                self.remove(directory, f"Removing {self.name} staging directory {directory}")

    def make_directory(self, directory: str) -> None:
        self.do(self.system.make_directory(directory), f"The directory {directory} cannot be made")

    def remove(self, path: str, title: str = "") -> None:
        """A file or a directory. After a cancel the connection is closed; the machine is thrown away then."""
        if self.ctx.cancel.cancelled:
            return
        if title:
            self.ctx.say(title)
        self.do(self.system.remove(path), f"{path} cannot be removed")

    def do(self, command: str, failure: str, *, hint: str = "") -> None:
        """A command whose output nobody needs unless it fails. Raises BuildError."""
        said: list[str] = []
        line = line_for(self._shell, command)
        if self.communicator.run(line, on_output=lambda line, _: said.append(line)):
            raise BuildError(f"{failure}: {' '.join(said[-TAIL:])}.", hint=hint)

    def exists(self, path: str) -> bool:
        return self.communicator.run(line_for(self._shell, self.system.exists(path))) == 0

    def put(self, local: Path, remote: str, *, mode: int | None = None) -> str:
        """Upload a file to ``remote``, or what is in a directory into it; ``remote``."""
        if local.is_dir():
            self.communicator.upload_dir(local, remote)
        else:
            self.communicator.upload(local, remote, mode=mode)
        return remote

    def run(
        self,
        command: str,
        *,
        valid: Sequence[int] | None,
        hints: Mapping[int, str],
        title: str = "",
        watch: OutputSink = lambda _line, _stream: None,
        elevated: Elevated | None = None,
    ) -> int:
        """The tool's own command; its output is shown, and given to ``watch`` line by line.

        ``valid`` None takes every exit code. ``title`` names it, if it is not the tool as such; ``elevated`` is which
        user of Windows runs it, if it is another one. Raises CommandFailed.
        """
        self._tail.clear()
        self.ctx.say(f"Running {title or self.name}")
        status = self._run_as(command, elevated, lambda line, stream: self._output(line, stream, watch))
        if valid is not None and status not in valid:
            message = f"{title or self.name} ended with exit code {status}."
            hint = hints.get(NOT_FOUND if self._is_missing(status) else status, "")
            raise CommandFailed(message, exit_code=status, output=tuple(self._tail), hint=hint)
        return status

    def _run_as(self, command: str, elevated: Elevated | None, on_output: OutputSink) -> int:
        if elevated is None:
            return self.communicator.run(line_for(self._shell, command), on_output=on_output)
        from hclimg.provisioners.elevated import elevated_script

        script = elevated_script(self.ctx, elevated, command)
        try:
            self.communicator.upload(script.content, script.path)
            return self.communicator.run(line_for(self._shell, script.command), on_output=on_output)
        finally:
            self.remove(script.path)

    def _is_missing(self, status: int) -> bool:
        """sudo's own way to say that there is no such program (its exit code is 1 then), and those of Windows."""
        last = self._tail[-1] if self._tail else ""
        if self.windows:
            return status == _NOT_FOUND_BY_CMD or any(part in line for line in self._tail for part in _NO_SUCH_COMMAND)
        return last.startswith("sudo: ") and last.endswith(": command not found")

    def _output(self, line: str, stream: str, watch: OutputSink) -> None:
        self._tail.append(line)
        watch(line, stream)
        self.ctx.output(line, stream)
