"""An SSH server of this host for one machine: programs that speak only SSH reach any machine by it.

It listens on 127.0.0.1, lets in who has the one key, and passes commands and files on to the machine's communicator.
It knows nothing of the programs that connect.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import SimpleQueue
from threading import Lock, Thread

from attrs import define, field, frozen
from paramiko import Channel, PKey, ServerInterface
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)
from paramiko.transport import Transport

from hclimg.communicators.exec import BROKEN
from hclimg.communicators.login import LoginKey
from hclimg.communicators.session import WINDOW, LongKeys
from hclimg.errors import BuildError, Cancelled, HclimgError
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from hclimg.sdk.steps import step

PORTS = 10  # how many are tried from the one that was asked for
_PIECE = 1 << 15
_SESSION_FAILED = 255  # as ssh itself ends when the connection is at fault
_LOCALHOST = "127.0.0.1"


@frozen(kw_only=True)
class Admission:
    """Who the server is and whom it lets in. ``authorized`` is a public key as in authorized_keys."""

    host_key: LoginKey
    authorized: str


@define(eq=False)
class Adapter:
    """The running server. ``failures`` are what went wrong between here and the machine, first one first."""

    communicator: Communicator
    authorized: str
    sftp_command: str
    host_key: PKey
    listener: socket.socket
    failures: list[HclimgError] = field(factory=list)
    _home: str = ""
    _open: list[Transport] = field(factory=list)
    _lock: Lock = field(factory=Lock)

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    @property
    def known_host(self) -> str:
        """The line for a known_hosts file."""
        return f"[{_LOCALHOST}]:{self.port} {self.host_key.get_name()} {self.host_key.get_base64()}"

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            Thread(target=self._connection, args=(sock,), name="ssh-adapter", daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self._lock:
            transports = list(self._open)
        for transport in transports:
            transport.close()

    def home(self) -> str:
        """Where commands start on the machine."""
        if not self._home:
            lines: list[str] = []
            self.communicator.run("pwd", on_output=lambda line, _: lines.append(line))
            self._home = lines[-1].strip() if lines else "/"
        return self._home

    def _connection(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = Transport(sock, default_window_size=WINDOW, packetizer_class=LongKeys)
        with self._lock:
            self._open.append(transport)
        try:
            transport.add_server_key(self.host_key)
            door = _Door(self.authorized)
            transport.start_server(server=door)
            while transport.is_active():
                channel = transport.accept(1)
                if channel is not None:
                    Thread(target=self._session, args=(door, channel), name="ssh-adapter", daemon=True).start()
        except BROKEN:
            pass  # whoever connected has gone, or speaks no SSH
        finally:
            transport.close()
            with self._lock:
                self._open.remove(transport)

    def _session(self, door: _Door, channel: Channel) -> None:
        try:
            what, command = door.asked(channel.get_id()).get()
            self._worker(door, what, command)(channel)
        except Cancelled:
            pass
        except HclimgError as error:
            self._failed(channel, error)
        except BROKEN:
            pass  # the client has gone
        finally:
            with suppress(*BROKEN):
                channel.close()

    def _worker(self, door: _Door, what: str, command: str) -> Callable[[Channel], None]:
        from hclimg.communicators.adapter_files import Files
        from hclimg.communicators.adapter_scp import Scp

        if what == "sftp" and not self.sftp_command:
            return Files.server(door, self.communicator, self.home, self.failures.append)
        scp = Scp.of(command, self.communicator) if what == "exec" else None
        return scp.talk if scp else lambda channel: self._run(channel, command or self.sftp_command)

    def _run(self, channel: Channel, command: str) -> None:
        read, write = os.pipe()
        Thread(target=_pump, args=(channel, write), name="ssh-adapter-stdin", daemon=True).start()
        send = {"stdout": channel.sendall, "stderr": channel.sendall_stderr}

        def received(stream: str, piece: bytes) -> None:
            with suppress(*BROKEN):  # nobody listens any more, but the command goes on, as under any SSH server
                send[stream](piece)

        status = self.communicator.pipe(command, stdin=os.fdopen(read, "rb", buffering=0), received=received)
        channel.send_exit_status(status)

    def _failed(self, channel: Channel, error: HclimgError) -> None:
        self.failures.append(error)
        with suppress(*BROKEN):
            channel.sendall_stderr(f"hclimg: {error}\n".encode())
            channel.send_exit_status(_SESSION_FAILED)


class _Door(ServerInterface):
    """Answers the requests of one connection; what a channel asks for waits in a queue for who serves it."""

    def __init__(self, authorized: str) -> None:
        self._key = authorized.split()[1]
        self._asked: dict[int, SimpleQueue[tuple[str, str]]] = {}
        self._lock = Lock()

    def asked(self, channel: int) -> SimpleQueue[tuple[str, str]]:
        with self._lock:
            return self._asked.setdefault(channel, SimpleQueue())

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002
        return "publickey"

    def check_auth_publickey(self, username: str, key: PKey) -> int:  # noqa: ARG002
        return AUTH_SUCCESSFUL if key.get_base64() == self._key else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
        answer: int = OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        return answer

    def check_channel_pty_request(self, *_: object) -> bool:
        """Granted and ignored: whoever asks for a terminal does so for the sake of signals, or by habit."""
        return True

    def check_channel_exec_request(self, channel: Channel, command: bytes) -> bool:
        self.asked(channel.get_id()).put(("exec", command.decode("utf-8", "surrogateescape")))
        return True

    def check_channel_subsystem_request(self, channel: Channel, name: str) -> bool:
        if name != "sftp":
            return False
        self.asked(channel.get_id()).put(("sftp", ""))
        return True


@step("Opening an SSH server on this host for the machine", undo="Closing the SSH server on this host")
def ssh_adapter(
    ctx: Context, communicator: Communicator, admission: Admission, *, port: int = 0, sftp_command: str = ""
) -> Iterator[Adapter]:
    """``port``: the first that is tried; 0: any. ``sftp_command`` is a program of the machine that serves SFTP; without
    it the server does that itself. Raises BuildError."""
    listener = _listen(port)
    try:
        host_key = admission.host_key.load()
    except BuildError:
        listener.close()
        raise
    adapter = Adapter(communicator, admission.authorized, sftp_command, host_key, listener)
    Thread(target=adapter.serve, name="ssh-adapter", daemon=True).start()
    ctx.say(f"An SSH server on {_LOCALHOST}:{adapter.port} leads to the machine")
    yield adapter
    adapter.close()


def _listen(port: int) -> socket.socket:
    for wanted in range(port, min(port + PORTS, 65536)) if port else (0,):
        with suppress(OSError):
            return socket.create_server((_LOCALHOST, wanted))
    last = min(port + PORTS, 65536) - 1
    raise BuildError(
        f"No port from {port} to {last} is free on this host.",
        hint='Set "local_port" to another one, or leave it out: then any free port is taken.',
    )


def _pump(channel: Channel, write: int) -> None:
    """What the client sends goes to the command, until one of them ends."""
    with suppress(*BROKEN), os.fdopen(write, "wb", buffering=0) as out:
        while piece := channel.recv(_PIECE):
            view = memoryview(piece)
            while view:
                view = view[out.write(view) :]


