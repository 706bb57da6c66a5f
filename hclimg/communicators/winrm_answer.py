"""Reads the lines in which a Windows machine answers :mod:`hclimg.communicators.winrm_scripts`.

The machine is not trusted: no line is kept longer than it can be, and nothing is written outside the target.
"""

from __future__ import annotations

import os
from base64 import b64decode
from binascii import Error as Base64Error
from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import IO, Any, BinaryIO, Protocol
from xml.etree.ElementTree import ParseError

from attrs import define, field, frozen

from hclimg.communicators.rooted import RootedTree
from hclimg.communicators.tarstream import excluded

_LONGEST = 1 << 17  # a line holds 48 KiB in base64, and its end
_ERRORS = 1 << 14  # bytes of what PowerShell prints as errors that are kept
WRONG_HASH = "the checksum is wrong"  # as the script of the machine says it


class DamagedError(Exception):
    """What came is not what was sent: to copy it again may help."""


class RefusedError(Exception):
    """The machine says that it cannot."""


class Sink(Protocol):
    """What takes the files that come."""

    def directory(self, name: str) -> None: ...
    def begin(self, name: str) -> None: ...
    def write(self, data: bytes) -> None: ...
    def end(self) -> None: ...


@define(eq=False)
class Answer:
    """``sink`` None: no files are expected. ``count`` is told how many bytes came."""

    sink: Sink | None = None
    count: Callable[[int], None] = lambda _bytes: None
    refusal: str = ""
    damage: str = ""
    _rest: bytearray = field(factory=bytearray)
    _errors: bytearray = field(factory=bytearray)
    _hash: Any = None

    def feed(self, stream: str, data: bytes) -> None:
        """A piece of what the machine prints to "stdout" or "stderr". Raises OSError of the sink."""
        if stream == "stderr":
            self._errors = (self._errors + data)[-_ERRORS:]
            return
        first, *lines = data.split(b"\n")
        self._rest += first
        for line in lines:
            self._take(bytes(self._rest).removeprefix(BOM_UTF8).rstrip(b"\r"))
            self._rest = bytearray(line)
        if len(self._rest) > _LONGEST:
            self.damage, self._rest = "a line is too long", bytearray()

    def finish(self, status: int) -> None:
        """Raise DamagedError or RefusedError unless all went well; ``status`` is the exit code."""
        if self.refusal and self.refusal != WRONG_HASH:
            raise RefusedError(self.refusal)
        if self.damage or self.refusal:
            raise DamagedError(self.damage or self.refusal)
        if status:
            raise RefusedError(_said(bytes(self._errors)) or f"PowerShell ended with exit code {status}")
        if self._hash is not None:
            raise DamagedError("the stream ended early")

    def _take(self, line: bytes) -> None:
        if self.damage or not line:
            return
        try:
            if line.startswith(b":"):
                self._order(line[1:2], line[3:])
            elif self.sink and self._hash is not None:
                data = b64decode(line, validate=True)
                self._hash.update(data)
                self.sink.write(data)
                self.count(len(data))
        except (Base64Error, UnicodeDecodeError):
            self.damage = "a line is damaged"

    def _order(self, kind: bytes, rest: bytes) -> None:
        if kind == b"x":
            said = " ".join(b64decode(rest, validate=True).decode().split())
            self.refusal = said.rstrip(".") or "it does not say why"
        elif self.sink is None:
            self.damage = "a line is damaged"
        elif kind == b"e":
            self._end(rest)
        elif kind == b"d":
            self.sink.directory(b64decode(rest, validate=True).decode())
        elif kind == b"f":
            self._hash = sha256()
            self.sink.begin(b64decode(rest, validate=True).decode())

    def _end(self, told: bytes) -> None:
        assert self.sink is not None
        if self._hash is None or self._hash.hexdigest().upper().encode() != told.upper():
            self.damage = WRONG_HASH
            return
        self._hash = None
        self.sink.end()


@frozen
class OneFile:
    """A :class:`Sink` for a file whose name is known."""

    target: BinaryIO

    def directory(self, name: str) -> None: ...

    def begin(self, name: str) -> None: ...

    def write(self, data: bytes) -> None:
        self.target.write(data)

    def end(self) -> None: ...


@define(eq=False)
class Tree:
    """A :class:`Sink` for a directory. What is excluded, and what is in excluded directories, is dropped."""

    tree: RootedTree
    exclude: Sequence[str]
    _file: IO[bytes] | None = None

    def directory(self, name: str) -> None:
        if not self._dropped(name):
            self.tree.make_dirs(name)

    def begin(self, name: str) -> None:
        self.close()
        if not self._dropped(name):
            self._file = os.fdopen(self.tree.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), "wb")

    def write(self, data: bytes) -> None:
        if self._file:
            self._file.write(data)

    def end(self) -> None:
        self.close()

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _dropped(self, name: str) -> bool:
        parts = name.split("/")
        return any(excluded("/".join(parts[: n + 1]), self.exclude) for n in range(len(parts)))


def _said(errors: bytes) -> str:
    """The errors of a PowerShell as a sentence: it writes them as XML to whoever is no console."""
    text = errors.decode("utf-8", "replace")
    if text.startswith("#< CLIXML"):
        from pypsrp.client import Client

        with suppress(ParseError):
            text = Client.sanitise_clixml(text)
    return " ".join(text.split()).rstrip(".")[:400]
