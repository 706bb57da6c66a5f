"""Serves a directory, or texts from memory, to guests: GET and HEAD, with ranges. Imported only when it runs."""

from __future__ import annotations

import html
import io
import mimetypes
import os
import re
import socket
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote, unquote, urlsplit

from hclimg.sdk.context import Context

CHUNK = 256 * 1024
RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class FileServer(ThreadingHTTPServer):
    """Raises OSError when the address cannot be taken. Requests are told to the context, so that the user sees
    whether the installer came for its files.
    """

    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def __init__(self, host: str, port: int, directory: str, content: Mapping[str, str], ctx: Context) -> None:
        self.root = Path(directory).expanduser().resolve() if directory else None
        self.content = {f"/{path.lstrip('/')}": text.encode() for path, text in content.items()}
        self.ctx = ctx
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        super().__init__((host, port), _Handler)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: object, client_address: object) -> None:
        """A guest that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "hclimg"
    sys_version = ""
    timeout = 60

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        self._owner.ctx.output(f"HTTP {self.client_address[0]}: {format % args}")

    @property
    def _owner(self) -> FileServer:
        return cast("FileServer", self.server)

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        if self._owner.root is None:
            self._from_memory(path, body=body)
        else:
            self._from_disk(self._owner.root, path, body=body)

    def _from_memory(self, path: str, *, body: bool) -> None:
        data = self._owner.content.get(path)
        if data is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            self._send(io.BytesIO(data), len(data), path, body=body)

    def _from_disk(self, root: Path, path: str, *, body: bool) -> None:
        target = inside(root, path)
        if target is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        elif target.is_dir():
            self._directory(target, path, body=body)
        else:
            try:
                with target.open("rb") as file:
                    self._send(file, os.fstat(file.fileno()).st_size, target.name, body=body)
            except PermissionError:
                self.send_error(HTTPStatus.FORBIDDEN)

    def _directory(self, target: Path, path: str, *, body: bool) -> None:
        if not path.endswith("/"):
            self._redirect(f"{quote(path)}/")
            return
        index = target / "index.html"
        if index.is_file():
            with index.open("rb") as file:
                self._send(file, index.stat().st_size, index.name, body=body)
            return
        data = _listing(target).encode()
        self._send(io.BytesIO(data), len(data), "listing.html", body=body)

    def _redirect(self, to: str) -> None:
        self.send_response(HTTPStatus.MOVED_PERMANENTLY)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, file: BinaryIO, size: int, name: str, *, body: bool) -> None:
        start, end = 0, size
        wanted = self.headers.get("Range")
        if wanted:
            part = parse_range(wanted, size)
            if part is None:
                self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start, end = part
        whole = (start, end) == (0, size)
        self.send_response(HTTPStatus.OK if whole else HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Type", mimetypes.guess_type(name)[0] or "application/octet-stream")
        self.send_header("Content-Length", str(end - start))
        self.send_header("Accept-Ranges", "bytes")
        if not whole:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.end_headers()
        if body:
            self._copy(file, start, end)

    def _copy(self, file: BinaryIO, start: int, end: int) -> None:
        file.seek(start)
        left = end - start
        while left > 0 and (data := file.read(min(CHUNK, left))):
            self.wfile.write(data)
            left -= len(data)


def inside(root: Path, path: str) -> Path | None:
    """The file that a request means, or None when there is none, or when its path leads out of the directory.

    Links that the user put into the directory are followed.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or any("\0" in part for part in parts):
        return None
    target = root.joinpath(*parts)
    return target if target.exists() else None


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """The bytes ``start`` to ``end`` (not included) of a range header. Several ranges count as none: everything.

    None when the range lies outside of the file.
    """
    found = RANGE.fullmatch(header.strip())
    if found is None or found.groups() == ("", ""):
        return 0, size
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    start = int(first)
    end = min(int(last) + 1, size) if last else size
    return (start, end) if start < end else None


def _listing(directory: Path) -> str:
    names = sorted(f"{item.name}/" if item.is_dir() else item.name for item in directory.iterdir())
    return "<pre>\n" + "".join(f'<a href="{quote(n)}">{html.escape(n)}</a>\n' for n in names) + "</pre>\n"
