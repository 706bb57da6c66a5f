"""Files through the SFTP server, for machines without a shell, or where the template asks for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO, TypeVar

from attrs import evolve, frozen
from paramiko import SSHException
from paramiko.sftp_client import SFTPClient

from hclimg.communicators.progress import Meter, Report
from hclimg.communicators.rooted import RootedTree
from hclimg.communicators.session import SshSession
from hclimg.communicators.source import Source
from hclimg.communicators.tarstream import excluded, walk
from hclimg.errors import BuildError, ConnectionLost
from hclimg.sdk.windows import has_drive, with_slashes

T = TypeVar("T")
BLOCK = 32_768  # what every SFTP server takes in one message
_CUTS = 3


@frozen(eq=False)
class SftpFiles:
    """``report`` is told how far a long transfer is."""

    session: SshSession
    report: Report

    def put(self, source: Source, remote: str) -> None:
        meter = Meter(self.report, f"Uploading {source.name}", source.size or 0)

        def send(sftp: SFTPClient) -> None:
            source.seek(0)
            meter.done = 0
            with self._told(f'Cannot write "{remote}" on the machine'):
                _write(sftp, evolve(source, mode=self._mode(source.mode)), _path(remote), meter)

        self._again(source.size is not None, send)

    def get(self, remote: str, target: BinaryIO) -> None:
        meter = Meter(self.report, f"Downloading {remote.rpartition('/')[2]}", 0)
        start = target.tell() if target.seekable() else None

        def receive(sftp: SFTPClient) -> None:
            if start is not None:
                target.seek(start)
                target.truncate()
            with self._told(f'Cannot read "{remote}" on the machine'), sftp.open(_path(remote), "rb") as file:
                file.prefetch(file.stat().st_size)
                while data := file.read(BLOCK):
                    target.write(data)
                    meter.add(len(data))

        self._again(start is not None, receive)

    def put_dir(self, local: Path, remote: str, exclude: Sequence[str]) -> None:
        meter = Meter(self.report, f"Uploading {local.name or local}", 0)

        def send(sftp: SFTPClient) -> None:
            top = _path(remote)
            with self._told(f'Cannot write the directory "{remote}" on the machine'):
                _make_dirs(sftp, top)
                for entry in walk(local, exclude):
                    there = f"{top}/{entry.name}"
                    if entry.is_dir:
                        _make_dirs(sftp, there)
                        if not self.session.on_windows:
                            sftp.chmod(there, entry.mode)
                        continue
                    mode = self._mode(entry.mode)
                    with Path(entry.path).open("rb") as stream:
                        _write(sftp, Source(entry.name, stream, 0, entry.size, mode), there, meter)

        self._again(True, send)

    def get_dir(self, remote: str, local: Path, exclude: Sequence[str]) -> None:
        meter = Meter(self.report, f"Downloading {remote.rstrip('/').rpartition('/')[2]}", 0)
        local.mkdir(parents=True, exist_ok=True)
        tree = RootedTree(local)

        def receive(sftp: SFTPClient) -> None:
            with self._told(f'Cannot read the directory "{remote}" on the machine'):
                for name, mode in _list(sftp, _path(remote), exclude):
                    if S_ISDIR(mode):
                        tree.make_dirs(name, mode & 0o7777 | 0o700)
                        continue
                    fd = tree.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                    with os.fdopen(fd, "wb") as file:
                        sftp.getfo(f"{_path(remote)}/{name}", file)
                        os.fchmod(fd, mode & 0o7777)
                        meter.add(file.tell())

        self._again(True, receive)

    def _mode(self, mode: int | None) -> int | None:
        """Windows has none: a file without the bit for writing would become one that cannot be removed."""
        return None if self.session.on_windows else mode

    def _again(self, can: bool, call: Callable[[SFTPClient], None]) -> None:
        """Call it, and again from the start when the connection was cut."""
        for cut in range(1, _CUTS + 1):
            try:
                call(self.session.sftp())
                return
            except ConnectionLost:
                if not can or cut == _CUTS:
                    raise
                self.session.drop()

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Translate what paramiko raises."""
        try:
            yield
        except (OSError, EOFError, SSHException) as error:
            self.session.check_alive(error)
            why = getattr(error, "strerror", None) or str(error) or "failure"
            raise BuildError(f"{what}: {why}.", hint=_hint(what, error)) from error


def _hint(what: str, error: Exception) -> str:
    if isinstance(error, FileNotFoundError) and what.startswith("Cannot write"):
        return "Directories are not made on the way: make them first, or copy a directory as a whole."
    if isinstance(error, PermissionError):
        return "The user of the connection may not do that. Copy to another place, and move it from there."
    return ""


def _write(sftp: SFTPClient, source: Source, remote: str, meter: Meter) -> None:
    with sftp.open(remote, "wb") as file:
        if source.mode is not None:
            file.chmod(0o600)
        file.set_pipelined(True)
        for block in meter.count(source.blocks(BLOCK)):
            file.write(block)
    if source.mode is not None:
        sftp.chmod(remote, source.mode)
    there = sftp.stat(remote).st_size
    if source.size is not None and there != source.size:
        raise BuildError(f'"{remote}" has {there} bytes on the machine instead of {source.size}.')


def _path(remote: str) -> str:
    """SFTP starts in the user's home directory and knows no shortcut for it; drives of Windows are in its root."""
    if has_drive(remote):
        return "/" + with_slashes(remote).strip("/")
    for home in ("~/", "$HOME/"):
        if remote.startswith(home):
            return remote.removeprefix(home) or "."
    return remote.rstrip("/") or "/"


def _make_dirs(sftp: SFTPClient, path: str) -> None:
    try:
        if S_ISDIR(sftp.stat(path).st_mode or 0):
            return
    except FileNotFoundError:
        parent = path.rpartition("/")[0]
        if parent and parent != path:
            _make_dirs(sftp, parent)
    sftp.mkdir(path)


def _list(sftp: SFTPClient, top: str, exclude: Sequence[str], prefix: str = "") -> Iterator[tuple[str, int]]:
    for item in sorted(sftp.listdir_attr(f"{top}/{prefix}"), key=lambda item: item.filename):
        name = prefix + item.filename
        if exclude and excluded(name, exclude):
            continue
        mode = sftp.stat(f"{top}/{name}").st_mode or 0
        if S_ISDIR(mode):
            yield name, mode
            yield from _list(sftp, top, exclude, name + "/")
        elif S_ISREG(mode):
            yield name, mode
