"""How directories are made, filled and removed on a machine: with POSIX tools, or with those of cmd.exe.

Only texts of commands; who runs them knows the machine.
"""

from __future__ import annotations

from shlex import quote
from typing import Protocol

from attrs import frozen


class GuestSystem(Protocol):
    """Paths are of the machine, with forward slashes. Each command ends with an exit code other than 0 if it fails."""

    @property
    def prefix(self) -> str:
        """What stands before a command that needs the rights of an administrator: ``sudo `` or nothing."""

    def make_directory(self, path: str) -> str:
        """With those above it; it belongs to the user who is logged in. It may be there already."""

    def fill(self, directory: str, source: str) -> str:
        """Copy what is in directory ``source`` into a directory, which is made when missing and keeps what it has."""

    def exists(self, path: str) -> str:
        """Ends with 0 when there is a file or a directory."""

    def remove(self, *paths: str) -> str:
        """Files, or directories with what is in them; they may be gone already."""


@frozen
class Unix:
    sudo: bool

    @property
    def prefix(self) -> str:
        return "sudo " if self.sudo else ""

    def make_directory(self, path: str) -> str:
        own = f' && {self.prefix}chown "$(id -u):$(id -g)" {quote(path)}' if self.sudo else ""
        return f"{self.prefix}mkdir -p -- {quote(path)}{own}"

    def fill(self, directory: str, source: str) -> str:
        """Not ``mv``: it keeps the owner, and goes into a directory that is there already."""
        into = quote(directory)
        return f"{self.prefix}mkdir -p -- {into} && {self.prefix}cp -R -- {quote(source)}/. {into}/"

    def exists(self, path: str) -> str:
        return f"{self.prefix}test -e {quote(path)}"

    def remove(self, *paths: str) -> str:
        return f"{self.prefix}rm -rf -- {' '.join(map(quote, paths))}"


@frozen
class Windows:
    """The commands of cmd.exe want backslashes: a slash begins a switch."""

    prefix: str = ""

    def make_directory(self, path: str) -> str:
        return f"if not exist {_quoted(path)}\\ mkdir {_quoted(path)}"

    def fill(self, directory: str, source: str) -> str:
        return f"xcopy {_quoted(source)} {_quoted(directory)} /e /i /y /q"

    def exists(self, path: str) -> str:
        return f"dir {_quoted(path)} >nul 2>nul"

    def remove(self, *paths: str) -> str:
        """A directory as such, a file as such; ``if exist DIR\\`` is true for directories only."""
        return " & ".join(
            f"(if exist {_quoted(path)}\\ (rmdir /s /q {_quoted(path)}) else if exist {_quoted(path)} "
            f"del /f /q {_quoted(path)})"
            for path in paths
        )


def _quoted(path: str) -> str:
    return '"' + path.rstrip("/").replace("/", "\\") + '"'
