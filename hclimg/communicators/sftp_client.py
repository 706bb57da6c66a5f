"""paramiko's SFTP client, but quiet when the connection breaks under a download."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from paramiko import SSHException
from paramiko.sftp_client import SFTPClient
from paramiko.sftp_file import SFTPFile

_prefetch: Callable[..., None] = vars(SFTPFile)["_prefetch_thread"]  # no stub knows it


class QuietFile(SFTPFile):
    """paramiko sends the requests for a whole file from a thread of its own, which dies with a traceback on the user's
    screen when the connection breaks. Whoever reads the file gets to know that as well, and can do something about it.
    """

    def _prefetch_thread(self, *arguments: Any) -> None:
        with suppress(OSError, EOFError, SSHException):
            _prefetch(self, *arguments)


class SftpClient(SFTPClient):
    def open(self, *arguments: Any, **options: Any) -> SFTPFile:
        file = super().open(*arguments, **options)
        file.__class__ = QuietFile
        return file
