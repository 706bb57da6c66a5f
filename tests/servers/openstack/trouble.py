"""A proxy in front of one service of OpenStack that answers chosen requests as a service in trouble does."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from socket import SHUT_RDWR
from urllib.parse import urlsplit

from attrs import define, field, frozen

from servers.web import serving

HANG_UP = 0


@frozen(kw_only=True)
class Fault:
    """One request gets ``status`` as its answer, or none for ``HANG_UP``; ``done`` says whether the service was asked
    all the same. ``asked`` matches its method, path and body: ``POST .*/servers ``.
    """

    asked: str
    status: int
    done: bool


@define
class Front:
    """``url`` is where the service is reached through it; ``faults`` are used up, each by the first request it fits."""

    url: str
    faults: list[Fault] = field(factory=list)
    _lock: threading.Lock = field(factory=threading.Lock)

    def fault(self, asked: str) -> Fault | None:
        with self._lock:
            found = next((it for it in self.faults if re.match(it.asked, asked)), None)
            if found:
                self.faults.remove(found)
            return found


@contextmanager
def troubled(service: str) -> Iterator[Front]:
    """In front of the service at this URL, until the end of the block."""
    upstream = urlsplit(service)
    front = Front("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None: ...

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fault = front.fault(f"{self.command} {urlsplit(self.path).path} {body.decode('latin-1')}")
            if fault is None:
                self.send(*self.forwarded(body))
                return
            if fault.done:
                self.forwarded(body)
            if fault.status != HANG_UP:
                said = {"trouble": {"code": fault.status, "message": "Ordered by the test"}}
                self.send(fault.status, [("Content-Type", "application/json")], json.dumps(said).encode())
                return
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(SHUT_RDWR)

        def forwarded(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(str(upstream.hostname), upstream.port)
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

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    with serving(Handler) as port:
        front.url = f"http://127.0.0.1:{port}{upstream.path}"
        yield front
