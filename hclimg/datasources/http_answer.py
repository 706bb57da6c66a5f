"""One question to a web server and its answer as text: redirections, time limits, sizes, character sets."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import urllib3
from attrs import evolve, frozen

from hclimg.errors import BuildError, ConnectionLost
from hclimg.sdk.context import Context
from hclimg.sdk.retry import RetryPolicy
from hclimg.sdk.web import MAX_REDIRECTS, connections, reason, request
from hclimg.units import show_size

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

MAX_BODY = 64 << 20
TRIES = RetryPolicy(attempts=3, delay=1.0, retry_on=(ConnectionLost,))
NOT_CONNECTED = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.SSLError,
    urllib3.exceptions.ProxyError,
)
"""Trying again at once would not help."""
REPEATABLE = ("GET", "HEAD", "OPTIONS")
KEEPS_METHOD = (307, 308)
REDIRECTIONS = (301, 302, 303, *KEEPS_METHOD)
SECRET_HEADERS = frozenset(("authorization", "cookie", "www-authenticate", "proxy-authorization"))
_BODY_HEADERS = frozenset(("content-type", "content-length", "content-encoding", "content-language"))


@frozen
class Question:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@frozen
class Answer:
    status: int
    headers: dict[str, str]
    text: str


def ask(ctx: Context, question: Question) -> Answer:
    """The answer of the server. Raises BuildError when there is none, or one that is no text."""
    if question.method not in REPEATABLE:
        return _ask(ctx, question)
    return ctx.retry(TRIES, lambda: _ask(ctx, question))


def _ask(ctx: Context, question: Question) -> Answer:
    for _ in range(MAX_REDIRECTS + 1):
        answer = _answer(ctx, question)
        if isinstance(answer, Answer):
            return answer
        question = answer
    raise BuildError(f"{_shown(question.url)}: after {MAX_REDIRECTS} redirections there is still no answer.")


def _answer(ctx: Context, question: Question) -> Answer | Question:
    """The answer, or what to ask instead."""
    shown = _shown(question.url)
    try:
        response = _send(ctx, question)
    except ConnectionLost as error:
        kind = BuildError if isinstance(getattr(error.__cause__, "reason", None), NOT_CONNECTED) else ConnectionLost
        raise kind(f"{shown}: {error.message}", hint=_connection_hint(error)) from error
    with ctx.cancel.closing(response.shutdown):
        try:
            location = response.headers.get("Location")
            if response.status in REDIRECTIONS and location:
                return _redirected(question, response.status, location)
            if not 200 <= response.status < 300:
                raise _refused(shown, response)
            data = _read(ctx, shown, response)
        finally:
            response.release_conn()
    return Answer(response.status, _headers(response), _text(shown, data, response.headers.get("Content-Type", "")))


def _send(ctx: Context, question: Question) -> BaseHTTPResponse:
    parts = urlsplit(question.url)
    user, at, host = parts.netloc.rpartition("@")
    url = urlunsplit(parts._replace(netloc=host, fragment="")) if at else question.url
    headers = dict(question.headers)
    if at and "authorization" not in {name.lower() for name in headers}:
        headers |= urllib3.make_headers(basic_auth=unquote(user))
    body = question.body or None
    return request(ctx, connections(url), url, headers, method=question.method, body=body, redirects=0)


def _redirected(question: Question, status: int, location: str) -> Question:
    """As browsers and Go do it: all but 307 and 308 turn into GET; another host is not told what is secret."""
    url = urljoin(question.url, location)
    if urlsplit(url).scheme not in ("http", "https"):
        raise BuildError(f"{_shown(question.url)} redirects to {_shown(url)}, which cannot be asked.")
    headers = question.headers
    if urlsplit(url).hostname != urlsplit(question.url).hostname:
        headers = {name: value for name, value in headers.items() if name.lower() not in SECRET_HEADERS}
    if status in KEEPS_METHOD or question.method in ("GET", "HEAD"):
        return evolve(question, url=url, headers=headers)
    headers = {name: value for name, value in headers.items() if name.lower() not in _BODY_HEADERS}
    return Question("GET", url, headers, b"")


def _read(ctx: Context, shown: str, response: BaseHTTPResponse) -> bytes:
    found = bytearray()
    try:
        for chunk in response.stream(1 << 16, decode_content=True):
            found += chunk
            if len(found) > MAX_BODY:
                hint = "A data source is for texts. Let a provisioner or shell-local fetch large files."
                raise BuildError(f"{shown}: the answer is longer than {show_size(MAX_BODY)}.", hint=hint)
    except (urllib3.exceptions.HTTPError, ConnectionError, TimeoutError) as error:
        ctx.cancel.check()
        raise ConnectionLost(f"{shown}: the connection broke ({reason(error)}).") from error
    ctx.cancel.check()
    return bytes(found)


def _headers(response: BaseHTTPResponse) -> dict[str, str]:
    """By their names as Go writes them: ``Content-Type``."""
    found: dict[str, str] = {}
    for name, value in response.headers.items():
        canonical = "-".join(part.capitalize() for part in name.split("-"))
        found[canonical] = f"{found[canonical]}, {value}" if canonical in found else value
    return found


def _text(shown: str, data: bytes, content_type: str) -> str:
    kind, charset = _content_type(content_type)
    try:
        text = data.decode(charset or "utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" not in text:
        return text
    what = f" (its type is {kind})" if kind else ""
    hint = "A data source gives texts. Let a provisioner or shell-local fetch files that are none."
    raise BuildError(f"{shown}: the answer is not text{what}.", hint=hint)


def _content_type(header: str) -> tuple[str, str]:
    """The type in it, and the character set when it is one that is known."""
    kind, *parameters = header.split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            try:
                return kind.strip(), codecs.lookup(value.strip().strip("\"'")).name
            except LookupError:
                break
    return kind.strip(), ""


def _refused(shown: str, response: BaseHTTPResponse) -> BuildError:
    answered = f"{response.status} {response.reason or ''}".strip()
    hints = {
        401: "The server wants to know who asks: set an Authorization header in request_headers.",
        403: "The server does not let you see this; check the credentials in request_headers.",
        404: "There is nothing at this address; check the URL.",
        407: "The proxy wants to know who asks: put user and password into the URL of the proxy.",
        429: "The server was asked too often; wait a while.",
    }
    hint = hints.get(
        response.status, "The fault is with the server; try again later." if response.status >= 500 else ""
    )
    return BuildError(f"{shown}: the server answered {answered}.", hint=hint)


def _connection_hint(error: ConnectionLost) -> str:
    text = str(error).lower()
    if "certificate" in text:
        return "The certificate of the server is not trusted; SSL_CERT_FILE can name a file with those that are."
    if "name or service" in text or "resolve" in text:
        return "Check the name of the host in the URL, and the network of this machine."
    return "Check the URL, the network of this machine, and http_proxy, https_proxy and no_proxy in the environment."


def _shown(url: str) -> str:
    """The URL without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
