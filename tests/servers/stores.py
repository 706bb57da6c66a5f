"""Vault's and Consul's key/value stores on loopback: the parts of their documented HTTP APIs that reading needs.

And AWS Secrets Manager, by moto's server.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from attrs import define, field

TOKEN = "t0ken"


@define
class Store:
    """``answers``: what a path under /v1 says. ``failing``: answer so many requests with status 500 first.
    ``asked``: the paths requested so far, with their headers.
    """

    port: int = 0
    answers: dict[str, Any] = field(factory=dict)
    failing: int = 0
    asked: list[tuple[str, dict[str, str]]] = field(factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


def _serve(store: Store, token_header: str, missing: Any) -> Iterator[Store]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

        def do_GET(self) -> None:
            store.asked.append((self.path, dict(self.headers)))
            if store.failing:
                store.failing -= 1
                self._answer(500, {"errors": ["internal error"]})
            elif self.headers[token_header] != TOKEN:
                self._answer(403, {"errors": ["permission denied"]})
            elif self.path.partition("?")[0] in store.answers:
                self._answer(200, store.answers[self.path.partition("?")[0]])
            else:
                self._answer(404, missing)

        def _answer(self, status: int, data: Any) -> None:
            body = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield store
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A Vault with both versions of the store."""
    store = Store()
    store.answers["/v1/secret/data/app"] = {"data": {"data": {"pw": "s3cr3t", "n": 1}, "metadata": {"version": 2}}}
    store.answers["/v1/secret/data/deleted"] = {"data": {"data": None, "metadata": {"deletion_time": "x"}}}
    store.answers["/v1/kv1/app"] = {"data": {"pw": "0ld"}}
    for found in _serve(store, "X-Vault-Token", {"errors": []}):
        monkeypatch.setenv("VAULT_ADDR", f"http://{found.address}")
        monkeypatch.setenv("VAULT_TOKEN", TOKEN)
        yield found


@pytest.fixture
def consul(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A Consul with some keys."""
    store = Store()
    for key, value in (("app/color", "gr\u00fcn"), ("empty", ""), ("with%20space", "yes")):
        coded = base64.b64encode(value.encode()).decode() or None
        store.answers[f"/v1/kv/{key}"] = [{"Key": key, "Flags": 0, "Value": coded}]
    for found in _serve(store, "X-Consul-Token", None):
        monkeypatch.setenv("CONSUL_HTTP_ADDR", found.address)
        monkeypatch.setenv("CONSUL_HTTP_TOKEN", TOKEN)
        yield found


@pytest.fixture
def secrets_manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """AWS Secrets Manager, empty; gives a client of it."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("secretsmanager", region_name="eu-central-1")
    yield client
    client.close()
    server.stop()
