"""A proxy in front of one service of OpenStack that answers chosen requests as a service in trouble does."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from attrs import define, field, frozen

from servers.forwarding import Forwarding
from servers.web import serving

HANG_UP = 0


@frozen(kw_only=True)
class Fault:
    """One request gets ``status`` as its answer, or none for ``HANG_UP``; ``done`` says whether the service was asked
    all the same. ``asked`` matches its method, path and body: ``POST .*/servers ``.
    """

    asked: str
    status: int
    done: bool


@define
class Front:
    """``url`` is where the service is reached through it; ``faults`` are used up, each by the first request it fits."""

    url: str
    faults: list[Fault] = field(factory=list)
    _lock: threading.Lock = field(factory=threading.Lock)

    def fault(self, asked: str) -> Fault | None:
        with self._lock:
            found = next((it for it in self.faults if re.match(it.asked, asked)), None)
            if found:
                self.faults.remove(found)
            return found


@contextmanager
def troubled(service: str) -> Iterator[Front]:
    """In front of the service at this URL, until the end of the block."""
    there = urlsplit(service)
    front = Front("")

    class Handler(Forwarding):
        upstream = (str(there.hostname), there.port)

        def answer(self) -> None:
            body = self.body()
            fault = front.fault(f"{self.command} {urlsplit(self.path).path} {body.decode('latin-1')}")
            if fault is None:
                self.send(*self.forwarded(body))
                return
            if fault.done:
                self.forwarded(body)
            if fault.status == HANG_UP:
                self.hang_up()
                return
            said = {"trouble": {"code": fault.status, "message": "Ordered by the test"}}
            self.send(fault.status, [("Content-Type", "application/json")], json.dumps(said).encode())

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    with serving(Handler) as port:
        front.url = f"http://127.0.0.1:{port}{there.path}"
        yield front
