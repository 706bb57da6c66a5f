"""What a WinRM service keeps: shells, the commands that run in them, and their output until somebody asks for it."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Protocol
from uuid import uuid4

from attrs import define, field

from servers.wine import Command, Wine
from servers.winrm_soap import timed_out

HELD = 1 << 20  # bytes of output that a command may be ahead of whoever reads it
BLOCK = 1 << 15
SETTLE = 10.0  # seconds for what was killed to be gone
KILLED = 0xC000013A  # what Windows says of a program that Ctrl-C ended


class Run(Protocol):
    """Something that runs. ``write`` takes pieces of output, and may hold the caller up."""

    def write_input(self, data: bytes, *, end: bool) -> None: ...
    def kill(self) -> None: ...


@define(eq=False)
class Output:
    """The output of one command: many threads write, questions read."""

    _pieces: deque[tuple[str, bytes]] = field(factory=deque)
    _held: int = 0
    _status: int | None = None
    _changed: threading.Condition = field(factory=threading.Condition)

    def write(self, stream: str, data: bytes) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._held < HELD or self._status is not None)
            self._pieces.append((stream, data))
            self._held += len(data)
            self._changed.notify_all()

    def end(self, status: int) -> None:
        with self._changed:
            if self._status is None:
                self._status = status
            self._changed.notify_all()

    def take(self, seconds: float, most: int) -> tuple[list[tuple[str, bytes]], int | None]:
        """Up to ``most`` bytes, and the exit code when that was all. Raises a Fault when there is nothing to tell."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._pieces or self._status is not None, seconds):
                raise timed_out()
            found: list[tuple[str, bytes]] = []
            while self._pieces and most > 0:
                stream, data = self._pieces.popleft()
                if len(data) > most:
                    self._pieces.appendleft((stream, data[most:]))
                    data = data[:most]
                most -= len(data)
                self._held -= len(data)
                found.append((stream, data))
            self._changed.notify_all()
            return found, None if self._pieces else self._status


@define(eq=False)
class WineRun:
    """A :class:`Run`: a command line by wine's cmd.exe."""

    command: Command
    output: Output
    _keeper: threading.Thread = field(factory=threading.Thread)

    @classmethod
    def start(cls, wine: Wine, line: str, folder: Path, variables: Mapping[str, str], output: Output) -> WineRun:
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        made = cls(wine.start(line, folder, variables, **pipes), output)
        process = made.command.process
        assert process.stdout is not None
        assert process.stderr is not None
        readers = [made._reader("stdout", process.stdout), made._reader("stderr", process.stderr)]
        made._keeper = threading.Thread(target=made._finish, args=(readers,), daemon=True)
        made._keeper.start()
        return made

    def write_input(self, data: bytes, *, end: bool) -> None:
        stdin = self.command.process.stdin
        assert stdin is not None
        if data:
            stdin.write(data)
            stdin.flush()
        if end:
            stdin.close()

    def kill(self) -> None:
        self.output.end(KILLED)
        self.command.kill()
        self._keeper.join(SETTLE)

    def _reader(self, stream: str, pipe: IO[bytes]) -> threading.Thread:
        def read() -> None:
            with pipe:
                while data := os.read(pipe.fileno(), BLOCK):
                    self.output.write(stream, data)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    def _finish(self, readers: list[threading.Thread]) -> None:
        status = self.command.wait()
        for reader in readers:
            reader.join()
        stdin = self.command.process.stdin
        assert stdin is not None
        with suppress(OSError):
            stdin.close()
        self.output.end(status)


BROKEN = 0xDEAD
"""The exit code of a stand-in that raised an error, which pytest shows as a warning of its thread."""
StandIn = Callable[["Shell", str, Iterator[bytes], Callable[[str, bytes], None]], int]
"""A program that wine does not have. Called with the shell, the command line, the lines of the input as they come, and
what takes its output ("stdout" or "stderr", bytes); its exit code."""


@define(eq=False)
class StandInRun:
    """A :class:`Run`: a program of Python's that takes the place of one of Windows."""

    output: Output
    _input: SimpleQueue[bytes | None] = field(factory=SimpleQueue)

    @classmethod
    def start(cls, program: StandIn, shell: Shell, line: str, output: Output) -> StandInRun:
        made = cls(output)

        def run() -> None:
            status = BROKEN
            try:
                status = program(shell, line, made._lines(), output.write)
            finally:
                output.end(status)  # whoever waits for it must not wait for ever

        threading.Thread(target=run, daemon=True).start()
        return made

    def write_input(self, data: bytes, *, end: bool) -> None:
        if data:
            self._input.put(data)
        if end:
            self._input.put(None)

    def kill(self) -> None:
        self.output.end(KILLED)
        self._input.put(None)

    def _lines(self) -> Iterator[bytes]:
        rest = b""
        while (data := self._input.get()) is not None:
            *lines, rest = (rest + data).split(b"\r\n")
            yield from lines
        if rest:
            yield rest


@define(eq=False)
class Shell:
    """``folder`` is where its commands start, ``variables`` what they find set besides what Windows sets."""

    wine: Wine
    folder: Path
    variables: Mapping[str, str]
    id: str = field(factory=lambda: str(uuid4()).upper())
    commands: dict[str, tuple[Run, Output]] = field(factory=dict)

    def start(self, line: str, program: StandIn | None) -> str:
        output = Output()
        run: Run
        if program:
            run = StandInRun.start(program, self, line, output)
        else:
            run = WineRun.start(self.wine, line, self.folder, self.variables, output)
        command = str(uuid4()).upper()
        self.commands[command] = run, output
        return command

    def close(self) -> None:
        for run, _ in self.commands.values():
            run.kill()

    def path(self, text: str) -> Path:
        """Where a path of Windows is on this host, with variables filled in, as seen from where commands start."""
        known = {**self.wine.variables, **{k.upper(): v for k, v in self.variables.items()}}
        text = re.sub("%([^%]+)%", lambda found: known.get(found[1].upper(), found[0]), text)
        if text[1:2] != ":":
            text = self.wine.there(self.folder) + "\\" + text
        return self.wine.here(text)
