"""An HTTP server that answers what a test says, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from attrs import define, field, frozen

from servers.web import serving


@frozen
class Reply:
    """``cut`` breaks the connection after so many bytes of the body; ``headers`` may repeat a name."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/plain"),)
    cut: int | None = None


@frozen
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@define
class Answering:
    """``replies`` by path: the last one of each stays."""

    replies: dict[str, list[Reply]] = field(factory=dict)
    asked: list[Asked] = field(factory=list)
    port: int = 0

    def url(self, path: str, *, host: str = "127.0.0.1", user: str = "") -> str:
        return f"http://{f'{user}@' if user else ''}{host}:{self.port}{path}"

    def reply(self, path: str) -> Reply:
        found = self.replies.get(path, [Reply(404)])
        return found.pop(0) if len(found) > 1 else found[0]


@pytest.fixture
def answering() -> Iterator[Answering]:
    found = Answering()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.asked.append(Asked(self.command, self.path, headers, body))
            self.send(found.reply(self.path))

        def send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body[: reply.cut])
            if reply.cut is not None:
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(1)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = answer

    with serving(Handler) as found.port:
        yield found
