"""Functions on files and on paths."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from hclimg.lang.functions import paths
from hclimg.lang.functions.arguments import text_function, text_parameter
from hclimg.lang.functions.files import Files, kind_of, pathexpand
from hclimg.lang.functions.model import Function, FunctionError
from hclimg.lang.types import BOOL, STRING, SetType
from hclimg.lang.values import Value, boolean, set_of, string

if TYPE_CHECKING:
    from hclimg.lang.functions.catalog import Surroundings


def abspath(path: str) -> str:
    """An absolute path, without looking at any file."""
    return paths.clean(path if path.startswith("/") else f"{Path.cwd().as_posix()}/{path}")


class _FileFunctions:
    """The functions that look at files below one folder."""

    __slots__ = ("files",)

    def __init__(self, surroundings: Surroundings) -> None:
        self.files = Files(surroundings.base_dir)

    def file(self, path: Value) -> Value:
        """The contents of a file as a string."""
        return string(self.files.text(path.raw))

    def filebase64(self, path: Value) -> Value:
        """The contents of a file as base64."""
        import base64

        return string(base64.b64encode(self.files.read(path.raw)).decode())

    def fileexists(self, path: Value) -> Value:
        """Whether a file exists; it is an error if something else has that name."""
        try:
            mode = self.files.path(path.raw).stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return boolean(False)
        except (OSError, ValueError) as error:
            raise FunctionError(f"failed to stat {path.raw}: {error}") from None
        if not stat.S_ISREG(mode):
            raise FunctionError(f"{path.raw or '.'} is not a regular file: {kind_of(mode)}")
        return boolean(True)

    def fileset(self, path: Value, pattern: Value) -> Value:
        """The names of the files below a folder that match a pattern."""
        from hclimg.lang.functions.globs import GlobError, find_files

        try:
            found = find_files(self.files.path(path.raw), pattern.raw)
        except (GlobError, ValueError) as error:
            raise FunctionError(f"failed to glob pattern ({pattern.raw}): {error}") from None
        return set_of(map(string, found), STRING)


_PATH = text_parameter("path")

_ON_TEXT = (
    text_function("abspath", abspath, "path"),
    text_function("basename", paths.base, "path"),
    text_function("dirname", paths.directory, "path"),
    text_function("pathexpand", pathexpand, "path"),
)


def functions(surroundings: Surroundings) -> dict[str, Function]:
    found = _FileFunctions(surroundings)
    on_files = (
        Function("file", found.file, _PATH, result=STRING),
        Function("filebase64", found.filebase64, _PATH, result=STRING),
        Function("fileexists", found.fileexists, _PATH, result=BOOL),
        Function("fileset", found.fileset, _PATH, text_parameter("pattern"), result=SetType(STRING)),
    )
    return {function.name: function for function in (*_ON_TEXT, *on_files)}
