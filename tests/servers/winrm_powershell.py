"""Stands in for PowerShell, of which there is none here, in the two scripts by which hclimg copies files.

It knows the scripts by heart: a command line that runs another one is not taken. What they do is done here in Python,
so that what is tested is the way to them and back: command line, streams, checksums. That the scripts are PowerShell
at all is what an independent parser says (tests/communicators/test_winrm_scripts.py).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO

from hclimg.communicators.winrm_scripts import READ, WRITE, powershell
from servers.winrm_shells import Shell

Write = Callable[[str, bytes], None]


def copying(shell: Shell, line: str, stdin: Iterator[bytes], write: Write) -> int:
    """A :data:`servers.winrm_shells.StandIn`."""
    try:
        (_store if line == powershell(WRITE) else _fetch)(shell, stdin, write)
    except (OSError, ValueError) as error:
        _tell(write, "x", getattr(error, "strerror", None) or str(error))
        return 1
    return 0


def is_copying(line: str) -> bool:
    return line in (powershell(WRITE), powershell(READ))


def _tell(write: Write, kind: str, text: str) -> None:
    write("stdout", f":{kind} {b64encode(text.encode()).decode()}\r\n".encode())


def _named(shell: Shell, line: bytes) -> Path:
    return shell.path(b64decode(line[3:]).decode())


def _store(shell: Shell, stdin: Iterator[bytes], write: Write) -> None:
    for line in stdin:
        if line.startswith(b":d "):
            _named(shell, line).mkdir(parents=True, exist_ok=True)
        elif line.startswith(b":f "):
            path = _named(shell, line)
            if path.is_dir():
                raise ValueError(f"it is a directory: {shell.wine.there(path)}")
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(path.name + ".hclimg-part")
            try:
                with part.open("wb") as file:
                    _content(stdin, file)
            except BaseException:
                part.unlink()
                raise
            part.replace(path)


def _content(stdin: Iterator[bytes], file: IO[bytes]) -> None:
    digest = sha256()
    for line in stdin:
        if line.startswith(b":e "):
            if digest.hexdigest().upper() != line[3:].decode():
                raise ValueError("the checksum is wrong")
            return
        data = b64decode(line, validate=True)
        digest.update(data)
        file.write(data)
    raise ValueError("the stream ended early")


def _fetch(shell: Shell, stdin: Iterator[bytes], write: Write) -> None:
    for line in stdin:
        path = _named(shell, line)
        if line.startswith(b":d "):
            _walk(path, "", write)
        elif path.is_dir():
            raise ValueError(f"it is a directory: {shell.wine.there(path)}")
        else:
            _copy(path, "", write)


def _walk(folder: Path, prefix: str, write: Write) -> None:
    for path in sorted(folder.iterdir()):
        name = prefix + path.name
        if path.is_dir():
            _tell(write, "d", name)
            _walk(path, f"{name}/", write)
        else:
            _copy(path, name, write)


def _copy(path: Path, name: str, write: Write) -> None:
    digest = sha256()
    with path.open("rb") as file:
        _tell(write, "f", name)
        while data := file.read(49152):
            digest.update(data)
            write("stdout", b64encode(data) + b"\r\n")
    write("stdout", f":e {digest.hexdigest().upper()}\r\n".encode())
