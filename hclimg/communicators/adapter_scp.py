"""The other end of ``scp -O``: the old protocol of scp, for a machine that need not have the program.

A file is a line ``C0644 SIZE NAME``, its bytes and a zero; each step is acknowledged with a zero. ``T`` (times) are
acknowledged and ignored, ``D`` and ``E`` frame a directory.
"""

from __future__ import annotations

import posixpath
import shlex
from io import RawIOBase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from attrs import define
from paramiko import Channel

from hclimg.errors import BuildError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from hclimg.sdk.machine import Communicator

_OK = b"\0"
_ERROR = b"\1"
_LONGEST = 1 << 16
_PIECE = 1 << 15


class _Gone(BuildError):
    """The client said something else than the protocol has, or nothing more."""


@define(eq=False)
class Scp:
    """``sends``: the machine's file goes to the client."""

    communicator: Communicator
    path: str
    sends: bool
    into: bool

    @classmethod
    def of(cls, command: str, communicator: Communicator) -> Self | None:
        """None when the command line is not the far end of scp."""
        try:
            words = shlex.split(command)
        except ValueError:
            return None
        flags = "".join(word[1:] for word in words[1:-1] if word.startswith("-"))
        if not words or posixpath.basename(words[0]) != "scp" or ("t" in flags) == ("f" in flags):
            return None
        return cls(communicator, words[-1], "f" in flags, "d" in flags)

    def talk(self, channel: Channel) -> None:
        try:
            if self.sends:
                self._send(channel)
            else:
                self._receive(channel)
        except _Gone:
            status = 1
        except BuildError as error:
            channel.sendall(_ERROR + f"scp: {error}\n".encode())
            status = 1
        else:
            status = 0
        channel.send_exit_status(status)

    def _receive(self, channel: Channel) -> None:
        folders = [self.path] if self.into or self._is_dir(self.path) else []
        channel.sendall(_OK)
        while line := _line(channel):
            kind, rest = line[:1], line[1:]
            if kind == "C":
                mode, size, name = rest.split(" ", 2)
                self._file(channel, int(mode, 8), int(size), self._below(folders, name))
            elif kind == "D":
                folders.append(self._below(folders, rest.split(" ", 2)[2]))
                self._make(folders[-1])
            elif kind == "E" and folders:
                folders.pop()
            elif kind != "T":
                raise _Gone(line)
            channel.sendall(_OK)

    def _file(self, channel: Channel, mode: int, size: int, target: str) -> None:
        channel.sendall(_OK)
        content = _Content(channel, size)
        self.communicator.upload(cast("BinaryIO", content), target, mode=mode)
        if content.left or channel.recv(1) != _OK:
            raise _Gone(target)

    def _below(self, folders: list[str], name: str) -> str:
        return posixpath.join(folders[-1], posixpath.basename(name)) if folders else self.path

    def _is_dir(self, path: str) -> bool:
        return self.communicator.run(f"[ -d {shlex.quote(path)} ]") == 0

    def _make(self, path: str) -> None:
        if self.communicator.run(f"mkdir -p -- {shlex.quote(path)}"):
            raise BuildError(f"{path}: the directory cannot be made.")

    def _send(self, channel: Channel) -> None:
        _expect(channel)
        with TemporaryDirectory(prefix="hclimg-") as folder:
            content = Path(folder) / "content"
            self.communicator.download(self.path, content)
            size = content.stat().st_size
            channel.sendall(f"C0644 {size} {posixpath.basename(self.path)}\n".encode())
            _expect(channel)
            with content.open("rb") as file:
                while piece := file.read(_PIECE):
                    channel.sendall(piece)
        channel.sendall(_OK)
        _expect(channel)


class _Content(RawIOBase):
    """The bytes of one file out of the stream."""

    def __init__(self, channel: Channel, size: int) -> None:
        self._channel = channel
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view: Any = memoryview(buffer)
        piece = self._channel.recv(min(len(view), self.left, _PIECE)) if self.left else b""
        view[: len(piece)] = piece
        self.left -= len(piece)
        return len(piece)


def _line(channel: Channel) -> str:
    """Without its end; empty when the client has said all."""
    said = bytearray()
    while (byte := channel.recv(1)) not in (b"\n", b""):
        said += byte
        if len(said) > _LONGEST:
            raise _Gone("a line without end")
    return said.decode("utf-8", "surrogateescape")


def _expect(channel: Channel) -> None:
    if channel.recv(1) != _OK:
        raise _Gone("no acknowledgement")
