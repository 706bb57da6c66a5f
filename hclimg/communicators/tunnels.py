"""Ports that lead through the SSH connection, in both directions.

fabric's own tunnels poll a hundred times a second and do not say when a port is taken, so these are not built on them.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Thread
from typing import Any

from attrs import define, field
from paramiko import Channel, SSHException, Transport

from hclimg.communicators.tunnel_spec import TunnelSpec
from hclimg.errors import BuildError

_BLOCK = 32_704
_CONNECT = 30.0


@define(eq=False)
class Tunnels:
    """``transport`` gives the live connection, or None while there is none."""

    transport: Callable[[], Transport | None]
    local: Sequence[TunnelSpec] = ()
    remote: Sequence[TunnelSpec] = ()
    _listeners: list[socket.socket] = field(factory=list)

    def listen(self) -> None:
        """Open the ports of this host. Raises BuildError when one is taken."""
        for spec in self.local:
            try:
                listener = socket.create_server(("127.0.0.1", spec.listen))
            except OSError as error:
                self.close()
                raise BuildError(
                    f"Cannot listen on port {spec.listen} for a tunnel: {error.strerror}.",
                    hint="Choose another port in ssh_local_tunnels.",
                ) from error
            self._listeners.append(listener)
            Thread(target=self._accept, args=(listener, spec), name="ssh-tunnel", daemon=True).start()

    def ask(self, transport: Transport) -> None:
        """Open the ports of the machine, on each new connection. Raises BuildError when it refuses."""
        for spec in self.remote:
            def handle(channel: Channel, _origin: Any, _server: Any, spec: TunnelSpec = spec) -> None:
                Thread(target=_to_host, args=(channel, spec), name="ssh-tunnel", daemon=True).start()

            try:
                transport.request_port_forward("localhost", spec.listen, handle)
            except SSHException as error:
                raise BuildError(
                    f"The machine refuses to listen on port {spec.listen} for a tunnel: {error}",
                    hint="The port may be taken, or its sshd forbids forwarding (AllowTcpForwarding).",
                ) from error

    def close(self) -> None:
        for listener in self._listeners:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._listeners.clear()

    def _accept(self, listener: socket.socket, spec: TunnelSpec) -> None:
        while True:
            try:
                sock, origin = listener.accept()
            except OSError:
                return  # closed
            Thread(target=self._to_machine, args=(sock, origin, spec), name="ssh-tunnel", daemon=True).start()

    def _to_machine(self, sock: socket.socket, origin: tuple[str, int], spec: TunnelSpec) -> None:
        transport = self.transport()
        try:
            if transport is None:
                raise SSHException("not connected")
            channel = transport.open_channel("direct-tcpip", (spec.host, spec.port), origin)
        except (SSHException, EOFError):
            sock.close()
            return
        _join(sock, channel)


def _to_host(channel: Channel, spec: TunnelSpec) -> None:
    try:
        sock = socket.create_connection((spec.host, spec.port), _CONNECT)
    except OSError:
        channel.close()
        return
    sock.settimeout(None)
    _join(sock, channel)


def _join(sock: socket.socket, channel: Channel) -> None:
    """Carry bytes both ways until both ends are done."""
    back = Thread(target=_carry, args=(channel, sock), name="ssh-tunnel", daemon=True)
    back.start()
    _carry(sock, channel)
    back.join()
    sock.close()
    channel.close()


def _carry(source: socket.socket | Channel, target: socket.socket | Channel) -> None:
    with suppress(OSError, EOFError, SSHException):
        while data := source.recv(_BLOCK):
            target.sendall(data)
    with suppress(OSError, EOFError, SSHException):
        target.shutdown(socket.SHUT_WR)
