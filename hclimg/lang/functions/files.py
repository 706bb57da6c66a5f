"""Reading files for functions. Relative paths start at the template's folder; only regular files are ever opened."""

from __future__ import annotations

import os
import stat
from io import FileIO
from pathlib import Path

from hclimg.lang.functions import paths
from hclimg.lang.functions.model import ArgumentError, FunctionError
from hclimg.lang.limits import LARGEST_TEXT
from hclimg.lang.show import quoted

LARGEST_FILE = LARGEST_TEXT
_PIECE = 1 << 20
_NOT_TEXT = (
    "contents of {} are not valid UTF-8; use the filebase64 function to obtain the Base64 encoded contents or the "
    "other file functions (e.g. filemd5, filesha256) to obtain file hashing results instead"
)


def pathexpand(path: str) -> str:
    """Replaces ``~`` at the beginning by the home directory."""
    if not path.startswith("~"):
        return path
    if len(path) > 1 and path[1] != "/":
        raise FunctionError("cannot expand user-specific home dir")
    return paths.clean(f"{Path.home().as_posix()}/{path[1:]}")


def kind_of(mode: int) -> str:
    """What a name stands for that is no regular file."""
    if stat.S_ISDIR(mode):
        return "it is a directory"
    return "it is a device, a pipe or a socket"


class Files:
    """The files below one folder."""

    __slots__ = ("base_dir",)

    def __init__(self, base_dir: Path) -> None:
        self.base_dir = base_dir

    def path(self, name: str) -> Path:
        """A name that says the folder itself, as ``path.root`` does, starts where the program runs."""
        found, folder = self.base_dir / pathexpand(name), str(self.base_dir)
        return Path(name) if name.startswith(f"{folder}/") and not found.exists() else found

    def read(self, name: str) -> bytes:
        """The contents of a regular file; raises an error about the first argument."""
        try:
            path = self.path(name)
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise ArgumentError(0, f"failed to read {name or '.'}: {kind_of(status.st_mode)}")
            if status.st_size > LARGEST_FILE:
                raise ArgumentError(0, _too_large(name))
            data = _contents(path)
        except FileNotFoundError:
            raise ArgumentError(0, f"no file exists at {name}") from None
        except OSError as error:
            raise ArgumentError(0, f"failed to read {name}: {error.strerror or error}") from None
        except ValueError:  # a NUL in the name
            raise ArgumentError(0, f"failed to read {quoted(name)}: this cannot be a file's name") from None
        if len(data) > LARGEST_FILE:
            raise ArgumentError(0, _too_large(name))
        return data

    def text(self, name: str) -> str:
        try:
            return self.read(name).decode()
        except UnicodeDecodeError:
            raise ArgumentError(0, _NOT_TEXT.format(name)) from None


def _contents(path: Path) -> bytes:
    """At most one byte more than may be. Some files of /proc say that they are empty; some never end, some block."""
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with FileIO(opened) as file:
        pieces: list[bytes] = []
        size = 0
        while size <= LARGEST_FILE:
            piece = file.read(min(LARGEST_FILE + 1 - size, _PIECE))
            if piece is None:
                raise OSError("reading it would block")
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)


def _too_large(name: str) -> str:
    return f"failed to read {name}: it is larger than {LARGEST_FILE >> 20} MiB"
