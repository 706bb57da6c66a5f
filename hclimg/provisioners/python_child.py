"""Runs in a Python of its own: executes the user's script with an object ``machine`` that asks hclimg to do the work.

Needs nothing but the standard library, so that any Python can run it. Each request is a line of JSON on a socket that
hclimg gave it, and so is each answer; bytes travel as base64.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, NamedTuple

SOCKET = "HCLIMG_MACHINE_SOCKET"


class MachineError(Exception):
    """What hclimg could not do on the machine."""


class CommandError(MachineError):
    """A command ended with another exit code than 0; ``result`` has what it printed."""

    def __init__(self, command: str, result: Result) -> None:
        last = (result.stderr.strip() or result.stdout.strip()).splitlines()[-1:]
        super().__init__(f"{command!r} ended with exit code {result.status}" + "".join(f": {line}" for line in last))
        self.result = result


class Result(NamedTuple):
    status: int
    stdout: str
    stderr: str


class Machine:
    """The machine that is being turned into an image."""

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("rwb")
        hello = self._ask({"op": "hello"})
        self.name: str = hello["name"]
        self.type: str = hello["type"]
        self.communicator: str = hello["communicator"]
        self.facts: dict[str, Any] = hello["facts"]

    def run(self, command: str, *, stdin: str | bytes = b"", check: bool = True, quiet: bool = False) -> Result:
        """Run a command line in the machine's shell. Its output is shown unless ``quiet``.

        Raises CommandError when it ends with another exit code than 0, unless ``check`` is False.
        """
        data = stdin.encode() if isinstance(stdin, str) else stdin
        answer = self._ask({"op": "run", "command": command, "stdin": _pack(data), "quiet": quiet})
        result = Result(answer["status"], answer["stdout"], answer["stderr"])
        if check and result.status:
            raise CommandError(command, result)
        return result

    def upload(self, source: str | os.PathLike[str], remote: str, *, mode: int | None = None) -> None:
        """Copy a file or a directory of this host to the machine."""
        self._ask({"op": "upload", "source": os.path.abspath(source), "remote": remote, "mode": mode})  # noqa: PTH100

    def write(self, remote: str, content: str | bytes, *, mode: int = 0o644) -> None:
        """Write a file of the machine."""
        data = content.encode() if isinstance(content, str) else content
        self._ask({"op": "write", "remote": remote, "content": _pack(data), "mode": mode})

    def download(self, remote: str, local: str | os.PathLike[str]) -> None:
        """Copy a file of the machine to this host."""
        self._ask({"op": "download", "remote": remote, "local": os.path.abspath(local)})  # noqa: PTH100

    def read(self, remote: str) -> bytes:
        """The content of a file of the machine."""
        return base64.b64decode(self._ask({"op": "read", "remote": remote})["content"])

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self._file.write(json.dumps(request).encode() + b"\n")
        self._file.flush()
        line = self._file.readline()
        if not line:
            raise SystemExit(1)  # hclimg has ended or cancelled this step
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise MachineError(answer["error"])
        return answer


def _pack(data: bytes) -> str:
    return base64.b64encode(data).decode()


def main() -> None:
    script = Path(sys.argv[1])
    machine = Machine(socket.socket(fileno=int(os.environ.pop(SOCKET))))
    names = {
        "__name__": "__main__", "__file__": str(script), "machine": machine,
        "MachineError": MachineError, "CommandError": CommandError,
    }  # fmt: skip
    sys.argv = [str(script)]
    sys.path[0] = str(script.parent)
    try:
        exec(compile(script.read_bytes(), str(script), "exec"), names)
    except Exception as error:  # noqa: BLE001 - the user's, shown without our frames
        _show(error, str(script))
        sys.exit(1)


def _show(error: Exception, script: str) -> None:
    """The traceback from the user's code on, and not into this file."""
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    shown = traceback.TracebackException(type(error), error, trace)
    shown.stack = traceback.StackSummary.from_list([frame for frame in shown.stack if frame.filename != __file__])
    sys.stderr.write("".join(shown.format(chain=False)))


if __name__ == "__main__":
    main()
