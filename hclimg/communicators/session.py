"""One SSH connection to one machine: made when the machine answers, kept for every step, made again when it broke.

A thin layer over paramiko, and over fabric where there is a bastion. It knows how to reach and trust a machine, and
nothing of commands and files.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from attrs import define, field, frozen
from paramiko import Channel, SSHException, Transport
from paramiko.packet import Packetizer
from paramiko.ssh_exception import IncompatiblePeer

from hclimg.communicators.dial import dial, dial_by_proxy, tune
from hclimg.communicators.links import Link, fabric_connection
from hclimg.communicators.login import FAST_CIPHERS, SMALL_BLOCKS, Account, HostKeyPin, Login, LoginRefused
from hclimg.communicators.pulse import lives, watch
from hclimg.communicators.sftp_client import SftpClient
from hclimg.communicators.socks import Proxy
from hclimg.errors import BuildError, ConnectionLost, TimedOut
from hclimg.sdk.cancel import CancelToken
from hclimg.units import show_duration

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # its reports become our exceptions

HANDSHAKE = 60.0  # seconds in which a server that speaks must have agreed on keys
LOGIN_PAUSE = 2.0  # seconds between refused logins: sshd punishes clients that come back sooner
BROKEN_PAUSE = 0.5  # seconds after a handshake that broke
OPEN_CHANNEL = 60.0
WINDOW = 2 << 20
BULK_WINDOW = 16 << 20  # what may be under way to us: a far machine sends no faster than a window in a round trip


@frozen(kw_only=True)
class Endpoint:
    """An SSH server and who logs in there."""

    host: str
    port: int
    account: Account
    pin: HostKeyPin

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port}"


@frozen(kw_only=True)
class Way:
    """How to get to the machine, and how patient to be. ``attempts``: accepted refusals of the login, None: any."""

    target: Endpoint
    bastion: Endpoint | None = None
    proxy: Proxy | None = None
    timeout: timedelta = timedelta(minutes=5)
    attempts: int | None = None
    ciphers: tuple[str, ...] = ()
    key_exchanges: tuple[str, ...] = ()
    keep_alive: timedelta = timedelta(seconds=5)
    silence: timedelta = timedelta()
    forward_agent: bool = False


class LongKeys(Packetizer):
    """Keeps its keys for as long as RFC 4344 lets a cipher with blocks of 16 bytes, as OpenSSH does.

    paramiko asks for new keys after 512 MiB. A channel that the server closes at that very moment stops its thread
    for half a minute and then ends the connection (``Channel._handle_close`` sends while nothing may be sent).
    """

    REKEY_BYTES = 1 << 35
    REKEY_PACKETS = 1 << 31


@define(eq=False)
class SshSession:
    """The connection; used by one thread at a time, except for :meth:`channel` and :meth:`hang_up`.

    ``on_connect`` is called with each new transport. ``on_windows``: the server said that it is one for Windows.
    """

    way: Way
    cancel: CancelToken
    on_connect: Callable[[Transport], None] | None = None
    on_windows: bool = False
    _connection: Any = None
    _bastion: Any = None
    _socket: socket.socket | None = None
    _opening: threading.Lock = field(factory=threading.Lock)
    _pulse: threading.Event = field(factory=threading.Event)

    @property
    def where(self) -> str:
        return self.way.target.where

    @property
    def alive(self) -> bool:
        return self._connection is not None and bool(self._connection.is_connected)

    @property
    def transport(self) -> Transport:
        """The live transport, connected again when it had broken."""
        self._ensure()
        transport: Transport = self._connection.transport
        return transport

    def channel(self, *, bulk: bool = False) -> Channel:
        """A new session channel, for bulk data or for a command. Raises ConnectionLost (nothing was started)."""
        with self._opening:
            try:
                return self._channel(bulk)
            except ConnectionLost:
                return self._channel(bulk)  # it broke while nobody used it, which only shows on use

    def _channel(self, bulk: bool) -> Channel:
        transport = self.transport
        try:
            if self.way.forward_agent and not bulk:
                channel: Channel = self._connection.create_session()
                return channel
            return transport.open_session(window_size=BULK_WINDOW if bulk else WINDOW, timeout=OPEN_CHANNEL)
        except (SSHException, OSError, EOFError) as error:
            self.check_alive(error)
            raise BuildError(
                f"{self.where} opens no more sessions: {_why(error)}.",
                hint="Its SSH server may be set up to allow none (MaxSessions 0).",
            ) from error

    def check_alive(self, error: BaseException, *, started: bool = False) -> None:
        """Raise Cancelled or ConnectionLost when it is the connection that failed."""
        self.cancel.check()
        # It may be dying: who writes notices before who reads.
        living = self.alive and (bool(getattr(error, "errno", None)) or lives(self._connection.transport))
        self.cancel.check()
        if not living:
            self.drop()
            raise ConnectionLost(f"The connection to {self.where} broke: {_why(error)}.", started=started) from error

    def sftp(self) -> SftpClient:
        """Raises BuildError when the machine has no SFTP server, ConnectionLost when the connection broke."""
        transport = self.transport
        try:
            client = SftpClient.from_transport(transport)
        except (SSHException, OSError, EOFError) as error:
            self.check_alive(error)
            raise BuildError(
                f"{self.where} has no SFTP server: {error}",
                hint="Windows needs one: its sshd_config must have the line Subsystem sftp sftp-server.exe."
                if self.on_windows
                else 'Leave ssh_file_transfer_method out, or write "scp": then files are streamed through commands.',
            ) from error
        assert isinstance(client, SftpClient)
        return client

    def _ensure(self) -> None:
        if not self.alive:
            self.connect(self.way.timeout)

    def connect(self, timeout: timedelta) -> None:
        """Wait for the machine and log in. Raises TimedOut, BuildError, Cancelled."""
        self.drop()
        deadline = time.monotonic() + timeout.total_seconds()
        refused = 0
        while True:
            self.cancel.check()
            pause = BROKEN_PAUSE
            try:
                self._attempt(deadline)
                return
            except LoginRefused as error:
                refused, pause, reason = refused + 1, LOGIN_PAUSE, str(error)
                if self.way.attempts is not None and refused >= self.way.attempts:
                    raise self._refused(reason, refused) from error
            except TimedOut as error:
                raise self._timed_out(timeout, error.message) from error
            except IncompatiblePeer as error:
                raise self._incompatible(error) from error
            except (SSHException, OSError, EOFError) as error:
                reason = _why(error)
            self.drop()
            self.cancel.check()
            if time.monotonic() + pause >= deadline:
                raise self._refused(reason, refused) if refused else self._timed_out(timeout, reason)
            self.cancel.sleep(pause)

    def hang_up(self) -> None:
        """Break the connection now, from whatever thread: whoever waits on it wakes. It can be connected again."""
        for sock in (self._socket, *(c.transport and c.transport.sock for c in self._links())):
            if isinstance(sock, socket.socket):
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def drop(self) -> None:
        """Close the connection; the next use makes a new one."""
        self._pulse.set()
        self.hang_up()
        for connection in self._links():
            connection.client.close()
        if self._socket is not None:
            self._socket.close()
        self._connection = self._bastion = self._socket = None

    def _links(self) -> tuple[Any, ...]:
        return tuple(c for c in (self._connection, self._bastion) if c is not None)

    # -- one attempt ----------------------------------------------------------

    def _attempt(self, deadline: float) -> None:
        way = self.way
        with self.cancel.closing(self.hang_up):
            if way.bastion is not None:
                self._bastion = self._make(way.bastion, self._dial(way.bastion, deadline))
                self._open(self._bastion, way.bastion)
                self._connection = self._make(way.target, gateway=self._bastion)
            else:
                self._connection = self._make(way.target, self._dial(way.target, deadline))
            self._open(self._connection, way.target)
            self._keep_alive(self._connection.transport)
            self.on_windows = "windows" in self._connection.transport.remote_version.lower()
            if self.on_connect:
                self.on_connect(self._connection.transport)

    def _dial(self, end: Endpoint, deadline: float) -> socket.socket:
        proxy = self.way.proxy
        if proxy is None:
            self._socket = dial(end.host, end.port, deadline, self.cancel)
        else:
            self._socket = dial_by_proxy(
                lambda seconds: proxy.connect(end.host, end.port, seconds, self.cancel), deadline, self.cancel
            )
        return tune(self._socket, self.way.silence.total_seconds())

    def _make(self, end: Endpoint, sock: socket.socket | None = None, gateway: Any = None) -> Any:
        kwargs: dict[str, Any] = {
            "transport_factory": lambda sock, **_: self._transport(sock, end.pin),
            "auth_strategy": Login(end.account),
            "timeout": HANDSHAKE,
            "banner_timeout": HANDSHAKE,
            "auth_timeout": HANDSHAKE,
            "channel_timeout": OPEN_CHANNEL,
        }
        if sock is not None:
            kwargs["sock"] = sock
        link = Link(end.host, end.port, end.account.user, kwargs, self.way.forward_agent)
        connection = link if self.way.bastion is None else fabric_connection(link, gateway)
        connection.client.set_missing_host_key_policy(end.pin)
        return connection

    def _transport(self, sock: socket.socket, pin: HostKeyPin) -> Transport:
        small_blocks = any(cipher in SMALL_BLOCKS for cipher in self.way.ciphers)
        keys = Packetizer if small_blocks else LongKeys
        transport = Transport(sock, default_window_size=WINDOW, packetizer_class=keys)
        transport.handshake_timeout = HANDSHAKE
        options = transport.get_security_options()
        slower = tuple(name for name in options.ciphers if name not in (*FAST_CIPHERS, *SMALL_BLOCKS))
        try:
            options.ciphers = self.way.ciphers or FAST_CIPHERS + slower
            options.kex = self.way.key_exchanges or options.kex
        except ValueError:
            raise self._unknown_algorithm(transport) from None
        options.key_types = pin.prefer(tuple(options.key_types))
        return transport

    def _open(self, connection: Any, end: Endpoint) -> None:
        try:
            connection.open()
        except LoginRefused as error:
            if end is self.way.target:
                raise
            raise LoginRefused(f"the bastion {end.where}: {error}") from error

    def _keep_alive(self, transport: Transport) -> None:
        interval, silence = self.way.keep_alive.total_seconds(), self.way.silence.total_seconds()
        if silence > 0:
            self._pulse = threading.Event()
            pulse = threading.Thread(
                target=watch, args=(transport, self._pulse, max(interval, 0) or silence, silence, self.hang_up),
                name="ssh-watch", daemon=True,
            )  # fmt: skip
            pulse.start()
        elif interval > 0:
            transport.set_keepalive(max(1, round(interval)))

    # -- what went wrong ------------------------------------------------------

    def _timed_out(self, timeout: timedelta, reason: str) -> TimedOut:
        return TimedOut(
            f"SSH on {self.where} did not answer within {show_duration(timeout)}: {reason}.",
            hint="Check that the machine boots, that address and port are right and no firewall is in between. "
            "A slow machine needs a longer ssh_timeout.",
        )

    def _refused(self, reason: str, count: int) -> BuildError:
        times = "" if count == 1 else f" ({count} times)"
        return BuildError(
            f"Cannot log in to {self.where}: {reason}{times}.",
            hint="Check ssh_username and the key or password; a machine that installs its keys late needs more "
            "ssh_handshake_attempts, or a longer ssh_timeout.",
        )

    def _incompatible(self, error: IncompatiblePeer) -> BuildError:
        return BuildError(
            f"{self.where} and hclimg have no algorithm in common: {error}",
            hint="Leave out ssh_ciphers and ssh_key_exchange_algorithms, or update the machine's SSH server.",
        )

    def _unknown_algorithm(self, transport: Transport) -> BuildError:
        options = transport.get_security_options()
        wrong = [name for name in self.way.ciphers if name not in options.ciphers]
        wrong += [name for name in self.way.key_exchanges if name not in options.kex]
        known = ", ".join((*options.ciphers, *options.kex))
        listed = ", ".join(wrong)
        return BuildError(f"SSH algorithms that are not supported: {listed}.", hint=f"Supported are: {known}.")


def _why(error: BaseException) -> str:
    text = str(error).strip().rstrip(".") or "the connection was closed during the handshake"
    return text[0].lower() + text[1:]
