"""The build's HTTP server, asked by a plain HTTP client."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

import pytest

from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.http import HttpAddress, HttpConfig, http_server, interface_address
from hclimg.sdk.steps import close_scope
from servers.ports import HeldPort
from servers.recording import Recording


@pytest.fixture
def site(tmp_path: Path) -> Path:
    root = tmp_path / "site"
    (root / "sub dir").mkdir(parents=True)
    (root / "indexed").mkdir()
    (root / "preseed.cfg").write_bytes(bytes(range(256)) * 4)
    (root / "empty").write_bytes(b"")
    (root / "sub dir/ü.txt").write_text("umlaut")
    (root / "indexed/index.html").write_text("<p>hello")
    (tmp_path / "secret").write_text("secret")
    (root / "link").symlink_to(tmp_path / "secret")
    return root


def served(ctx: Context, **settings: object) -> HttpAddress:
    return http_server(ctx, HttpConfig(**{"http_bind_address": "127.0.0.1", **settings}))


def ask(at: HttpAddress, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", at.port, timeout=120)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, {k.lower(): v for k, v in response.getheaders()}, body


def test_files_of_a_directory(ctx: Context, site: Path) -> None:
    at = served(ctx, http_directory=str(site))
    data = (site / "preseed.cfg").read_bytes()
    status, headers, body = ask(at, "/preseed.cfg?x=1")
    assert (status, body) == (200, data)
    assert headers["content-length"] == "1024"
    assert ask(at, "/preseed.cfg", "HEAD")[1]["content-length"] == "1024"
    assert ask(at, "/preseed.cfg", "HEAD")[2] == b""
    assert ask(at, "/empty")[::2] == (200, b"")
    assert ask(at, "/sub%20dir/%C3%BC.txt")[::2] == (200, b"umlaut")
    assert ask(at, "/link")[::2] == (200, b"secret")
    assert ask(at, "/nothing")[0] == 404


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=1000-", (1000, 1024)),
        ("bytes=-24", (1000, 1024)),
        ("bytes=1000-5000", (1000, 1024)),
    ],
)
def test_ranges(ctx: Context, site: Path, wanted: str, part: tuple[int, int]) -> None:
    at = served(ctx, http_directory=str(site))
    status, headers, body = ask(at, "/preseed.cfg", Range=wanted)
    assert status == 206
    assert body == (site / "preseed.cfg").read_bytes()[slice(*part)]
    assert headers["content-range"] == f"bytes {part[0]}-{part[1] - 1}/1024"


def test_a_range_behind_the_end_is_refused_and_nonsense_is_ignored(ctx: Context, site: Path) -> None:
    at = served(ctx, http_directory=str(site))
    status, headers, _ = ask(at, "/preseed.cfg", Range="bytes=1024-")
    assert (status, headers["content-range"]) == (416, "bytes */1024")
    assert ask(at, "/preseed.cfg", Range="lines=1-2")[0] == 200
    assert ask(at, "/preseed.cfg", Range="bytes=0-1,5-6")[0] == 200


@pytest.mark.parametrize(
    "path", ["/../secret", "/%2e%2e/secret", "/sub%20dir/../../secret", "/..%2fsecret", "//../secret", "/x%00y"]
)
def test_nothing_outside_of_the_directory(ctx: Context, site: Path, path: str) -> None:
    at = served(ctx, http_directory=str(site))
    status, _, body = ask(at, path)
    assert status == 404
    assert b"secret" not in body


def test_directories_have_an_index(ctx: Context, site: Path) -> None:
    at = served(ctx, http_directory=str(site))
    status, headers, _ = ask(at, "/indexed")
    assert (status, headers["location"]) == (301, "/indexed/")
    assert ask(at, "/indexed/")[2] == b"<p>hello"
    assert b'<a href="sub%20dir/">sub dir/</a>' in ask(at, "/")[2]


def test_content_from_memory(ctx: Context) -> None:
    at = served(ctx, http_content={"/user-data": "ä", "/a/b": "nested"})
    assert ask(at, "/user-data")[2] == "ä".encode()
    assert ask(at, "/a/b", Range="bytes=1-2")[2] == b"es"
    assert ask(at, "/a")[0] == 404


def test_requests_are_shown(recording: Recording, site: Path) -> None:
    at = served(recording.ctx, http_directory=str(site))
    ask(at, "/preseed.cfg")
    assert any('"GET /preseed.cfg' in line and " 200 " in line for line in recording.output)


def test_it_takes_a_port_of_the_range_and_gives_it_back(ctx: Context, site: Path, held_port: HeldPort) -> None:
    free = held_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        low = taken.getsockname()[1]
        settings = {"http_directory": str(site), "http_port_min": low}
        with pytest.raises(BuildError, match=f"No port from {low} to {low} is free for the HTTP server"):
            served(ctx, **settings, http_port_max=low)
        assert low < served(ctx, **settings, http_port_max=low + 20).port <= low + 20
    for _ in range(2):
        assert served(ctx, http_directory=str(site), http_port_min=free, http_port_max=free).port == free
        assert close_scope(ctx) == []


def test_a_server_for_everybody_has_no_address_of_its_own(ctx: Context, site: Path) -> None:
    assert http_server(ctx, HttpConfig(http_directory=str(site), http_network_protocol="tcp4")).host == ""
    assert served(ctx, http_directory=str(site)).host == "127.0.0.1"


def test_the_address_of_an_interface(ctx: Context, site: Path) -> None:
    assert interface_address("lo") == "127.0.0.1"
    assert http_server(ctx, HttpConfig(http_directory=str(site), http_interface="lo")).host == "127.0.0.1"
    with pytest.raises(BuildError, match='"none7" has no IPv4 address'):
        interface_address("none7")
    with pytest.raises(BuildError, match=r"cannot listen on 192\.0\.2\.1"):
        served(ctx, http_directory=str(site), http_bind_address="192.0.2.1")
