"""Data source ``http``, against a real server on loopback."""

from __future__ import annotations

import gzip
import socket
import threading
from typing import Any

import pytest

from hclimg.datasources.http import HttpDataConfig, HttpDataSource
from hclimg.datasources.http_answer import MAX_BODY
from hclimg.errors import BuildError, Cancelled, ConnectionLost
from hclimg.events import ApiRetrying
from hclimg.sdk.context import Context
from hclimg.sdk.testing import component, decoded
from servers.answering import Answering, Reply
from servers.ports import HeldPort
from servers.recording import Recording


def read(ctx: Context, url: str, more: str = "") -> dict[str, Any]:
    return component(HttpDataSource, f'url = "{url}"\n{more}').read(ctx)


def failure(ctx: Context, url: str, more: str = "") -> BuildError:
    with pytest.raises(BuildError) as caught:
        read(ctx, url, more)
    return caught.value


# -- settings -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('url = "ftp://x/y"', '1: Invalid URL; "ftp://x/y" is not a URL of the form http://… or https://….'),
        ('url = "http://"', '1: Invalid URL; "http://" is not a URL of the form http://… or https://….'),
        ('url = "x://u:pw@h/"', '1: Invalid URL; "x://h/" is not a URL of the form http://… or https://….'),
        (
            'url = "http://x"\nmethod = "GTE"',
            '2: Invalid method; "GTE" is not a method that can be used. Did you mean "GET"?',
        ),
        (
            'url = "http://x"\nrequest_headers = { "a b" = "c" }',
            '2: Invalid header; "a b" cannot be the name of a header.',
        ),
        (
            'url = "http://x"\nrequest_headers = { a = "b\\nc: d" }',
            '2: Invalid header; The header "a" must be one line.',
        ),
    ],
)
def test_wrong_settings(text: str, problem: str) -> None:
    assert decoded(HttpDataConfig, text) == (None, [problem])


def test_what_is_not_known_yet_is_not_wrong() -> None:
    assert decoded(HttpDataConfig, "url = later\nmethod = later\nrequest_headers = later")[1] == []


def test_the_summary_shows_no_password() -> None:
    text = 'url = "https://me:pw@example.org/x"\nmethod = ""'
    assert component(HttpDataSource, text).summary() == "GET https://example.org/x"


# -- answers --------------------------------------------------------------------


def test_an_answer(ctx: Context, answering: Answering) -> None:
    headers = (("content-type", "application/json"), ("X-one", "1"), ("X-One", "2"))
    answering.replies["/a"] = [Reply(201, b'{"name": "\xc3\xa9"}', headers)]
    found = read(ctx, answering.url("/a"), 'request_headers = { Accept = "text/json" }')
    assert found["url"] == answering.url("/a")
    assert found["status_code"] == 201
    assert found["body"] == '{"name": "é"}'
    assert found["response_headers"]["Content-Type"] == "application/json"
    assert found["response_headers"]["X-One"] == "1, 2"
    assert found["request_headers"] == found["response_headers"]
    (asked,) = answering.asked
    assert (asked.method, asked.path, asked.body) == ("GET", "/a", b"")
    assert asked.headers["accept"] == "text/json"


def test_a_body_is_sent_with_the_method(ctx: Context, answering: Answering) -> None:
    answering.replies["/q"] = [Reply(body=b"done")]
    found = read(ctx, answering.url("/q"), 'method = "PATCH"\nrequest_body = "ünd"')
    assert found["body"] == "done"
    assert (answering.asked[0].method, answering.asked[0].body) == ("PATCH", "ünd".encode())


def test_head_has_no_body(ctx: Context, answering: Answering) -> None:
    answering.replies["/h"] = [Reply(body=b"never sent")]
    found = read(ctx, answering.url("/h"), 'method = "HEAD"')
    assert (found["body"], found["response_headers"]["Content-Length"]) == ("", "10")


def test_user_and_password_in_the_url_are_sent(ctx: Context, answering: Answering) -> None:
    answering.replies["/p"] = [Reply(body=b"in")]
    assert read(ctx, answering.url("/p", user="me:p%40w"))["body"] == "in"
    assert answering.asked[0].headers["authorization"] == "Basic bWU6cEB3"


def test_compressed_answers_are_unpacked(ctx: Context, answering: Answering) -> None:
    answering.replies["/z"] = [Reply(body=gzip.compress(b"unpacked"), headers=(("Content-Encoding", "gzip"),))]
    assert read(ctx, answering.url("/z"))["body"] == "unpacked"


def test_character_sets(ctx: Context, answering: Answering) -> None:
    latin = (("Content-Type", "text/plain; charset=ISO-8859-1"),)
    strange = (("Content-Type", 'text/plain; charset="no-such-set"'),)
    answering.replies["/latin"] = [Reply(body=b"\xe9", headers=latin)]
    answering.replies["/strange"] = [Reply(body="é".encode(), headers=strange)]
    assert read(ctx, answering.url("/latin"))["body"] == "é"
    assert read(ctx, answering.url("/strange"))["body"] == "é"


# -- redirections -----------------------------------------------------------------


@pytest.mark.parametrize(("status", "method", "body"), [(301, "GET", b""), (303, "GET", b""), (307, "POST", b"hi")])
def test_redirections(ctx: Context, answering: Answering, status: int, method: str, body: bytes) -> None:
    answering.replies["/old"] = [Reply(status, headers=(("Location", "/new"),))]
    answering.replies["/new"] = [Reply(body=b"here")]
    found = read(ctx, answering.url("/old"), 'method = "POST"\nrequest_body = "hi"')
    assert found["body"] == "here"
    assert [(a.method, a.path, a.body) for a in answering.asked] == [("POST", "/old", b"hi"), (method, "/new", body)]


def test_another_host_is_told_no_secrets(ctx: Context, answering: Answering) -> None:
    answering.replies["/old"] = [Reply(302, headers=(("Location", answering.url("/new", host="localhost")),))]
    answering.replies["/new"] = [Reply(body=b"here")]
    read(ctx, answering.url("/old"), 'request_headers = { Authorization = "Bearer x", X-Mine = "y" }')
    first, second = answering.asked
    assert first.headers["authorization"] == "Bearer x"
    assert "authorization" not in second.headers
    assert second.headers["x-mine"] == "y"


def test_redirections_end(ctx: Context, answering: Answering) -> None:
    answering.replies["/round"] = [Reply(302, headers=(("Location", "/round"),))]
    assert "after 10 redirections" in failure(ctx, answering.url("/round")).message
    assert len(answering.asked) == 11
    answering.replies["/out"] = [Reply(302, headers=(("Location", "file:///etc/passwd"),))]
    assert "redirects to file:///etc/passwd, which cannot be asked" in failure(ctx, answering.url("/out")).message


# -- failures ---------------------------------------------------------------------


def test_refusals_say_what_to_do(ctx: Context, answering: Answering) -> None:
    answering.replies["/no"] = [Reply(401)]
    error = failure(ctx, answering.url("/no", user="me:pw"))
    assert error.message == f"{answering.url('/no')}: the server answered 401 Unauthorized."
    assert "Authorization" in error.hint
    assert "check the URL" in failure(ctx, answering.url("/missing")).hint
    answering.replies["/broken"] = [Reply(503)]
    assert "later" in failure(ctx, answering.url("/broken")).hint
    assert len(answering.asked) == 3, "what a server says is not asked again"


def test_what_is_not_text_is_refused(ctx: Context, answering: Answering) -> None:
    kind = (("Content-Type", "application/gzip"),)
    answering.replies["/bin"] = [Reply(body=b"\x1f\x8b\xff\xff", headers=kind)]
    answering.replies["/nul"] = [Reply(body=b"a\0b", headers=())]
    error = failure(ctx, answering.url("/bin"))
    assert error.message.endswith("/bin: the answer is not text (its type is application/gzip).")
    assert "provisioner" in error.hint
    assert failure(ctx, answering.url("/nul")).message.endswith("/nul: the answer is not text.")


def test_endless_answers_are_cut_off(ctx: Context, answering: Answering) -> None:
    answering.replies["/big"] = [Reply(body=b"x" * (MAX_BODY + 1))]
    assert "longer than 64.0 MiB" in failure(ctx, answering.url("/big")).message


def test_nobody_there(ctx: Context, held_port: HeldPort) -> None:
    error = failure(ctx, f"http://127.0.0.1:{held_port()}/x")
    assert "cannot be reached (Connection refused)" in error.message
    assert "http_proxy" in error.hint


def test_broken_connections_are_tried_again(recording: Recording, answering: Answering) -> None:
    answering.replies["/a"] = [Reply(body=b"whole answer", cut=3), Reply(body=b"whole answer")]
    assert read(recording.ctx, answering.url("/a"))["body"] == "whole answer"
    (told,) = recording.of(ApiRetrying)
    assert "the connection broke (9 bytes are missing)." in told.error


def test_a_silent_server_can_be_left(ctx: Context) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        timer = threading.Timer(0.2, ctx.cancel.cancel)
        timer.start()
        with pytest.raises(Cancelled):
            read(ctx, f"http://127.0.0.1:{silent.getsockname()[1]}/")
        timer.join()


def test_what_changes_something_is_not_sent_twice(ctx: Context, answering: Answering) -> None:
    answering.replies["/a"] = [Reply(body=b"whole answer", cut=3)]
    with pytest.raises(ConnectionLost, match="the connection broke"):
        read(ctx, answering.url("/a"), 'method = "POST"')
    assert len(answering.asked) == 1
