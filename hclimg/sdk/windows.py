"""Windows as a communicator shows it: which shell takes command lines there, and how it wants them.

Command lines are written for cmd.exe, as Packer's are. WinRM always has that shell; an SSH server has it unless
somebody made PowerShell the default shell, which reads quotes and dollar signs in its own way.
"""

from __future__ import annotations

import re
from base64 import b64encode
from enum import Enum

from hclimg.sdk.machine import Communicator

_DRIVE = re.compile(r"/?([A-Za-z]:)(?=$|[\\/])")
_PROBE = "echo %OS% $env:OS"
"""cmd.exe replaces the first word by ``Windows_NT``, PowerShell the second, a POSIX shell none of them."""
_WINDOWS = "Windows_NT"


class LoginShell(Enum):
    """What takes the command lines of a machine."""

    CMD = "cmd"
    POWERSHELL = "PowerShell"
    POSIX = "a POSIX shell"


def login_shell(communicator: Communicator) -> LoginShell:
    """Ask the machine; one round trip over SSH, none elsewhere. Raises ConnectionLost."""
    if communicator.kind == "winrm":
        return LoginShell.CMD
    if communicator.kind != "ssh":
        return LoginShell.POSIX
    words: list[str] = []
    communicator.run(_PROBE, on_output=lambda line, _stream: words.extend(line.split()))
    if _WINDOWS not in words:
        return LoginShell.POSIX
    return LoginShell.CMD if words[0] == _WINDOWS else LoginShell.POWERSHELL


def is_windows(communicator: Communicator) -> bool:
    """Whether it is Windows; free where the communicator knows of a POSIX shell. Raises ConnectionLost."""
    return not communicator.streams_stdin and login_shell(communicator) is not LoginShell.POSIX


def line_for(shell: LoginShell, command: str) -> str:
    """The line that has ``shell`` run a command line of cmd.exe, and end with its exit code.

    For PowerShell the command goes as base64: whatever is between us and it finds nothing to change. Its space in front
    makes PowerShell put one pair of quotes around the whole and leave those inside alone, which ``/s`` takes off again.
    """
    if shell is not LoginShell.POWERSHELL:
        return command
    code = b64encode(f" {command}".encode()).decode()
    text = f"[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('{code}'))"
    return f"$l={text};& cmd.exe /d /s /c $l;exit $LASTEXITCODE"


def has_drive(path: str) -> bool:
    """Whether it is a path of Windows that names its drive: ``C:\\x``, ``c:/x``, ``/C:/x``."""
    return _DRIVE.match(path) is not None


def with_slashes(path: str) -> str:
    """The path with forward slashes, which all of Windows but the built-in commands of cmd.exe understands."""
    return path.replace("\\", "/")


def with_backslashes(path: str) -> str:
    """The path as the built-in commands of cmd.exe want it: to them a slash begins a switch."""
    return path.replace("/", "\\")
