"""The smallest object storage that Alibaba Cloud's SDK can upload to: buckets, objects, uploads in parts.

It looks at who signed a request, not at the signature.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from attrs import define, field


@define
class ObjectStorage:
    """``buckets``: objects by bucket and key; ``uploads``: parts of those under way; ``refuse``: a code for parts."""

    key: str
    port: int = 0
    buckets: dict[str, dict[str, bytes]] = field(factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(factory=dict)
    refuse: str = ""
    asked: list[str] = field(factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, path: str, authorization: str, body: bytes) -> tuple[int, str, dict[str, str]]:
        """Status, text, headers."""
        parts = urlsplit(path)
        query = parse_qs(parts.query, keep_blank_values=True)
        _, bucket, key = (unquote(parts.path) + "/").split("/", 2)
        key = key.rstrip("/")
        self.asked.append(f"{method} {bucket}/{key}")
        if f"Credential={self.key}/" not in authorization:
            return _error(403, "InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist.")
        if method == "PUT" and not key:
            self.buckets[bucket] = {}
            return 200, "", {}
        if bucket not in self.buckets:
            return _error(404, "NoSuchBucket", "The specified bucket does not exist.")
        return self._bucket(query) if not key else self._object(method, bucket, key, query, body)

    def _bucket(self, query: dict[str, list[str]]) -> tuple[int, str, dict[str, str]]:
        if "uploads" in query:
            rows = "".join(
                f"<Upload><Key>{name}</Key><UploadId>{name}</UploadId></Upload>"
                for name in self.uploads
                if name.startswith(query.get("prefix", [""])[0])
            )
            return 200, f"<ListMultipartUploadsResult>{rows}</ListMultipartUploadsResult>", {}
        return 200, "<AccessControlPolicy><Owner><ID>1</ID></Owner></AccessControlPolicy>", {}

    def _object(
        self, method: str, bucket: str, key: str, query: dict[str, list[str]], body: bytes
    ) -> tuple[int, str, dict[str, str]]:
        if method == "POST" and "uploads" in query:
            self.uploads[key] = {}
            text = f"<InitiateMultipartUploadResult><UploadId>{key}</UploadId></InitiateMultipartUploadResult>"
            return 200, text, {}
        if method == "PUT" and self.refuse:
            return _error(403, self.refuse, "No.")
        if method == "PUT":
            self.uploads[query["uploadId"][0]][int(query["partNumber"][0])] = body
            return 200, "", {"ETag": f'"{md5(body).hexdigest()}"'}
        if method == "POST":
            parts = self.uploads.pop(key)
            assert re.findall(r"<PartNumber>(\d+)</PartNumber>", body.decode()) == [
                str(number) for number in sorted(parts)
            ]
            self.buckets[bucket][key] = b"".join(data for _, data in sorted(parts.items()))
            return 200, "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>", {}
        removed = self.uploads if "uploadId" in query else self.buckets[bucket]
        removed.pop(key, None)
        return 204, "", {}

    @contextmanager
    def listening(self) -> Iterator[int]:
        storage = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

            def do(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, text, more = storage.answer(self.command, self.path, self.headers["Authorization"], body)
                data = text.encode()
                self.send_response(status)
                for name, value in {**more, "x-oss-request-id": "REQ1", "Content-Type": "application/xml"}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_POST = do_DELETE = do

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _error(status: int, code: str, message: str) -> tuple[int, str, dict[str, str]]:
    text = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>REQ1</RequestId></Error>"
    return status, text, {}


@pytest.fixture
def object_storage() -> Iterator[ObjectStorage]:
    from servers.alicloud_ecs.simulator import ACCESS_KEY

    storage = ObjectStorage(ACCESS_KEY)
    with storage.listening() as storage.port:
        yield storage
