"""Asking web servers: proxies of the environment, time limits, reasons in plain words. Imported only when it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.client import HTTPException, IncompleteRead
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from hclimg.errors import ConnectionLost

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

    from hclimg.sdk.context import Context

Pool: TypeAlias = "urllib3.PoolManager | urllib3.ProxyManager"

CONNECT_TIMEOUT = 30.0
READ_TIMEOUT = 60.0  # seconds without a byte
MAX_REDIRECTS = 10


def connections(url: str) -> Pool:
    """Through the proxy that the environment names for this URL, if any."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT)
    if proxy and not proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy, timeout=timeout)
    return urllib3.PoolManager(timeout=timeout)


def request(
    ctx: Context,
    pool: Pool,
    url: str,
    headers: Mapping[str, str],
    *,
    method: str = "GET",
    body: bytes | None = None,
    redirects: int = MAX_REDIRECTS,
) -> BaseHTTPResponse:
    """Ask for something. Raises ConnectionLost when the server cannot be reached. The body is read by the caller.

    Raises Cancelled at once, also while the server is silent.
    """
    retries = urllib3.Retry(
        None, connect=0, read=0, status=0, other=0, redirect=redirects or False, raise_on_redirect=bool(redirects)
    )

    def ask() -> BaseHTTPResponse:
        return pool.request(
            method, url, headers={"Accept-Encoding": "identity", "User-Agent": "hclimg", **headers},
            body=body, preload_content=False, retries=retries, redirect=bool(redirects),
        )  # fmt: skip

    try:
        return _waited_for(ctx, ask)
    except urllib3.exceptions.HTTPError as error:
        ctx.cancel.check()
        raise ConnectionLost(f"The server cannot be reached ({reason(error)}).") from error


def _waited_for(ctx: Context, ask: Callable[[], BaseHTTPResponse]) -> BaseHTTPResponse:
    """The answer. Nothing wakes a thread that waits for a server to begin, so it waits on one that can be left."""
    answers: SimpleQueue[BaseHTTPResponse | BaseException | None] = SimpleQueue()

    def run() -> None:
        try:
            answers.put(ask())
        except BaseException as error:  # noqa: BLE001 - raised where the answer is waited for
            answers.put(error)

    with ctx.cancel.closing(lambda: answers.put(None)):
        ctx.cancel.check()
        Thread(target=run, name="request", daemon=True).start()
        found = answers.get()
    if isinstance(found, BaseException):
        raise found
    ctx.cancel.check()
    assert found is not None
    return found


def reason(error: BaseException) -> str:
    """The innermost cause in a few words."""
    while (inner := getattr(error, "reason", None)) and isinstance(inner, BaseException):
        error = inner
    if isinstance(error, urllib3.exceptions.ProtocolError) and isinstance(error.__cause__, HTTPException):
        error = error.__cause__
    if isinstance(error, IncompleteRead) and error.expected is not None:
        return f"{error.expected} bytes are missing"
    if isinstance(error.__cause__, OSError) and error.__cause__.strerror:
        return error.__cause__.strerror
    text = str(error).rpartition(": ")[2] if isinstance(error, OSError) or ">:" in str(error) else str(error)
    return text or type(error).__name__
