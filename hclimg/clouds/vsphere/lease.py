"""Leases: the permission to send or fetch the files of one machine, which the server wants to hear of all the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from attrs import define, field

from hclimg.clouds.vsphere.client import Vcenter, identifier
from hclimg.clouds.vsphere.site import Site
from hclimg.errors import ApiError, TimedOut
from hclimg.sdk.context import Context
from hclimg.sdk.journal import Record

READY = 600.0  # seconds that a lease may take to be ready
TELL = 20.0  # seconds between two messages to the server that the transfer goes on


@define(eq=False)
class Lease:
    """Ready for transfers. In the journal until it ends; one that could not be ended ends by itself."""

    api: Vcenter
    ref: Any
    what: str
    _record: Record
    info: Any = None
    ended: bool = field(default=False, init=False)

    @classmethod
    def start(cls, ctx: Context, site: Site, what: str, name: str, request: Callable[[], Any]) -> Lease:
        """``what`` is "export" or "import". Raises ApiError when it is refused, TimedOut when it takes too long."""
        api = site.api
        record = ctx.journal.intend("vsphere/lease", **site.identity, name=name)
        try:
            ref = api.call(f"{what} {name}", request)
        except BaseException:
            record.gone()
            raise
        record.made(id=identifier(ref))
        lease = cls(api, ref, what, record)
        try:
            lease._wait(ctx)
        except BaseException:
            lease.abort()
            raise
        return lease

    def _wait(self, ctx: Context) -> None:
        deadline = time.monotonic() + READY
        while True:
            found = self.api.get(self.ref, "state", "error")
            state = str(found.get("state", ""))
            if state == "ready":
                break
            if state == "error":
                raise self.api.refusal(f"{self.what} the machine", found["error"])
            if time.monotonic() > deadline:
                raise TimedOut(f"The {self.what} did not become ready within 10 minutes.")
            ctx.sleep(0.5)
        self.info = self.api.get(self.ref, "info")["info"]

    @contextmanager
    def to_the_end(self) -> Iterator[None]:
        """The lease ends with the block: completed, or aborted when the block fails."""
        try:
            yield
            self.api.call(f"finish the {self.what}", lambda: self.ref.HttpNfcLeaseComplete())
            self._over()
        finally:
            self.abort()

    def abort(self) -> None:
        """End it when it has not ended yet. The machine of an import goes with it."""
        if self.ended:
            return
        try:
            self.api.call(f"end the {self.what}", lambda: self.ref.HttpNfcLeaseAbort())
        except ApiError:
            return
        finally:
            self._over()

    def _over(self) -> None:
        self.ended = True
        self._record.gone()

    def pulse(self) -> Pulse:
        """For the time of the transfers; nothing else may use the session meanwhile."""
        return Pulse(self.api, self.ref)


class Pulse:
    """Tells the server from time to time that the transfer goes on; a lease without news ends."""

    def __init__(self, api: Vcenter, lease: Any) -> None:
        self.percent = 0
        self._api, self._lease = api, lease
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(TELL):
            try:
                self._api.call("note the progress", lambda: self._lease.HttpNfcLeaseProgress(self.percent))
            except ApiError:
                continue  # the download tells when the lease is over
