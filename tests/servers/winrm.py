"""A WinRM service on loopback, as far as a client can tell: its commands really run, in the cmd.exe of wine.

Packer 1.6.6, pypsrp and pywinrm take it for Windows. It knows Basic, NTLM with encrypted messages, TLS, shells beside
each other, output while a command runs, the faults of Windows, and it can go away as a machine that restarts does.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from hclimg.communicators.config import CommunicatorConfig
from hclimg.units import Secret
from servers.wine import Wine
from servers.winrm_login import SEALED, Ntlm, basic
from servers.winrm_powershell import copying, is_copying
from servers.winrm_shells import Shell, StandIn
from servers.winrm_soap import Fault, Question, created, no_shell, received, started

USER, PASSWORD = "Administrator", "pass word%1"
CERTIFICATE = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
SOAP = "application/soap+xml;charset=UTF-8"


@define(eq=False)
class WinrmServer:
    """``ways`` are those to log in: "Basic", "Negotiate". ``stand_ins`` take the command lines that they say they know;
    the others are run by wine.

    ``faults``: what the next questions with that verb get for an answer. ``asked`` is every verb so far,
    ``lines`` every command line, ``logins`` who tried, ``sealed`` how many questions were encrypted by NTLM.
    """

    wine: Wine
    folder: Path
    port: int
    ways: tuple[str, ...] = ("Basic",)
    tls: ssl.SSLContext | None = None
    password: str | Callable[[], str] = PASSWORD
    stand_ins: list[tuple[Callable[[str], bool], StandIn]] = field(factory=lambda: [(is_copying, copying)])
    shells: dict[str, Shell] = field(factory=dict)
    faults: dict[str, list[Fault]] = field(factory=dict)
    asked: list[str] = field(factory=list)
    lines: list[str] = field(factory=list)
    logins: list[str] = field(factory=list)
    sealed: int = 0
    _http: _Server | None = None
    _stopping: threading.Lock = field(factory=threading.Lock)

    @property
    def config(self) -> CommunicatorConfig:
        return self.configure()

    def configure(self, **settings: object) -> CommunicatorConfig:
        """What a template says to get in."""
        given = {
            "communicator": "winrm", "winrm_host": "127.0.0.1", "winrm_port": self.port, "winrm_username": USER,
            "winrm_password": Secret(PASSWORD), "winrm_use_ssl": self.tls is not None,
        }  # fmt: skip
        return CommunicatorConfig(**{**given, **settings})

    @property
    def template(self) -> str:
        """The body of a source block of the builder null."""
        return (
            f'communicator = "winrm"\nwinrm_host = "127.0.0.1"\nwinrm_port = {self.port}\n'
            f'winrm_username = "{USER}"\nwinrm_password = "{PASSWORD}"\nwinrm_use_ssl = {str(bool(self.tls)).lower()}\n'
        )

    def start(self) -> None:
        """Returns when the port is open."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._http = _Server(self)
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """The machine goes down: connections break, nobody listens, and whatever ran is gone."""
        with self._stopping:
            if self._http:
                self._http.shutdown()
                self._http.server_close()
                self._http.cut()
                self._http = None
            while self.shells:
                self.shells.popitem()[1].close()

    # -- questions --------------------------------------------------------------------

    def answer(self, question: Question) -> str:
        """The body of the answer. Raises Fault."""
        self.asked.append(question.verb)
        if self.faults.get(question.verb):
            raise self.faults[question.verb].pop(0)
        if question.verb == "Create":
            shell = Shell(self.wine, self.folder, question.variables)
            self.shells[shell.id] = shell
            return created(shell.id)
        if question.verb == "Get":
            return _CONFIG
        return self._in_shell(question, self._shell(question.shell))

    def _shell(self, name: str) -> Shell:
        if name not in self.shells:
            raise no_shell(name)
        return self.shells[name]

    def _in_shell(self, question: Question, shell: Shell) -> str:
        if question.verb == "Command":
            line = question.line
            self.lines.append(line)
            known = (program for knows, program in self.stand_ins if knows(line))
            return started(shell.start(line, next(known, None)))
        if question.verb == "Delete":
            self.shells.pop(shell.id).close()
            return ""
        command = question.command
        run, output = shell.commands[command]
        if question.verb == "Receive":
            pieces, status = output.take(question.timeout, question.envelope * 3 // 4 - 4096)
            return received(command, pieces, status)
        if question.verb == "Send":
            for data, end in question.input():
                try:
                    run.write_input(data, end=end)
                except (OSError, ValueError):
                    raise Fault(232, "InternalError", "The pipe is being closed.") from None
            return "<rsp:SendResponse/>"
        run.kill()
        return "<rsp:SignalResponse/>"


_CONFIG = (
    '<cfg:Config xmlns:cfg="http://schemas.microsoft.com/wbem/wsman/1/config">'
    "<cfg:MaxEnvelopeSizekb>500</cfg:MaxEnvelopeSizekb></cfg:Config>"
)


# -- HTTP -----------------------------------------------------------------------------


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, service: WinrmServer) -> None:
        self.service = service
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", service.port), _Handler)

    def get_request(self) -> tuple[Any, Any]:
        sock, address = super().get_request()
        if self.service.tls:
            sock = self.service.tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        self._open.add(sock)
        return sock, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        for sock in tuple(self._open):
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is none."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        self.service, self.ntlm = self.server.service, Ntlm()
        super().setup()

    def log_message(self, *_: object) -> None: ...

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        way, _, rest = (self.headers.get("Authorization") or "").partition(" ")
        if way == "Negotiate" and way in self.service.ways and (challenge := self.ntlm.step(rest)):
            self._refuse(f"Negotiate {challenge}")
        elif not self._is_known(way, rest):
            self._refuse(*(f'{way} realm="WSMAN"' if way == "Basic" else way for way in self.service.ways))
        elif not data:
            self._send(200, SOAP, b"")
        else:
            self._answer(data)

    def _answer(self, data: bytes) -> None:
        sealed = self.headers.get("Content-Type", "").startswith("multipart/encrypted")
        question = Question.read(self.ntlm.unseal(data) if sealed else data)
        self.service.sealed += sealed
        try:
            status, answer = 200, question.answer(self.service.answer(question))
        except Fault as fault:
            status, answer = 500, question.fault(fault)
        self._send(status, SEALED if sealed else SOAP, self.ntlm.seal(answer) if sealed else answer)

    def _is_known(self, way: str, rest: str) -> bool:
        if way == CERTIFICATE:
            subject = dict(pair for part in self.request.getpeercert().get("subject", ()) for pair in part)
            return bool(subject.get("commonName") == USER)
        if way == "Basic" and way in self.service.ways:
            user, password = basic(rest)
            self.service.logins.append(user)
            expected = self.service.password
            known = expected if isinstance(expected, str) else expected()
            return (user.lower(), password) == (USER.lower(), known)
        if way == "Negotiate":
            self.service.logins.append(self.ntlm.user)
        return bool(self.ntlm.user)

    def _refuse(self, *ways: str) -> None:
        self.send_response(401)
        for way in ways:
            self.send_header("WWW-Authenticate", way)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, status: int, kind: str, answer: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


# -- fixtures -------------------------------------------------------------------------


def _small(_shell: Shell, line: str, stdin: Iterator[bytes], write: Callable[[str, bytes], None]) -> int:
    """A :data:`servers.winrm_shells.StandIn` for cmd.exe, where nothing depends on what it does."""
    verb, _, rest = line.partition(" ")
    if verb == "echo":
        write("stdout", rest.encode() + b"\r\n")
    elif verb == "more":
        for each in stdin:
            write("stdout", each + b"\r\n")
    return int(rest) if verb == "exit" else 0


@pytest.fixture
def winrm_bare(
    held_port: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., WinrmServer]]:
    """``winrm_bare(started=True, **fields)`` makes a service without wine: it knows "echo", "exit", "more", and how to
    copy files.
    """
    known = {"TEMP": "C:\\Temp", "USERPROFILE": "C:\\home"}
    with _making(Wine(tmp_path / "bare", known), held_port, tmp_path, monkeypatch) as make:

        def bare(**fields: Any) -> WinrmServer:
            return make(stand_ins=[(is_copying, copying), (lambda _line: True, _small)], folder="home", **fields)

        yield bare


@pytest.fixture
def winrm_factory(
    wine: Wine, held_port: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., WinrmServer]]:
    """``winrm_factory(started=True, **fields)`` makes a service of its own."""
    with _making(wine, held_port, tmp_path, monkeypatch) as make:
        yield make


@contextmanager
def _making(
    wine: Wine, held_port: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., WinrmServer]]:
    made: list[WinrmServer] = []
    users = tmp_path / "ntlm_users"
    users.write_text(f":{USER}:{PASSWORD}\nLAB:{USER}:{PASSWORD}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(users))

    def make(*, started: bool = True, folder: str = "", **fields: Any) -> WinrmServer:
        port = held_port()
        server = WinrmServer(wine, wine.drive / (folder or f"home{port}"), port, **fields)
        made.append(server)
        if started:
            server.start()
        return server

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def winrm(winrm_factory: Callable[..., WinrmServer]) -> WinrmServer:
    """A running service that nobody else uses."""
    return winrm_factory()
