"""One command in one shell of a WinRM service: its output as it comes, its input, its exit code.

Each command gets a shell of its own, so that it sees what the ones before it changed: the environment of a shell is
that of the moment at which it was made.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from copy import copy
from xml.etree.ElementTree import Element, SubElement

from attrs import define
from pypsrp.shell import CommandState, SignalCode, WinRS
from pypsrp.wsman import NAMESPACES, OptionSet, SelectorSet

from hclimg.communicators.winrm_http import OPERATION, Line
from hclimg.communicators.winrm_trouble import SilenceError, TroubleError, asking
from hclimg.sdk.machine import ByteSink

UTF8 = 65001
GRACE = 3.0  # seconds for a command to end by itself after ctrl-C


class LateError(Exception):
    """The deadline of a command passed."""


@define(eq=False)
class RemoteCommand:
    """A command that runs. All may raise TroubleError."""

    line: Line
    shell: WinRS
    id: str
    _asked: bool = False

    def wait(self, received: ByteSink, deadline: float | None = None) -> int:
        """Hand out the output until the command ends; its exit code. ``deadline`` is a monotonic time. LateError."""
        while True:
            left = OPERATION if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise LateError
            self.line.wsman.operation_timeout = max(1, min(OPERATION, round(left)))
            try:
                with asking(self.line):
                    state, status, pieces = self.shell.receive("stdout stderr", self.id)
            except SilenceError:
                continue
            for stream, data in pieces.items():
                if data:
                    received(stream, data)
            if state == CommandState.DONE:
                return status or 0

    def by(self, line: Line) -> RemoteCommand:
        """The same command, over another line."""
        shell = copy(self.shell)
        shell.wsman = line.wsman
        return RemoteCommand(line, shell, self.id)

    def write(self, blocks: Iterable[bytes]) -> bool:
        """Send the input and its end; False when the command ended, or its machine, before that."""
        try:
            for block in blocks:
                for at in range(0, len(block), self._room(block)):
                    self._send(block[at : at + self._room(block)], end=False)
            self._send(b"", end=True)
        except (TroubleError, SilenceError):
            return False
        return True

    def _room(self, block: bytes) -> int:
        """Bytes that a message holds. Asked of the service, which may tell administrators only, when it matters."""
        wsman = self.line.wsman
        if len(block) > wsman.max_payload_size and not self._asked:
            self._asked = True
            with suppress(TroubleError, SilenceError), asking(self.line):
                wsman.update_max_payload_size()
        return wsman.max_payload_size

    def _send(self, block: bytes, *, end: bool) -> None:
        with asking(self.line):
            self.shell.send("stdin", block, command_id=self.id, end=end)

    def stop(self) -> None:
        """Ctrl-C, and when that does not help the end. Then, and when the machine is gone, there is no more to do."""
        with suppress(TroubleError, SilenceError):
            with asking(self.line):
                self.shell.signal(SignalCode.CTRL_C, self.id)
            with suppress(LateError):
                self.wait(lambda _stream, _data: None, time.monotonic() + GRACE)
                return
            with asking(self.line):
                self.shell.signal(SignalCode.TERMINATE, self.id)

    def close(self) -> None:
        """With its shell goes whatever of it still runs. A service that is gone needs no farewell."""
        _close(self.line, self.shell)


def start(line: Line, command: str, *, piped: bool) -> RemoteCommand:
    """``piped``: the command's input is sent, and is no console."""
    shell = WinRS(line.wsman, codepage=UTF8)
    with asking(line):
        shell.open()
    try:
        with asking(line):
            return RemoteCommand(line, shell, _command(shell, command, piped))
    except (TroubleError, SilenceError):
        _close(line, shell)
        raise


def _close(line: Line, shell: WinRS) -> None:
    with suppress(TroubleError, SilenceError), asking(line):
        line.wsman.operation_timeout = OPERATION
        shell.close()


def _command(shell: WinRS, command: str, piped: bool) -> str:
    rsp = NAMESPACES["rsp"]
    options = OptionSet()
    options.add_option("WINRS_CONSOLEMODE_STDIN", "FALSE" if piped else "TRUE")
    options.add_option("WINRS_SKIP_CMD_SHELL", "FALSE")
    selectors = SelectorSet()
    selectors.add_option("ShellId", str(shell.id))
    line = Element(f"{{{rsp}}}CommandLine")
    SubElement(line, f"{{{rsp}}}Command").text = command
    answer = shell.wsman.command(shell.resource_uri, line, option_set=options, selector_set=selectors)
    found = answer.find("rsp:CommandResponse/rsp:CommandId", namespaces=NAMESPACES)
    return found.text or "" if found is not None else ""
