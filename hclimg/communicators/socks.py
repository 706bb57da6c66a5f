"""The client's half of SOCKS5 (RFC 1928, RFC 1929): connect to a host through a proxy."""

from __future__ import annotations

import socket

from attrs import frozen

from hclimg.errors import BuildError
from hclimg.sdk.cancel import CancelToken
from hclimg.units import Secret

_REPLIES = {
    1: "general failure",
    2: "connection not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "address type not supported",
}
NO_SECRET = Secret("")
_NO_LOGIN, _PASSWORD, _NONE_ACCEPTED = 0, 2, 0xFF


@frozen(kw_only=True)
class Proxy:
    host: str
    port: int
    username: str = ""
    password: Secret = NO_SECRET

    def connect(self, host: str, port: int, timeout: float, cancel: CancelToken) -> socket.socket:
        """A connection to ``host:port``. Raises OSError when that does not work now, BuildError when it never will."""
        sock = socket.create_connection((self.host, self.port), timeout)
        try:
            with cancel.closing(lambda: sock.shutdown(socket.SHUT_RDWR)):
                self._log_in(sock)
                self._ask(sock, host, port)
        except BaseException:
            sock.close()
            raise
        return sock

    def _log_in(self, sock: socket.socket) -> None:
        methods = bytes([_NO_LOGIN, _PASSWORD] if self.username else [_NO_LOGIN])
        sock.sendall(b"\x05" + bytes([len(methods)]) + methods)
        version, method = _read(sock, 2)
        if version != 5:
            raise BuildError(
                f"{self.host}:{self.port} is not a SOCKS5 proxy.", hint="Check ssh_proxy_host and ssh_proxy_port."
            )
        if method == _NONE_ACCEPTED:
            raise self._refused()
        if method != _PASSWORD:
            return
        user, password = self.username.encode(), self.password.reveal().encode()
        sock.sendall(b"\x01" + bytes([len(user)]) + user + bytes([len(password)]) + password)
        if _read(sock, 2)[1] != 0:
            raise self._refused()

    def _refused(self) -> BuildError:
        return BuildError(
            f"The SOCKS5 proxy {self.host}:{self.port} refused the login.",
            hint="Check ssh_proxy_username and ssh_proxy_password.",
        )

    def _ask(self, sock: socket.socket, host: str, port: int) -> None:
        name = host.encode("idna")
        sock.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big"))
        _, reply, _, kind = _read(sock, 4)
        if reply != 0:
            why = _REPLIES.get(reply, f"reply {reply}")
            raise ConnectionError(f"the proxy {self.host}:{self.port} could not reach {host}:{port}: {why}")
        length = {1: 4, 4: 16}.get(kind) or _read(sock, 1)[0]
        _read(sock, length + 2)


def _read(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise ConnectionError("the proxy closed the connection")
        data += piece
    return data
