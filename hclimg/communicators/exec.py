"""One command on the other end of an SSH connection: its output as it comes, its input, its exit code.

Both output streams arrive in one queue, in the order in which the server sent them, so that one thread reads them and
nothing polls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Self

from attrs import define, field
from paramiko import Channel, SSHException
from paramiko.buffered_pipe import BufferedPipe

from hclimg.communicators.pulse import lives
from hclimg.errors import ConnectionLost, TimedOut
from hclimg.sdk.machine import ByteSink
from hclimg.units import show_duration

if TYPE_CHECKING:
    _Pipe = BufferedPipe[bytes]
else:
    _Pipe = BufferedPipe

BLOCK = 32_704  # what fits into one packet of the size that OpenSSH takes
SIGNALLED = 128  # the exit code of a command that a signal ended: SSH may tell the signal, paramiko does not
BROKEN = (OSError, EOFError, SSHException)  # what paramiko raises when the connection breaks while it sends


class LateError(Exception):
    """The deadline of a command passed."""


class _Inlet(_Pipe):
    """Takes the place of a channel's buffer: what paramiko feeds goes into the shared queue at once.

    ``read`` gives back what the reader took from the queue, which is how the channel accounts for its window.
    """

    def __init__(self, stream: str, queue: SimpleQueue[tuple[str, bytes]]) -> None:
        super().__init__()
        self._stream = stream
        self._arrivals = queue
        self._ended = False
        self.taken = b""

    def feed(self, data: bytes) -> None:
        self._arrivals.put((self._stream, data))

    def read(self, nbytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self.taken

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            self._arrivals.put((self._stream, b""))


@define(eq=False)
class RemoteCommand:
    """A command that runs on a channel; used by one thread.

    ``mark``: what is printed to stdout before it, by the start-up files of a login shell, does not count.
    """

    channel: Channel
    mark: bytes = b""
    sent_all: bool = False
    _queue: SimpleQueue[tuple[str, bytes]] = field(factory=SimpleQueue)
    _inlets: dict[str, _Inlet] = field(factory=dict)

    @classmethod
    def start(cls, channel: Channel, command: str, *, pty: bool = False, mark: bytes = b"") -> Self:
        """Raises SSHException when the server does not take the command."""
        self = cls(channel, mark)
        self._inlets = {name: _Inlet(name, self._queue) for name in ("stdout", "stderr")}
        channel.in_buffer, channel.in_stderr_buffer = self._inlets["stdout"], self._inlets["stderr"]
        if pty:
            channel.get_pty("xterm", width=80, height=40)
        channel.exec_command(command)
        return self

    def write(self, blocks: Iterable[bytes]) -> bool:
        """Send all blocks and the end of the input; False when the command ended, or its machine, before that."""
        channel = self.channel
        try:
            for block in blocks:
                channel.sendall(block)
            self.sent_all = not channel.closed
            channel.shutdown_write()
        except BROKEN:
            return False
        return self.sent_all

    def write_aside(self, blocks: Iterable[bytes]) -> None:
        """The same from a thread of its own, for input that is too long to wait with reading the output."""
        Thread(target=self.write, args=(blocks,), name="ssh-stdin", daemon=True).start()

    def run(self, blocks: Iterable[bytes], received: ByteSink) -> int:
        """Send the input, hand out the output, and give the exit code. Input must be short, or nearly all there is."""
        with self:
            self.write(blocks)
            return self.wait(received)

    def wait(self, received: ByteSink, timeout: timedelta | None = None) -> int:
        """Hand out the output until the command ends; its exit code.

        Raises TimedOut, and ConnectionLost when the connection went away without an exit code.
        """
        deadline = time.monotonic() + timeout.total_seconds() if timeout else None
        try:
            for stream, data in self.output(deadline):
                received(stream, data)
            return self.status(deadline)
        except LateError:
            assert timeout is not None
            self._close()
            raise TimedOut(f"The command did not end within {show_duration(timeout)}.") from None

    def output(self, deadline: float | None = None) -> Iterator[tuple[str, bytes]]:
        """The pieces of both streams, in the order in which they came. Raises LateError."""
        takers = {"stdout": self.channel.recv, "stderr": self.channel.recv_stderr}
        still_open = len(takers)
        noise = b"" if self.mark else None
        while still_open:
            stream, data = self._next(deadline)
            if not data:
                still_open -= 1
                continue
            self._inlets[stream].taken = data
            with suppress(*BROKEN):  # the end of the stream follows
                takers[stream](len(data))
            if noise is not None and stream == "stdout":
                noise, marked, data = (noise + data).partition(self.mark)
                if not marked:
                    continue
                noise = None
            if data:
                yield stream, data

    def status(self, deadline: float | None = None) -> int:
        """The exit code, after the output has ended. Raises LateError, ConnectionLost."""
        if not self.channel.status_event.wait(_left(deadline)):
            raise LateError
        status = self.channel.exit_status
        return status if status >= 0 else self._without_status()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _next(self, deadline: float | None) -> tuple[str, bytes]:
        try:
            return self._queue.get(timeout=_left(deadline))
        except Empty:
            raise LateError from None

    def _close(self) -> None:
        with suppress(*BROKEN):
            self.channel.close()

    def _without_status(self) -> int:
        if lives(self.channel.get_transport()):
            return SIGNALLED
        raise ConnectionLost("The connection to the machine broke while a command ran.", started=self.sent_all)


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


@define(eq=False)
class OutputReader:
    """What a command prints to stdout, to be read like a file; ``err`` gathers what it prints to stderr."""

    command: RemoteCommand
    counted: Callable[[int], None]
    err: bytearray = field(factory=bytearray)
    _output: Iterator[tuple[str, bytes]] = field(init=False)
    _first: bytes = b""

    def __attrs_post_init__(self) -> None:
        self._output = self.command.output()
        self._first = self.read()

    @property
    def is_empty(self) -> bool:
        """Whether it ended without a byte."""
        return not self._first

    def read(self, size: int = -1) -> bytes:  # noqa: ARG002 - a piece of any size will do for a reader of streams
        if self._first:
            first, self._first = self._first, b""
            return first
        for stream, data in self._output:
            if stream == "stdout":
                self.counted(len(data))
                return data
            self.err += data
        return b""

    def finish(self) -> int:
        """Read the rest; the exit code."""
        while self.read():
            continue
        return self.command.status()
