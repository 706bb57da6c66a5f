"""HTTP to a WinRM service: where it is, who logs in how, and connections that a cancel can break.

Each command has connections of its own. Windows closes idle ones after minutes, and the keys with which NTLM encrypts
messages belong to one connection: to make a new one costs less than to find out that the old one is gone.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.request import getproxies, proxy_bypass

import urllib3
from attrs import define, field, frozen
from pypsrp.negotiate import HTTPNegotiateAuth
from pypsrp.wsman import WSMan
from requests import Response, Session
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.exceptions import InsecureRequestWarning

from hclimg.errors import BuildError
from hclimg.units import Secret

for _library in ("pypsrp", "urllib3", "spnego"):  # their reports become our exceptions
    logging.getLogger(_library).addHandler(logging.NullHandler())

CONNECT = 10  # seconds for a connection
READ = 60  # seconds in which an answer must have begun to come, whatever was asked
BLOCK = 360 << 10  # bytes of input that one message of 500 KiB holds in base64; every Windows takes 150 KiB
_BY_CERTIFICATE = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
OPERATION = 20  # seconds that the service may hold a question back while there is nothing to answer


@frozen(kw_only=True)
class WinrmEndpoint:
    """A WinRM service and who logs in there. ``certificate``: the files of one that takes the place of a password, and
    of its key.
    """

    host: str
    port: int
    user: str
    password: Secret
    tls: bool = False
    insecure: bool = False
    ntlm: bool = False
    no_proxy: bool = False
    certificate: tuple[Path, Path] | None = None

    @property
    def way(self) -> str:
        """How to log in, as pypsrp calls it."""
        return "certificate" if self.certificate else "ntlm" if self.ntlm else "basic"

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def proxy(self) -> str:
        """The URL of the proxy that the environment names; empty: there is none to use."""
        scheme = "https" if self.tls else "http"
        if self.no_proxy or _is_loopback(self.host) or proxy_bypass(self.host):
            return ""
        return getproxies().get(scheme, "")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def certificate_pair(certificate: Path, key: Path) -> tuple[Path, Path]:
    """Both, when they belong together and no passphrase is asked for. Raises BuildError."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "reason", "") or getattr(error, "strerror", "") or error)
        said = reason.replace("_", " ").lower()
        raise BuildError(
            f'Cannot log in with the certificate "{certificate}" and the key "{key}": {said}.',
            hint="Both are PEM files, the key without a passphrase: see winrm_certificate_file and "
            "winrm_certificate_key_file.",
        ) from error
    return certificate, key


@define(eq=False)
class Wires:
    """The TCP connections of one command."""

    _open: list[Any] = field(factory=list)
    _cut: bool = False

    def add(self, connection: Any) -> None:
        """``connection`` is one of urllib3 that does not stand yet."""
        connect = connection.connect

        def connect_unless_cut() -> None:
            connect()
            self._open.append(connection)
            if self._cut:
                raise OSError("cancelled")

        connection.connect = connect_unless_cut

    def cut(self) -> None:
        """Break them, from whatever thread: whoever waits on one wakes. No new ones are made."""
        self._cut = True
        for connection in tuple(self._open):
            sock = connection.sock
            if isinstance(sock, socket.socket):
                with suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not that of TLS, which would speak first


@define(eq=False)
class Line:
    """A way to ask the service: ``wsman`` does it. ``offered`` is what ways to log in the last refusal named."""

    end: WinrmEndpoint
    wsman: WSMan
    wires: Wires
    offered: str = ""

    def close(self) -> None:
        self.wsman.close()


class _Adapter(HTTPAdapter):
    """Tells ``line`` of connections and refusals, and trusts what this system does besides what requests does."""

    def __init__(self, line: Line, context: ssl.SSLContext | None) -> None:
        self._line = line
        self._context = context
        super().__init__()

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._context, **pool)

    def proxy_manager_for(self, proxy: str, **pool: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._context, **pool)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = self._telling(type(pool).ConnectionCls)
        return pool

    def send(self, *args: Any, **kwargs: Any) -> Response:
        response = super().send(*args, **kwargs)
        if response.status_code == 401:
            self._line.offered = response.headers.get("WWW-Authenticate", "")
        return response

    def _telling(self, make: Callable[..., Any]) -> Callable[..., Any]:
        def connection(*args: Any, **kwargs: Any) -> Any:
            made = make(*args, **kwargs)
            self._line.wires.add(made)
            return made

        return connection


def open_line(end: WinrmEndpoint, *, connect: int = CONNECT, read: int = READ) -> Line:
    """Connects when it is first used. ``connect`` and ``read`` are seconds."""
    wsman = WSMan(
        end.host, port=end.port, username=end.user, password=end.password.reveal(), ssl=end.tls,
        auth=end.way, encryption="auto" if end.ntlm or end.tls else "never",
        cert_validation=not end.insecure, operation_timeout=OPERATION, connection_timeout=connect, read_timeout=read,
        reconnection_backoff=0.0,
    )  # fmt: skip
    line = Line(end, wsman, Wires())
    wsman.transport.session = _session(line)
    return line


def _session(line: Line) -> Session:
    end, session = line.end, Session()
    session.trust_env = False  # the adapter trusts what OpenSSL does, and the proxy is looked up here
    session.headers.update({"User-Agent": "hclimg", "Accept-Encoding": "identity"})
    if proxy := end.proxy:
        session.proxies = {"http": proxy, "https": proxy}
    session.verify = not end.insecure
    if end.certificate:
        session.cert = (str(end.certificate[0]), str(end.certificate[1]))
        session.headers["Authorization"] = _BY_CERTIFICATE
    else:
        session.auth = _login(end)
    adapter = _Adapter(line, _trust(end) if end.tls else None)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _login(end: WinrmEndpoint) -> AuthBase:
    password = end.password.reveal()
    if end.ntlm:
        return HTTPNegotiateAuth(end.user, password, auth_provider="ntlm", wrap_required=not end.tls)
    return HTTPBasicAuth(end.user.encode(), password.encode())


def _trust(end: WinrmEndpoint) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if end.insecure:
        urllib3.disable_warnings(InsecureRequestWarning)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
