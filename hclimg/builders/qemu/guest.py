"""A running QEMU: starting it, noticing that it ended, shutting it down.

Knows neither what it is made of (``command``) nor what is done with it (``builder``).
"""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from attrs import define, field

from hclimg.builders.qemu.command import CONSOLE, CONSOLE_SIZE
from hclimg.builders.qemu.qmp import Qmp
from hclimg.errors import BuildError, ConnectionLost
from hclimg.sdk.cancel import CancelToken, LinkedToken
from hclimg.sdk.context import Context
from hclimg.sdk.disk import disk_full
from hclimg.sdk.machine import Communicator
from hclimg.sdk.process import running_program
from hclimg.sdk.steps import step

TAIL = 12  # lines of QEMU's output and of the guest's console that an error shows
PRESS_AGAIN = timedelta(seconds=10)
BUTTON_PATIENCE = timedelta(minutes=1)
"""How long the power button is tried when no shutdown_command says how else."""

HINTS = (
    (r"access KVM kernel module|initialize kvm|/dev/kvm",
     'KVM does not work here: add this user to the group "kvm", or set accelerator = "tcg".'),
    (r"initialize gtk|gtk initialization|cannot open display|Display '.*' is not available",
     "There is no graphical session: set headless = true."),
    (r"Unknown protocol",
     "This QEMU cannot read URLs. On Debian or Ubuntu: apt-get install qemu-block-extra. Or drop iso_skip_cache."),
    (r'Failed to get (shared )?"',
     "Another QEMU uses this disk."),
    (r"bridge helper failed|default acl file",
     'Allow the bridge in /etc/qemu/bridge.conf ("allow NAME") and make qemu-bridge-helper setuid root.'),
    (r"set up guest memory|Cannot allocate memory",
     "The host has not enough memory: lower memory, or run fewer builds at once (-parallel-builds)."),
    (r"unsupported machine type|[Uu]nsupported CPU|unable to find CPU model|not a valid device model",
     "`QEMU -machine help`, `-cpu help` and `-device help` list what there is; see machine_type, cpu_model, qemuargs."),
    (r"invalid option|requires an argument|Invalid parameter|Property '.*' not found|can't find value",
     "Check the rows of qemuargs: they replace hclimg's own arguments with the same switch."),
)  # fmt: skip

PORT_TAKEN = re.compile(r"host forwarding rule|Failed to find an available port|Address already in use")
NO_SPACE = re.compile(r"No space left on device")


class PortTakenError(BuildError):
    """Another program took a port between our look and QEMU's start."""


@define(eq=False)
class Guest:
    """``ended`` is set as soon as QEMU is gone. ``token`` is cancelled then, or when the build is: what waits for the
    guest waits with it. ``log`` has what QEMU printed. ``disk`` is the one that grows while it runs.
    """

    process: subprocess.Popen[bytes]
    log: Path
    disk: Path
    token: CancelToken = field(factory=CancelToken)
    ended: threading.Event = field(factory=threading.Event)
    card_changed: threading.Event = field(factory=threading.Event)
    full: bool = False
    _qmp: Qmp | None = None

    @property
    def qmp(self) -> Qmp:
        assert self._qmp is not None
        return self._qmp

    def attach(self, end: socket.socket) -> None:
        """Speak QMP over this socket from now on. Raises ConnectionLost when QEMU ended instead."""
        self._qmp = Qmp(end, on_event=self._event, on_end=self._end)
        self._qmp.connect()

    def _event(self, name: str, data: Mapping[str, Any]) -> None:
        if name == "BLOCK_IO_ERROR" and data.get("nospace"):
            self.full = True
            self.token.cancel()
        elif name == "NIC_RX_FILTER_CHANGED":
            self.card_changed.set()

    def _end(self) -> None:
        self.ended.set()
        self.token.cancel()

    @property
    def failed(self) -> bool:
        """Whether it ended by itself, or cannot go on."""
        return self.ended.is_set() or self.full

    def wait(self, cancel: CancelToken, seconds: float) -> None:
        """Wait until it ends or cannot go on, at most this long. Raises Cancelled."""
        wake = threading.Event()
        with self.token.closing(wake.set), cancel.closing(wake.set):
            wake.wait(max(0.0, seconds))
        cancel.check()

    def check(self) -> None:
        """Raise BuildError when QEMU ended although it should run."""
        if self.failed:
            raise self.failure()

    def failure(self) -> BuildError:
        """Why it ended, with what it said last and what to do about it."""
        said = tail(self.log)
        text = "\n".join(said)
        if self.full or NO_SPACE.search(text):
            return disk_full(self.disk)
        status = self._status()
        lines = f" It said: {' / '.join(said)}" if said else ""
        message = f"QEMU ended {status}.{lines}"
        if PORT_TAKEN.search(text):
            return PortTakenError(message, hint="Another program took the port; run it again.")
        hint = next((hint for pattern, hint in HINTS if re.search(pattern, text)), "")
        return BuildError(message, hint=hint)

    def _status(self) -> str:
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            return "without closing its process"
        if code < 0:
            import signal

            return f"by signal {signal.Signals(-code).name}"
        return "because the guest powered off" if code == 0 else f"with exit code {code}"

    def console(self) -> list[str]:
        """The last lines that the guest wrote to its serial port, if QEMU can still tell."""
        try:
            text = self.qmp.execute("ringbuf-read", device=CONSOLE, size=CONSOLE_SIZE, format="utf8")
        except BuildError:
            return []
        return last_lines(text)

    @contextmanager
    def watched(self, ctx: Context) -> Iterator[Context]:
        """Inside, what waits with the given context is interrupted when QEMU ends, and the reason is raised instead."""
        from attrs import evolve

        try:
            self.check()
            yield evolve(ctx, cancel=self.token)
        except BaseException:
            if self.failed and not ctx.cancel.cancelled:
                raise self.failure() from None
            raise


@step("Starting QEMU", undo="Stopping QEMU")
def start_guest(ctx: Context, command: Callable[[int], Sequence[str]], work: Path, disk: Path) -> Iterator[Guest]:
    """Run QEMU until the scope closes. ``command`` gets the number of the socket that QEMU is controlled through.

    ``work`` gets what QEMU prints. Raises BuildError when QEMU does not start, PortTakenError when another port helps.
    """
    ours, theirs = socket.socketpair()
    log = work / "qemu.log"
    log.write_bytes(b"")
    try:
        argv = command(theirs.fileno())
        process = running_program(ctx, argv, name="qemu", log=log, pass_fds=(theirs.fileno(),))
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    guest = Guest(process, log, disk, LinkedToken(ctx.cancel))
    try:
        guest.attach(ours)
    except ConnectionLost:
        guest.qmp.close()
        raise guest.failure() from None
    except BaseException:
        guest.qmp.close()
        raise
    yield guest
    guest.qmp.close()


def tail(path: Path) -> list[str]:
    """The last lines of a text file."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 16_384))
            return last_lines(file.read().decode("utf-8", "replace"))
    except OSError:
        return []


def last_lines(text: str, lines: int = TAIL) -> list[str]:
    """Those that are not empty, without control characters."""
    clean = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x20-\x7e\u00a0-\U0010ffff\n]", "", text)
    return [line.strip() for line in clean.split("\n") if line.strip()][-lines:]


# -- shutting down ------------------------------------------------------------


@step("Shutting down the machine")
def shut_down(ctx: Context, guest: Guest, communicator: Communicator, command: str, timeout: timedelta) -> None:
    """Leave the guest powered off and QEMU ended. Raises TimedOut when the user's command does not achieve it."""
    if guest.ended.is_set():
        ctx.say("The machine is off already.")
    elif command and communicator.kind != "none":
        _run_command(ctx, guest, communicator, command, timeout)
    else:
        _press_button(ctx, guest, min(timeout, BUTTON_PATIENCE))
    status = guest.process.wait()
    if status != 0:
        raise guest.failure()


def _run_command(ctx: Context, guest: Guest, communicator: Communicator, command: str, timeout: timedelta) -> None:
    from hclimg.errors import TimedOut
    from hclimg.units import show_duration

    ctx.say("Running the shutdown command.")
    status = 0
    deadline = time.monotonic() + timeout.total_seconds()
    with suppress(ConnectionLost, TimedOut):  # it went down before it could answer, or hangs: the wait tells which
        status = communicator.run(command, on_output=ctx.output, timeout=timeout)
    if not _wait_end(ctx, guest, deadline - time.monotonic()):
        code = f" (exit code {status})" if status else ""
        message = f"The machine did not power off within {show_duration(timeout)} after shutdown_command{code}."
        raise TimedOut(message, hint="Check shutdown_command, or raise shutdown_timeout.")


def _press_button(ctx: Context, guest: Guest, patience: timedelta) -> None:
    """Ask by ACPI; more than once, because a guest that is still booting does not listen yet."""
    ctx.say("No shutdown_command: pressing the power button.")
    deadline = time.monotonic() + patience.total_seconds()
    while (left := deadline - time.monotonic()) > 0:
        try:
            guest.qmp.execute("system_powerdown")
        except ConnectionLost:
            return
        if _wait_end(ctx, guest, min(left, PRESS_AGAIN.total_seconds())):
            return
    ctx.warn("The guest does not react to the power button; it is switched off. Set shutdown_command to avoid this.")
    switch_off(ctx, guest)


def switch_off(ctx: Context, guest: Guest) -> None:
    """Pull the plug; QEMU still writes what the guest has written."""
    try:
        guest.qmp.execute("quit")
    except ConnectionLost:
        return
    _wait_end(ctx, guest, 30)


def _wait_end(ctx: Context, guest: Guest, seconds: float) -> bool:
    """Whether QEMU ends in this time. Raises Cancelled, and BuildError when the host's disk is full."""
    guest.wait(ctx.cancel, seconds)
    if guest.full:
        raise guest.failure()
    return guest.ended.is_set() and _exited(guest)


def _exited(guest: Guest) -> bool:
    try:
        guest.process.wait(30)  # QEMU closes its monitor before it has written everything
    except subprocess.TimeoutExpired:
        return False
    return True
