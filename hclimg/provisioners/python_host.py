"""Python code of the user on this host, in a process of its own, and what it asks of the machine.

The other end is ``python_child``. Only that process knows the user's code: what it does cannot harm the run, and a
cancel ends it.
"""

from __future__ import annotations

import base64
import json
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

from attrs import define, field

from hclimg.errors import BuildError, Cancelled, CommandFailed
from hclimg.provisioners import python_child
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine
from hclimg.sdk.process import run_program
from hclimg.sdk.scripts import ScriptConfig, environment, token

_ANY_STATUS = range(-128, 256)
SHOWN = 1 << 20  # characters of a command's output that the script gets back


def run_on_host(ctx: Context, scripts: ScriptConfig, machine: Machine, interpreter: str) -> None:
    """Run the scripts, in order. Raises CommandFailed with the last lines of output, BuildError, Cancelled."""
    python = interpreter or sys.executable
    for path in scripts.files:
        _run(ctx, scripts, machine, python, path.expanduser().absolute(), str(path))
    if scripts.inline:
        with _inline_file(ctx, scripts.inline) as path:
            _run(ctx, scripts, machine, python, path, "inline code")


def _run(ctx: Context, scripts: ScriptConfig, machine: Machine, python: str, path: Path, name: str) -> None:
    ctx.say(f"Running Python on this host: {name}")
    ours, theirs = socket.socketpair()
    server = Server(ctx, machine, ours)
    thread = Thread(target=server.serve, name=f"{ctx.node}-python")
    thread.start()
    try:
        done = run_program(
            ctx, [python, "-u", python_child.__file__, path],
            env={**environment(ctx, scripts), python_child.SOCKET: str(theirs.fileno())},
            on_output=ctx.output, valid=_ANY_STATUS, pass_fds=(theirs.fileno(),),
        )  # fmt: skip
    finally:
        theirs.close()
        with suppress(OSError):
            ours.shutdown(socket.SHUT_RDWR)
        thread.join()
        ours.close()
    if server.failure is not None:
        raise server.failure
    if done.status not in scripts.valid_exit_codes:
        message = f'The Python code "{name}" ended with exit code {done.status} on this host.'
        raise CommandFailed(message, exit_code=done.status, output=done.tail)


@contextmanager
def _inline_file(ctx: Context, lines: tuple[str, ...]) -> Iterator[Path]:
    from tempfile import gettempdir

    path = Path(gettempdir()) / f"hclimg-python-{token()}.py"
    record = ctx.journal.intend("file", path=str(path))
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        record.made()
        yield path
    finally:
        path.unlink(missing_ok=True)
        record.gone()


@define(eq=False)
class Server:
    """Does what the code asks for, one request after the other.

    ``failure`` is what ended the step for a reason that the code could not handle: a cancel.
    """

    ctx: Context
    machine: Machine
    connection: socket.socket
    failure: Cancelled | None = field(default=None, init=False)

    def serve(self) -> None:
        with suppress(ConnectionError), self.connection.makefile("rwb") as file:
            for line in file:
                answer = self._answer(json.loads(line))
                if answer is None:
                    return
                file.write(json.dumps(answer).encode() + b"\n")
                file.flush()

    def _answer(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """None ends the connection, and with it the code."""
        try:
            return _OPERATIONS[request["op"]](self, request)
        except BuildError as error:
            return {"error": " ".join(filter(None, (error.message, error.hint)))}
        except OSError as error:
            return {"error": f"{error.strerror}: {error.filename}" if error.filename else str(error)}
        except Cancelled as cancelled:
            self.failure = cancelled
            return None

    def hello(self, _: Mapping[str, Any]) -> dict[str, Any]:
        facts = {name: value for name, value in self.machine.facts.items() if isinstance(value, str | int | float)}
        ctx, kind = self.ctx, self.machine.communicator.kind
        return {"name": ctx.build_name, "type": ctx.build_type, "communicator": kind, "facts": facts}

    def run(self, request: Mapping[str, Any]) -> dict[str, Any]:
        seen: dict[str, list[str]] = {"stdout": [], "stderr": []}
        room = SHOWN

        def output(line: str, stream: str) -> None:
            nonlocal room
            room -= len(line)
            if room >= 0:
                seen[stream].append(f"{line}\n")
            if not request["quiet"]:
                self.ctx.output(line, stream)

        stdin = base64.b64decode(request["stdin"])
        status = self.machine.communicator.run(request["command"], stdin=stdin or None, on_output=output)
        return {"status": status, **{stream: "".join(lines) for stream, lines in seen.items()}}

    def upload(self, request: Mapping[str, Any]) -> dict[str, Any]:
        source = Path(request["source"])
        if source.is_dir():
            self.machine.communicator.upload_dir(source, request["remote"])
        else:
            self.machine.communicator.upload(source, request["remote"], mode=request["mode"])
        return {}

    def write(self, request: Mapping[str, Any]) -> dict[str, Any]:
        content = base64.b64decode(request["content"])
        self.machine.communicator.upload(content, request["remote"], mode=request["mode"])
        return {}

    def download(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self.machine.communicator.download(request["remote"], Path(request["local"]))
        return {}

    def read(self, request: Mapping[str, Any]) -> dict[str, Any]:
        from io import BytesIO

        content = BytesIO()
        self.machine.communicator.download(request["remote"], content)
        return {"content": base64.b64encode(content.getvalue()).decode()}


_OPERATIONS: dict[str, Callable[[Server, Mapping[str, Any]], dict[str, Any]]] = {
    "hello": Server.hello, "run": Server.run, "upload": Server.upload, "write": Server.write,
    "download": Server.download, "read": Server.read,
}  # fmt: skip
