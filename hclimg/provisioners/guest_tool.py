"""A tool of configuration management that runs on the machine: its files go there, it runs, its files are removed.

What the files are and which command it is, its provisioner knows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

from attrs import define, field

from hclimg.errors import BuildError, CommandFailed
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from hclimg.sdk.process import TAIL

NOT_FOUND = 127  # the exit code of a shell for a program that is not there
_AS_ROOT_WITHOUT = '[ "$(id -u)" -eq 0 ] && ! command -v sudo >/dev/null'


@define(eq=False)
class GuestTool:
    """``name`` is for people: "Puppet". ``sudo`` says whether commands go through sudo: not for a root who has none."""

    ctx: Context
    communicator: Communicator
    name: str
    sudo: bool
    _tail: deque[str] = field(factory=lambda: deque(maxlen=TAIL))

    def __attrs_post_init__(self) -> None:
        self.sudo = self.sudo and self.communicator.run(_AS_ROOT_WITHOUT) != 0

    @property
    def prefix(self) -> str:
        return "sudo " if self.sudo else ""

    @contextmanager
    def staging(self, directory: str, *, clean: bool) -> Iterator[str]:
        """A directory of the machine that belongs to the user who is logged in; removed afterwards if ``clean``."""
        self.ctx.say(f"Creating {self.name} staging directory {directory}")
        self.make_directory(directory)
        try:
            yield directory
        finally:
            # After a cancel the connection is closed; the machine is thrown away then.
            if clean and not self.ctx.cancel.cancelled:
                self.ctx.say(f"Removing {self.name} staging directory {directory}")
                self.do(f"{self.prefix}rm -rf -- {quote(directory)}", f"{directory} cannot be removed")

    def make_directory(self, directory: str) -> None:
        path = quote(directory)
        own = f' && {self.prefix}chown "$(id -u):$(id -g)" {path}' if self.sudo else ""
        self.do(f"{self.prefix}mkdir -p -- {path}{own}", f"The directory {directory} cannot be made")

    def do(self, command: str, failure: str) -> None:
        """A command whose output nobody needs unless it fails. Raises BuildError."""
        said: list[str] = []
        if self.communicator.run(command, on_output=lambda line, _: said.append(line)):
            raise BuildError(f"{failure}: {' '.join(said)}.")

    def put(self, local: Path, remote: str) -> str:
        """Upload a file to ``remote``, or what is in a directory into it; ``remote``."""
        if local.is_dir():
            self.communicator.upload_dir(local, remote)
        else:
            self.communicator.upload(local, remote)
        return remote

    def run(self, command: str, *, valid: Sequence[int] | None, hints: Mapping[int, str]) -> int:
        """The tool's own command; its output is shown. ``valid`` None takes every exit code. Raises CommandFailed."""
        self._tail.clear()
        self.ctx.say(f"Running {self.name}")
        status = self.communicator.run(command, on_output=self._output)
        if valid is not None and status not in valid:
            message = f"{self.name} ended with exit code {status}."
            hint = hints.get(NOT_FOUND if self._is_missing else status, "")
            raise CommandFailed(message, exit_code=status, output=tuple(self._tail), hint=hint)
        return status

    @property
    def _is_missing(self) -> bool:
        """sudo's own way to say that there is no such program; its exit code is 1 then."""
        last = self._tail[-1] if self._tail else ""
        return last.startswith("sudo: ") and last.endswith(": command not found")

    def _output(self, line: str, stream: str) -> None:
        self._tail.append(line)
        self.ctx.output(line, stream)
