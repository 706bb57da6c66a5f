"""What a proxy in front of a service of the tests does with a request that it passes on."""

from __future__ import annotations

import http.client
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from socket import SHUT_RDWR

Reply = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers, body."""


class Forwarding(BaseHTTPRequestHandler):
    """A class of its own says ``upstream``, (host, port), and what each method does."""

    protocol_version = "HTTP/1.1"
    upstream: tuple[str, int | None]

    def log_message(self, *_: object) -> None: ...

    def body(self) -> bytes:
        """What came with the request; to be read once."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def forwarded(self, body: bytes) -> Reply:
        """What the service answers."""
        host, port = self.upstream
        connection = http.client.HTTPConnection(host, port)
        try:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            reply = connection.getresponse()
            return reply.status, reply.getheaders(), reply.read()
        finally:
            connection.close()

    def send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def hang_up(self) -> None:
        """End the connection without an answer."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(SHUT_RDWR)
