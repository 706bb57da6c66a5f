"""Bad days of AWS: a proxy in front of moto's server that fails calls in chosen ways.

Each fault is what a client of AWS sees: throttling and internal errors in the words of the service's protocol, and
connections that end without an answer, before the call had its effect (``cut``) or after it (``lost``).
"""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from attrs import define, evolve, field, frozen

from servers.forwarding import Forwarding
from servers.moto import Aws
from servers.web import serving

THROTTLE, ERROR, CUT, LOST = "throttle", "error", "cut", "lost"
MODES = (THROTTLE, ERROR, CUT, LOST)
INVOCATION = "amz-sdk-invocation-id"
"""The header that is equal for all tries of one call."""
CODES = {
    "ec2": {THROTTLE: (503, "RequestLimitExceeded"), ERROR: (500, "InternalError")},
    "s3": {THROTTLE: (503, "SlowDown"), ERROR: (500, "InternalError")},
    "": {THROTTLE: (400, "Throttling"), ERROR: (500, "InternalFailure")},
}


@frozen
class Asked:
    """One request. ``action`` is as in the API, ``DescribeImages``; for S3 it is ``PUT object``."""

    service: str
    action: str


@define
class Faults:
    """``first``: the faults that each call of the actions has before it comes through. ``always``: actions that never
    do, with the fault. ``calls`` counts the calls of each action, ``failed`` the faults.
    """

    url: str
    first: Callable[[Asked], tuple[str, ...]] = lambda _asked: ()
    always: dict[str, str] = field(factory=dict)
    calls: Counter[str] = field(factory=Counter)
    failed: Counter[str] = field(factory=Counter)
    _tries: defaultdict[str, int] = field(factory=lambda: defaultdict(int))
    _lock: threading.Lock = field(factory=threading.Lock)

    def fault(self, asked: Asked, invocation: str) -> str:
        """What goes wrong with this request; empty: nothing."""
        with self._lock:
            nth = self._tries[invocation]
            self._tries[invocation] += 1
            self.calls[asked.action] += nth == 0
            planned = self.first(asked)
            found = self.always.get(asked.action) or (planned[nth] if nth < len(planned) else "")
            self.failed[found] += bool(found)
            return found


def _asked(headers: Any, method: str, path: str, body: bytes) -> Asked:
    scope = headers.get("Authorization", "").partition("Credential=")[2].split("/")
    service = scope[3] if len(scope) > 3 else ""
    target = headers.get("X-Amz-Target", "")
    if target:
        return Asked(service, target.rpartition(".")[2])
    action = parse_qs(body.decode("latin-1")).get("Action", [""])[0]
    return Asked(service, action or f"{method} {'object' if path.strip('/').count('/') else 'bucket'}")


def _refusal(asked: Asked, fault: str, *, json_protocol: bool) -> tuple[int, str, bytes]:
    """Status, type and body."""
    status, code = CODES.get(asked.service, CODES[""])[fault]
    text = "Ordered by the test"
    if json_protocol:
        kind = {THROTTLE: "ThrottlingException", ERROR: "InternalServiceError"}[fault]
        return status, "application/x-amz-json-1.1", json.dumps({"__type": kind, "message": text}).encode()
    error = f"<Code>{code}</Code><Message>{text}</Message>"
    if asked.service == "ec2":
        body = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>r-1</RequestID></Response>"
    elif asked.service == "s3":
        body = f"<Error>{error}<RequestId>r-1</RequestId></Error>"
    else:
        body = f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error><RequestId>r-1</RequestId></ErrorResponse>"
    return status, "text/xml", body.encode()


@pytest.fixture
def faults(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Aws, Faults]]:
    """AWS through the proxy, and what goes wrong in it; the environment leads there."""
    found = Faults("")
    there = urlsplit(aws.url)

    class Handler(Forwarding):
        upstream = (str(there.hostname), there.port)

        def answer(self) -> None:
            body = self.body()
            asked = _asked(self.headers, self.command, self.path, body)
            fault = found.fault(asked, self.headers.get(INVOCATION, ""))
            if fault in (THROTTLE, ERROR):
                status, kind, text = _refusal(asked, fault, json_protocol="X-Amz-Target" in self.headers)
                self.send(status, [("Content-Type", kind)], text)
                return
            if fault == CUT:
                self.hang_up()
                return
            reply = self.forwarded(body)
            if fault == LOST:
                self.hang_up()
                return
            self.send(*reply)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    with serving(Handler) as at:
        found.url = f"http://127.0.0.1:{at}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
        through = evolve(aws)
        through.environment = {**aws.environment, "AWS_ENDPOINT_URL": found.url}
        yield through, found
