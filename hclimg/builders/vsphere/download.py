"""Downloads of a lease: one that breaks goes on where it was when the server can begin in the middle, and begins again
when it cannot.
"""

from __future__ import annotations

import hashlib
import http.client
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from hclimg.clouds.vsphere.client import Vcenter, trust
from hclimg.clouds.vsphere.files import shut
from hclimg.errors import ApiError, BuildError, ConnectionLost
from hclimg.sdk.context import Context
from hclimg.sdk.disk import disk_space

CHUNK = 1 << 18
TIMEOUT = 120.0  # seconds without a byte
ATTEMPTS = 10  # downloads that brought nothing new, in a row
PAUSE = 0.5  # seconds before another attempt, doubled each time


@frozen
class Part:
    """A file of the lease, and where it goes."""

    key: str
    url: str
    target: Path
    disk: bool


@frozen
class Fetched:
    part: Part
    size: int
    sha1: str
    digest: str


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Inside, what the system says about the file is an error for the user."""
    try:
        with disk_space(path):
            yield
    except OSError as error:
        hint = "Set another output_directory in export."
        raise BuildError(f"{path} cannot be written: {error.strerror or error}.", hint=hint) from error


def fetch(ctx: Context, api: Vcenter, part: Part, algorithm: str, total: int) -> Fetched:
    """Download a file whole. Memory stays flat. Raises ConnectionLost when no attempt brings anything new."""
    state = _Download(part, algorithm)
    pause, failures = PAUSE, 0
    with writing(part.target), part.target.open("wb") as target:
        while True:
            before = state.done
            try:
                _attempt(ctx, api, state, target, total)
                break
            except ConnectionLost as error:
                failures = 0 if state.done > before else failures + 1
                if failures >= ATTEMPTS:
                    raise
                ctx.warn(f"{error.message} Trying again.")
                pause = PAUSE if state.done > before else pause * 2
                ctx.sleep(pause)
        os.fsync(target.fileno())
    digest = state.chosen.hexdigest() if state.chosen else ""
    return Fetched(part, state.done, state.sha1.hexdigest(), digest)


class _Download:
    def __init__(self, part: Part, algorithm: str) -> None:
        self.part = part
        self._algorithm = algorithm
        self.restart()

    def restart(self) -> None:
        self.done = 0
        self.sha1 = hashlib.sha1(usedforsecurity=False)
        self.chosen = hashlib.new(self._algorithm, usedforsecurity=False) if self._algorithm else None

    def take(self, data: bytes) -> None:
        self.done += len(data)
        self.sha1.update(data)
        if self.chosen:
            self.chosen.update(data)


def _attempt(ctx: Context, api: Vcenter, state: _Download, target: Any, total: int) -> None:
    url = urlsplit(state.part.url)
    name = state.part.target.name
    connection = http.client.HTTPSConnection(url.netloc, timeout=TIMEOUT, context=trust(api.endpoint))
    headers = {"Cookie": api.cookie, **({"Range": f"bytes={state.done}-"} if state.done else {})}
    try:
        with ctx.cancel.closing(lambda: shut(connection)):
            ctx.cancel.check()
            connection.request("GET", url.path + (f"?{url.query}" if url.query else ""), headers=headers)
            answer = connection.getresponse()
            if answer.status not in (200, 206):
                raise ApiError(f"{url.netloc} refused the download of {name}: {answer.status} {answer.reason}.")
            if answer.status == 200 and state.done:
                ctx.say(f"{url.netloc} cannot go on in the middle; {name} is downloaded again.")
                target.seek(0)
                target.truncate()
                state.restart()
            while data := answer.read(CHUNK):
                target.write(data)
                state.take(data)
                ctx.progress(f"downloading {name}", state.done, total)
            if answer.length:
                raise http.client.IncompleteRead(b"", answer.length)
    except http.client.HTTPException as error:
        raise _lost(ctx, name, error) from error
    except OSError as error:
        if isinstance(error, ConnectionError | TimeoutError) or error.errno is None or _is_tls(error):
            raise _lost(ctx, name, error) from error
        raise
    finally:
        connection.close()


def _is_tls(error: OSError) -> bool:
    import ssl

    return isinstance(error, ssl.SSLError)


def _lost(ctx: Context, name: str, error: BaseException) -> ConnectionLost:
    ctx.cancel.check()
    reason = getattr(error, "strerror", None) or type(error).__name__
    return ConnectionLost(f"The download of {name} broke ({reason}).")
