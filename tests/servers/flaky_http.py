"""An HTTP server for downloads whose bad days can be ordered: cutting off, changing the file, refusing."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from attrs import define, field

from servers.web import serving


@define
class Site:
    """``files`` by path. ``cut``: break the connection after so many bytes of a body, once for each entry.
    ``slow``: seconds between two pieces of a body. ``asked``: what was requested, with its range.
    """

    files: dict[str, bytes] = field(factory=dict)
    etag: str = '"v1"'
    cut: list[int] = field(factory=list)
    redirects: dict[str, str] = field(factory=dict)
    slow: float = 0.0
    asked: list[tuple[str, str]] = field(factory=list)
    port: int = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def remote() -> Iterator[Site]:
    found = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            found.asked.append((self.path, wanted))
            if self.path in found.redirects:
                self._head(302, 0, Location=found.redirects[self.path])
                return
            data = found.files.get(self.path.partition("?")[0])
            if data is None:
                self._head(404, 0)
            elif self.headers.get("If-None-Match") == found.etag:
                self._head(304, 0)
            else:
                self._send(data, wanted)

        def _send(self, data: bytes, wanted: str) -> None:
            start = re.fullmatch(r"bytes=(\d+)-", wanted)
            if start and self.headers.get("If-Range") == found.etag:
                at = int(start[1])
                if at >= len(data):
                    self._head(416, 0)
                    return
                self._head(206, len(data) - at, **{"Content-Range": f"bytes {at}-{len(data) - 1}/{len(data)}"})
                self._body(data[at:])
            else:
                self._head(200, len(data))
                self._body(data)

        def _head(self, status: int, length: int, **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.send_header("ETag", found.etag)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def _body(self, data: bytes) -> None:
            stop = found.cut.pop(0) if found.cut else len(data)
            for at in range(0, min(stop, len(data)), 4096):
                self.wfile.write(data[at : min(at + 4096, stop)])
                if found.slow:
                    self.wfile.flush()
                    time.sleep(found.slow)
            if stop < len(data):
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(1)

    with serving(Handler) as found.port:
        yield found
