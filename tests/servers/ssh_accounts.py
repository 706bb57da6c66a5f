"""An SSH server that checks passwords and asks questions, which sshd does only with PAM and real users.

It runs no real command: it answers ``echo`` itself.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from attrs import define, field
from paramiko import (
    AUTH_FAILED,
    AUTH_PARTIALLY_SUCCESSFUL,
    AUTH_SUCCESSFUL,
    OPEN_SUCCEEDED,
    Channel,
    ECDSAKey,
    InteractiveQuery,
    PKey,
    ServerInterface,
    SSHException,
    Transport,
)


@define(eq=False)
class Rules(ServerInterface):
    """Who may come in: each method that is in ``methods``, one after the other when ``both``."""

    methods: str = "password"
    password: str = "secret"
    both: bool = False
    refusals: int = 0
    tried: list[str] = field(factory=list)

    def get_allowed_auths(self, username: str) -> str:
        return self.methods

    def check_auth_none(self, username: str) -> int:
        self.tried.append("none")
        return AUTH_SUCCESSFUL if self.methods == "none" else AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        self.tried.append("password")
        return self._check("password", password)

    def check_auth_publickey(self, username: str, key: PKey) -> int:
        self.tried.append("publickey")
        if "publickey" not in self.methods:
            return AUTH_FAILED
        return AUTH_PARTIALLY_SUCCESSFUL if self.both else AUTH_SUCCESSFUL

    def check_auth_interactive(self, username: str, submethods: str) -> int | InteractiveQuery:
        self.tried.append("keyboard-interactive")
        if "keyboard-interactive" not in self.methods:
            return AUTH_FAILED
        return InteractiveQuery("", "", ("Password: ", False))

    def check_auth_interactive_response(self, responses: list[str]) -> int | InteractiveQuery:
        return self._check("keyboard-interactive", responses[0])

    def _check(self, method: str, text: str) -> int:
        if self.refusals > 0:
            self.refusals -= 1
            return AUTH_FAILED
        return AUTH_SUCCESSFUL if method in self.methods and text == self.password else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: Channel, command: bytes) -> bool:
        threading.Thread(target=_echo, args=(channel, command), daemon=True).start()
        return True


def _echo(channel: Channel, command: bytes) -> None:
    with suppress(OSError, SSHException):
        # The thread that takes this answer has answered the request for the command before.
        channel.get_transport().global_request("ping@hclimg", wait=True)
        channel.sendall(command.removeprefix(b"echo ") + b"\n")
        channel.send_exit_status(0)
        channel.close()


@define(eq=False)
class AccountServer:
    rules: Rules
    key: PKey = field(factory=ECDSAKey.generate)
    connections: int = 0
    _listener: socket.socket = field(factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _transports: list[Transport] = field(factory=list)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for transport in self._transports:
            transport.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            transport = Transport(sock)
            transport.add_server_key(self.key)
            self._transports.append(transport)
            self.connections += 1
            with suppress(SSHException, EOFError, OSError):
                transport.start_server(event=threading.Event(), server=self.rules)


@pytest.fixture
def account_server() -> Iterator[Callable[[Rules], AccountServer]]:
    """``account_server(rules)`` starts one."""
    started: list[AccountServer] = []

    def make(rules: Rules) -> AccountServer:
        server = AccountServer(rules)
        server.start()
        started.append(server)
        return server

    yield make
    for server in started:
        server.stop()
