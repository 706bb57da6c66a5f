"""A WinRM service that may not be up yet: waits for it, runs commands there, and says what is wrong.

There is no connection that lasts; what lasts is the knowledge of where and who.
"""

from __future__ import annotations

import re
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from os import strerror
from typing import Any

from attrs import define, field

from hclimg.communicators.winrm_http import Line, WinrmEndpoint, open_line
from hclimg.communicators.winrm_shell import LateError, RemoteCommand, start
from hclimg.communicators.winrm_trouble import Kind, SilenceError, Trouble, TroubleError
from hclimg.errors import BuildError, ConnectionLost, TimedOut
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.machine import ByteSink
from hclimg.units import show_duration

PAUSE = 5.0  # seconds between attempts
ATTEMPTS = 8  # refused logins: a machine that sets itself up may know its password a little later
DIAL = 5.0  # seconds for a TCP connection while waiting
_FAREWELL = 5  # seconds for each question to a machine on which a command is cancelled
_UNSPEAKABLE = re.compile("[^\\t\\n\\r\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # in no XML
_READY = "hclimg is connected"


@define(eq=False)
class WinrmSession:
    """Any number of commands may run at a time. ``tell`` is told what keeps us waiting."""

    end: WinrmEndpoint
    cancel: CancelToken
    tell: Callable[[str], None] = lambda _text: None
    _lines: set[Line] = field(factory=set)

    @property
    def where(self) -> str:
        return self.end.where

    # -- waiting ----------------------------------------------------------------------

    def connect(self, timeout: timedelta) -> None:
        """Wait until a command runs there. Raises TimedOut, BuildError, Cancelled."""
        deadline = time.monotonic() + timeout.total_seconds()
        refused, reason = 0, ""
        while True:
            self.cancel.check()
            found = self._attempt(deadline)
            if found is None:
                return
            refused = refused + 1 if found.kind is Kind.REFUSED else 0
            if found.final or refused >= ATTEMPTS:
                raise BuildError(f"Cannot log in to WinRM at {self.where}: {found.reason}.", hint=found.hint)
            if found.reason != reason:
                reason = found.reason
                away = found.kind is Kind.AWAY
                self.tell(f"Not yet: {reason}" if away else f"WinRM answers, but {reason}; trying again")
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._timed_out(timeout, found)
            self.cancel.sleep(min(PAUSE, left))

    def _attempt(self, deadline: float) -> Trouble | None:
        """What keeps a command from running there; None when one ran."""
        lines: list[str] = []
        try:
            if not self.end.proxy:
                _dial(self.end.host, self.end.port, self.cancel)
            status = self.run(f"echo {_READY}", lambda _stream, data: lines.append(data.decode("latin-1")), deadline)
        except OSError as error:
            return Trouble(Kind.AWAY, (error.strerror or str(error)).lower())
        except TroubleError as error:
            return error.trouble
        except LateError:
            return Trouble(Kind.AWAY, "a command that only says hello did not end")
        if status or _READY not in "".join(lines):
            return Trouble(Kind.AWAY, f"a command that only says hello ended with exit code {status}")
        return None

    def _timed_out(self, timeout: timedelta, last: Trouble) -> TimedOut:
        hint = last.hint or (
            "Does its firewall let WinRM through, and does the machine set WinRM up when it starts? winrm_host, "
            "winrm_port and winrm_use_ssl say where it is looked for."
        )
        return TimedOut(
            f"WinRM at {self.where} did not answer within {show_duration(timeout)}: {last.reason}.", hint=hint
        )

    # -- commands ---------------------------------------------------------------------

    def run(
        self,
        command: str,
        received: ByteSink,
        deadline: float | None = None,
        stdin: Iterable[bytes] | None = None,
        *,
        joins: bool = True,
    ) -> int:
        """The exit code. ``stdin`` comes in blocks of at most BLOCK bytes; ``joins``: nobody reads it any more when
        this returns. Raises TroubleError when nothing was started, ConnectionLost when the machine went away while the
        command ran, LateError, Cancelled.
        """
        if found := _UNSPEAKABLE.search(command):
            raise BuildError(f"WinRM cannot carry the character {found[0]!a} of a command.")
        with self._watched() as line:
            remote = self._start(line, command, piped=stdin is not None)
            try:
                with self._feeding(remote, stdin, joins):
                    return remote.wait(received, deadline)
            except LateError:
                remote.stop()
                raise
            except TroubleError as error:
                self._check_cancelled(remote)
                raise self.lost(error.trouble, started=True) from error
            finally:
                remote.close()

    def lost(self, trouble: Trouble, *, started: bool) -> BuildError:
        """The error that says so."""
        if trouble.kind is Kind.AWAY:
            message = f"The connection to WinRM at {self.where} broke: {trouble.reason}."
            return ConnectionLost(message, started=started, hint=trouble.hint)
        return BuildError(f"WinRM at {self.where} refuses: {trouble.reason}.", hint=trouble.hint)

    def drop(self) -> None:
        """There is no connection to close."""

    def hang_up(self) -> None:
        """Break what is under way, from whatever thread: whoever waits on it wakes."""
        for line in tuple(self._lines):
            line.wires.cut()

    def _start(self, line: Line, command: str, *, piped: bool) -> RemoteCommand:
        try:
            return start(line, command, piped=piped)
        except SilenceError:
            raise TroubleError(Trouble(Kind.AWAY, "it does not start commands in time")) from None
        except TroubleError:
            self.cancel.check()
            raise

    def _check_cancelled(self, remote: RemoteCommand) -> None:
        """Raise Cancelled when it is a cancel that broke the line; the command is ended over another one."""
        if not self.cancel.cancelled:
            return
        line = open_line(self.end, connect=_FAREWELL, read=_FAREWELL)
        try:
            again = remote.by(line)
            again.stop()
            again.close()
        finally:
            line.close()
        self.cancel.check()

    @contextmanager
    def _watched(self) -> Iterator[Line]:
        self.cancel.check()
        line = open_line(self.end)
        self._lines.add(line)
        try:
            with self.cancel.closing(line.wires.cut):
                yield line
        finally:
            self._lines.discard(line)
            line.close()

    @contextmanager
    def _feeding(self, remote: RemoteCommand, stdin: Iterable[bytes] | None, joins: bool) -> Iterator[None]:
        if stdin is None:
            yield
            return
        line = open_line(self.end)
        feeder = _Feeder(remote.by(line), stdin, remote.line.wires.cut)
        feeder.start()
        try:
            with self.cancel.closing(line.wires.cut):
                yield
        except TroubleError:
            if feeder.error:
                raise feeder.error from None
            raise
        finally:
            line.wires.cut()  # whatever it still has is for nobody
            if joins:
                feeder.join()
            line.close()


class _Feeder(threading.Thread):
    """Sends the input over a line of its own: who does not read the output may keep the command from reading.

    Input that cannot be read is the ``error``, and ``give_up`` is called.
    """

    def __init__(self, remote: RemoteCommand, blocks: Iterable[bytes], give_up: Callable[[], None]) -> None:
        super().__init__(name="winrm-stdin", daemon=True)
        self._remote, self._blocks, self._give_up = remote, blocks, give_up
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._remote.write(self._blocks)
        except Exception as error:  # noqa: BLE001 - raised again by who waits for the command
            self.error = error
            self._give_up()


def _dial(host: str, port: int, cancel: CancelToken) -> None:
    """Whether TCP gets there, at a look that a cancel ends. Raises OSError, Cancelled."""
    error: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind, protocol) as sock:
            try:
                _connect(sock, address, cancel)
                return
            except OSError as failed:
                error = failed
    raise error or OSError("the name has no address")


def _connect(sock: socket.socket, address: tuple[Any, ...], cancel: CancelToken) -> None:
    near, far = socket.socketpair()
    with near, far, selectors.DefaultSelector() as selector:
        sock.setblocking(False)
        with suppress(BlockingIOError):
            sock.connect(address)
            return
        selector.register(sock, selectors.EVENT_WRITE)
        selector.register(near, selectors.EVENT_READ)
        with cancel.closing(far.close):
            ready = selector.select(DIAL)
        cancel.check()
        if not ready:
            raise TimeoutError(0, "no answer")
        if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, strerror(code))
