"""Commands whose input and output are bytes, on each kind of machine that this host can be."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import BinaryIO

import pytest

from hclimg.communicators.chroot import local_communicator
from hclimg.communicators.none import NoCommunicator
from hclimg.communicators.watched import WatchedCommunicator
from hclimg.errors import BuildError, Cancelled
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator

BINARY = bytes(range(256)) * 5000


@pytest.fixture(params=["ssh", "pty", "local", "watched"])
def machine(request: pytest.FixtureRequest, ctx: Context) -> Communicator:
    if request.param == "local":
        return local_communicator(ctx)
    if request.param == "watched":
        return WatchedCommunicator(local_communicator(ctx), lambda _: None)
    connected: Callable[..., Communicator] = request.getfixturevalue("connected")
    return connected(ssh_pty=request.param == "pty")


def ends() -> tuple[BinaryIO, BinaryIO]:
    """A pipe: where the command reads, and where the test writes."""
    read, write = os.pipe()
    return os.fdopen(read, "rb", buffering=0), os.fdopen(write, "wb", buffering=0)


def given(data: bytes) -> BinaryIO:
    """A pipe out of which these few bytes come."""
    read, write = ends()
    with write:
        write.write(data)
    return read


def test_bytes_pass_as_they_are(machine: Communicator) -> None:
    read, write = ends()
    got: dict[str, bytes] = {"stdout": b"", "stderr": b""}

    def take(stream: str, piece: bytes) -> None:
        got[stream] += piece

    def feed() -> None:
        with write:
            for at in range(0, len(BINARY), 10_000):
                write.write(BINARY[at : at + 10_000])

    with ThreadPoolExecutor() as pool:
        fed = pool.submit(feed)
        assert machine.pipe("cat; printf '\\377no' >&2; exit 7", stdin=read, received=take) == 7
        fed.result()
    assert got == {"stdout": BINARY, "stderr": b"\xffno"}


def test_a_question_without_a_line_end_is_answered(machine: Communicator) -> None:
    read, write = ends()
    pieces: Queue[bytes] = Queue()
    with ThreadPoolExecutor() as pool, write:
        command = "printf 'word? '; read word; echo \"got $word\""
        ended = pool.submit(machine.pipe, command, stdin=read, received=lambda _, piece: pieces.put(piece))
        assert pieces.get() == b"word? "
        write.write(b"mellon\n")
        assert pieces.get() == b"got mellon\n"
        assert ended.result() == 0


def test_several_at_once(machine: Communicator) -> None:
    def run(number: int) -> tuple[int, bytes]:
        got = bytearray()
        status = machine.pipe(f"cat; exit {number}", stdin=given(b"%d" % number),
                              received=lambda _, piece: got.extend(piece))  # fmt: skip
        return status, bytes(got)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, range(8))) == [(n, b"%d" % n) for n in range(8)]


def test_a_command_that_reads_nothing(machine: Communicator) -> None:
    read, write = ends()
    with write:
        assert machine.pipe("exit 3", stdin=read, received=lambda *_: None) == 3


def test_a_cancel_ends_it(machine: Communicator, ctx: Context) -> None:
    read, write = ends()
    with write, pytest.raises(Cancelled):
        machine.pipe("echo on; cat", stdin=read, received=lambda *_: ctx.cancel.cancel())


def test_nobody_there() -> None:
    with given(b"") as read, pytest.raises(BuildError, match="Cannot run a command"):
        NoCommunicator().pipe("true", stdin=read, received=lambda *_: None)
