"""Windows with OpenSSH, of sorts: a real sshd whose commands are those of wine's cmd.exe, and whose files are its own.

The server says that it is one for Windows. Each command goes to the test process, which runs it in wine, or by a
stand-in; SFTP is OpenSSH's, in a root where the drive C: is a directory. Of an exit code, 8 bits arrive, as on Linux.
"""

from __future__ import annotations

import json
import os
import re
import socketserver
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from hclimg.sdk.ssh_keys import KeyPair
from hclimg.sdk.windows import LoginShell
from servers.ports import HeldPort
from servers.powershell import PowerShell
from servers.sshd import Sshd
from servers.wine import Wine

Write = Callable[[str], None]
Program = Callable[[str, Write], int]
_SFTP = """#!/bin/sh
[ "$SSH_ORIGINAL_COMMAND" = internal-sftp ] || exec {python} -S {client} {port}
exec unshare --mount {map_root} /bin/sh -e -c '
mount -t tmpfs none {root}
cp -a /bin /lib /lib64 {root} && cd {root} && mkdir usr etc dev C: c:
for d in usr etc dev; do mount --rbind /$d $d; done
mount --bind {drive} C: && mount --bind {drive} c:
exec chroot . /usr/lib/openssh/sftp-server -d "/C:/users/{user}"'
"""
_CLIENT = """\
import json, os, socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as server:
    server.sendall(json.dumps(os.environ.get("SSH_ORIGINAL_COMMAND", "")).encode() + b"\\n")
    for line in server.makefile("rb"):
        answer = json.loads(line)
        if isinstance(answer, int):
            sys.exit(answer & 255)
        sys.stdout.buffer.write(answer.encode("latin-1"))
        sys.stdout.flush()
sys.exit(255)
"""
_WRAPPED = re.compile(r"\$l=.*FromBase64String\('(.+)'\)\);& cmd\.exe /d /s /c \$l;exit \$LASTEXITCODE")


@define(eq=False)
class WindowsSshd:
    """``lines`` are the command lines that came. ``stand_ins``: what takes a line that begins so, instead of wine."""

    sshd: Sshd
    wine: Wine
    shell: LoginShell = LoginShell.CMD
    lines: list[str] = field(factory=list)
    stand_ins: dict[str, Program] = field(factory=dict)
    powershell: PowerShell = field(init=False)
    _door: socketserver.ThreadingTCPServer | None = None

    def __attrs_post_init__(self) -> None:
        self.powershell = PowerShell(self.wine.here, self._collected)
        self.stand_ins |= {"powershell ": self.powershell.run, "pwsh ": self.powershell.run}

    @property
    def home(self) -> Path:
        return self.wine.drive / "users" / self.sshd.user

    def start(self) -> None:
        drive = self.wine.drive
        for link, target in ((drive / "Windows", "windows"), (drive / "windows" / "Temp", "temp")):
            with suppress(FileExistsError):  # SFTP, unlike wine, sees capitals
                link.symlink_to(target)
        (self.sshd.folder / "root").mkdir()
        service = self

        class Door(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                service._serve(self)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

        self._door = Server(("127.0.0.1", 0), Door)
        self._write_login(self._door.server_address[1])
        threading.Thread(target=self._door.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.sshd.start()

    def stop(self) -> None:
        self.sshd.stop()
        if self._door:
            self._door.shutdown()
            self._door.server_close()

    def _write_login(self, port: int) -> None:
        client, login = self.sshd.folder / "client.py", self.sshd.folder / "login"
        client.write_text(_CLIENT)
        login.write_text(_SFTP.format(
            python=sys.executable, client=client, port=port, root=self.sshd.folder / "root",
            map_root="" if os.geteuid() == 0 else "--map-root-user", drive=self.wine.drive, user=self.sshd.user,
        ))  # fmt: skip
        login.chmod(0o755)

    def _serve(self, door: Any) -> None:
        line = json.loads(door.rfile.readline())
        self.lines.append(line)

        def send(answer: object) -> None:
            with suppress(BrokenPipeError):
                door.wfile.write(json.dumps(answer).encode() + b"\n")

        def write(text: str) -> None:
            send(f"{text}\r\n".encode(errors="surrogateescape").decode("latin-1"))

        send(self._answer(line, write))

    def _answer(self, line: str, write: Write) -> int:
        if self.shell is LoginShell.POWERSHELL:
            wrapped = _WRAPPED.fullmatch(line)
            if not wrapped:
                return self._plain(line, write)
            line = b64decode(wrapped[1]).decode().removeprefix(" ")
        program = next((found for start, found in self.stand_ins.items() if line.startswith(start)), self._by_wine)
        return program(line, write)

    def _plain(self, line: str, write: Write) -> int:
        """What PowerShell itself does with a line: all that it is asked for here is who it is."""
        assert line == "echo %OS% $env:OS", line
        for word in ("%OS%", "Windows_NT"):
            write(word)
        return 0

    def _by_wine(self, line: str, write: Write) -> int:
        out, status = self._collected(line)
        for text in out.split("\r\n")[:-1] if out.endswith("\r\n") else out.split("\r\n"):
            write(text)
        return status

    def _collected(self, line: str) -> tuple[str, int]:
        program = next((found for start, found in self.stand_ins.items() if line.startswith(start)), None)
        if program:
            said: list[str] = []
            status = program(line, said.append)
            return "".join(f"{text}\r\n" for text in said), status
        command = self.wine.start(line, self.home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        out, _ = command.process.communicate()
        return out.decode(errors="surrogateescape"), command.wait()


@pytest.fixture
def windows_sshd_factory(
    tmp_path: Path, wine: Wine, user_key: KeyPair, held_port: HeldPort
) -> Iterator[Callable[..., WindowsSshd]]:
    """``windows_sshd_factory(shell=LoginShell.CMD)`` starts a machine of its own."""
    made: list[WindowsSshd] = []

    def make(**fields: Any) -> WindowsSshd:
        folder = tmp_path / f"windows{len(made)}"
        extra = f"ForceCommand {folder}/login\nVersionAddendum OpenSSH_for_Windows_9.5\n"
        sshd = Sshd(folder, user_key, held_port(), extra)
        sshd.prepare()
        machine = WindowsSshd(sshd, wine, **fields)
        made.append(machine)
        machine.start()
        return machine

    yield make
    for machine in made:
        machine.stop()


@pytest.fixture
def windows_sshd(windows_sshd_factory: Callable[..., WindowsSshd]) -> WindowsSshd:
    return windows_sshd_factory()
