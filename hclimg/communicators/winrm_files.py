"""Files over WinRM: a PowerShell on the machine writes, or reads, a whole stream of them.

One process per transfer, not one per piece. Every file is checked by its SHA-256, and takes its name on the machine
only when it is whole.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from attrs import frozen

from hclimg.communicators.progress import Meter, Report
from hclimg.communicators.rooted import RootedTree
from hclimg.communicators.source import Source
from hclimg.communicators.tarstream import walk
from hclimg.communicators.winrm_answer import Answer, DamagedError, OneFile, RefusedError, Sink, Tree
from hclimg.communicators.winrm_http import BLOCK
from hclimg.communicators.winrm_scripts import READ, WRITE, order, powershell, windows_path
from hclimg.errors import BuildError
from hclimg.sdk.machine import ByteSink

_PIECE = 48 << 10  # bytes in a line: no line of base64 is longer than a message

Run = Callable[[str, ByteSink, Iterable[bytes] | None], int]
"""Runs a command line with that input; its exit code."""


@frozen(eq=False)
class WinrmFiles:
    """A :class:`hclimg.communicators.files.Files`, without modes, which Windows does not have."""

    run: Run
    report: Report

    def put(self, source: Source, remote: str) -> None:
        meter = Meter(self.report, f"Uploading {source.name}", source.size or 0)

        def stream() -> Iterator[bytes]:
            source.seek(0)
            meter.done = 0
            yield from _file(source, windows_path(remote), meter)

        self._write(stream, f'Cannot write "{remote}" on the machine', again=source.size is not None)

    def put_dir(self, local: Path, remote: str, exclude: Sequence[str]) -> None:
        top = windows_path(remote).rstrip("\\")
        meter = Meter(self.report, f"Uploading {local.name or local}", 0)

        def stream() -> Iterator[bytes]:
            yield order("d", top)
            for entry in walk(local, exclude):
                there = f"{top}\\{windows_name(entry.name)}"
                if entry.is_dir:
                    yield order("d", there)
                    continue
                with Path(entry.path).open("rb") as file:
                    yield from _file(Source(entry.name, file, 0, entry.size, None), there, meter)

        self._write(stream, f'Cannot write the directory "{remote}" on the machine', again=True)

    def get(self, remote: str, target: BinaryIO) -> None:
        start = target.tell() if target.seekable() else None
        meter = Meter(self.report, f"Downloading {remote.replace(chr(92), '/').rpartition('/')[2]}", 0)

        def receive() -> None:
            if start is not None:
                target.seek(start)
                target.truncate()
            meter.done = 0
            self._read("f", remote, OneFile(target), meter)

        _twice(receive, f'Cannot read "{remote}" on the machine', again=start is not None)

    def get_dir(self, remote: str, local: Path, exclude: Sequence[str]) -> None:
        meter = Meter(self.report, f"Downloading {remote}", 0)
        local.mkdir(parents=True, exist_ok=True)

        def receive() -> None:
            with closing(Tree(RootedTree(local), exclude)) as tree:
                self._read("d", remote, tree, meter)

        _twice(receive, f'Cannot read the directory "{remote}" on the machine', again=True)

    # -- how it is done ---------------------------------------------------------------

    def _write(self, stream: Callable[[], Iterator[bytes]], what: str, *, again: bool) -> None:
        def send() -> None:
            answer = Answer()
            answer.finish(self.run(powershell(WRITE), answer.feed, _blocks(stream())))

        _twice(send, what, again=again)

    def _read(self, kind: str, remote: str, sink: Sink, meter: Meter) -> None:
        answer = Answer(sink, meter.add)
        answer.finish(self.run(powershell(READ), answer.feed, [order(kind, windows_path(remote))]))


def windows_name(name: str) -> str:
    """A relative name of a file of this host. Raises BuildError for what Windows would take for something else."""
    bad = sorted(set(name) & set('\\:*?"<>|'))
    if bad:
        raise BuildError(f'Windows has no file with the name "{name}": it has {" ".join(bad)} in it.')
    return name.replace("/", "\\")


def _twice(call: Callable[[], None], what: str, *, again: bool) -> None:
    """Call it, and once more when the stream was damaged."""
    try:
        try:
            call()
        except DamagedError:
            if not again:
                raise
            call()
    except (DamagedError, RefusedError) as error:
        raise BuildError(f"{what}: {error}.") from error


def _file(source: Source, there: str, meter: Meter) -> Iterator[bytes]:
    yield order("f", there)
    digest = sha256()
    for block in meter.count(source.blocks(_PIECE)):
        digest.update(block)
        yield b64encode(block) + b"\r\n"
    yield b":e %s\r\n" % digest.hexdigest().upper().encode()


def _blocks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of the size of a message."""
    buffer = bytearray()
    for line in lines:
        buffer += line
        while len(buffer) >= BLOCK:
            yield bytes(buffer[:BLOCK])
            del buffer[:BLOCK]
    if buffer:
        yield bytes(buffer)
