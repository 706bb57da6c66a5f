"""Functions that read files. Relative paths start at the template's folder; only regular files are ever opened."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.functions import paths
from hclimg.lang.functions.arguments import text_function, text_parameter
from hclimg.lang.functions.model import SHALLOW, ArgumentError, Function, FunctionError, Parameter
from hclimg.lang.show import quoted
from hclimg.lang.types import BOOL, STRING, MapType, ObjectType, SetType
from hclimg.lang.values import Value, boolean, set_of, string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hclimg.lang.functions.catalog import Surroundings
    from hclimg.lang.syntax import Expr

_LARGEST_FILE = 256 << 20
_NOT_TEXT = (
    "contents of {} are not valid UTF-8; use the filebase64 function to obtain the Base64 encoded contents or the "
    "other file functions (e.g. filemd5, filesha256) to obtain file hashing results instead"
)
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)


def abspath(path: str) -> str:
    """An absolute path, without looking at any file."""
    return paths.clean(path if path.startswith("/") else f"{Path.cwd().as_posix()}/{path}")


def pathexpand(path: str) -> str:
    """Replaces ``~`` at the beginning by the home directory."""
    if not path.startswith("~"):
        return path
    if len(path) > 1 and path[1] != "/":
        raise FunctionError("cannot expand user-specific home dir")
    return paths.clean(f"{Path.home().as_posix()}/{path[1:]}")


def _kind(mode: int) -> str:
    """What a name stands for that is no regular file."""
    if stat.S_ISDIR(mode):
        return "it is a directory"
    return "it is a device, a pipe or a socket"


class _Files:
    """The functions that look into files below one folder."""

    __slots__ = ("base_dir", "surroundings")

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.base_dir = surroundings.base_dir

    def path(self, name: str) -> Path:
        return self.base_dir / pathexpand(name)

    def read(self, name: str) -> bytes:
        """The contents of a regular file; raises an error about the first argument."""
        try:
            path = self.path(name)
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise ArgumentError(0, f"failed to read {name or '.'}: {_kind(status.st_mode)}")
            if status.st_size > _LARGEST_FILE:
                raise ArgumentError(0, f"failed to read {name}: it is larger than {_LARGEST_FILE >> 20} MiB")
            return path.read_bytes()
        except FileNotFoundError:
            raise ArgumentError(0, f"no file exists at {name}") from None
        except OSError as error:
            raise ArgumentError(0, f"failed to read {name}: {error.strerror or error}") from None
        except ValueError:  # a NUL in the name
            raise ArgumentError(0, f"failed to read {quoted(name)}: this cannot be a file's name") from None

    def text(self, name: str) -> str:
        try:
            return self.read(name).decode()
        except UnicodeDecodeError:
            raise ArgumentError(0, _NOT_TEXT.format(name)) from None

    def file(self, path: Value) -> Value:
        """The contents of a file as a string."""
        return string(self.text(path.raw))

    def filebase64(self, path: Value) -> Value:
        """The contents of a file as base64."""
        import base64

        return string(base64.b64encode(self.read(path.raw)).decode())

    def fileexists(self, path: Value) -> Value:
        """Whether a file exists; it is an error if something else has that name."""
        try:
            mode = self.path(path.raw).stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return boolean(False)
        except (OSError, ValueError) as error:
            raise FunctionError(f"failed to stat {path.raw}: {error}") from None
        if not stat.S_ISREG(mode):
            raise FunctionError(f"{path.raw or '.'} is not a regular file: {_kind(mode)}")
        return boolean(True)

    def fileset(self, path: Value, pattern: Value) -> Value:
        """The names of the files below a folder that match a pattern."""
        from hclimg.lang.functions.globs import GlobError, find_files

        try:
            found = find_files(self.path(path.raw), pattern.raw)
        except (GlobError, ValueError) as error:
            raise FunctionError(f"failed to glob pattern ({pattern.raw}): {error}") from None
        return set_of(map(string, found), STRING)

    # -- templatefile -----------------------------------------------------------

    def templatefile(self, path: Value, variables: Value) -> Value:
        """The contents of a file as a template, with values for its variables."""
        if not isinstance(variables.type, MapType | ObjectType):
            raise ArgumentError(1, "invalid vars value: must be a map")
        for name in variables.raw:
            if not _VARIABLE.fullmatch(name):
                rules = "must start with a letter, followed by zero or more letters, digits, and underscores"
                raise ArgumentError(1, f"invalid template variable name {quoted(name)}: {rules}")
        return self._rendered(path.raw, self.text(path.raw), variables.raw)

    def _rendered(self, name: str, text: str, variables: dict[str, Value]) -> Value:
        from hclimg.lang.evaluate import Scope, evaluate, references
        from hclimg.lang.parse import parse_template

        diags = Diagnostics()
        template: Expr = parse_template(SourceText(name, text.removeprefix("\ufeff")), diags)
        _check(diags)
        for reference in references(template):
            if reference.root not in variables:
                where = f"referenced at {reference.range}"
                raise ArgumentError(1, f"vars map does not contain key {quoted(reference.root)}, {where}")
        value = evaluate(template, Scope(variables, _inner_functions(self.surroundings)), diags)
        _check(diags)
        return value


def _check(diags: Diagnostics) -> None:
    if diags.has_errors:
        raise FunctionError("; ".join(map(_problem, diags.errors)))


def _problem(diagnostic: object) -> str:
    return str(diagnostic).replace("Error: ", "", 1).rstrip(".")


def _inner_functions(surroundings: Surroundings) -> Mapping[str, Function]:
    """All functions, but ``templatefile`` refuses: a template that includes itself would never end."""
    from hclimg.lang.functions.catalog import Catalog

    return Catalog(surroundings, {"templatefile": _REFUSED})


def _refuse(*_values: Value) -> Value:
    raise FunctionError("cannot recursively call templatefile from inside templatefile call")


_PATH = text_parameter("path")
_REFUSED = Function("templatefile", _refuse, _PATH, Parameter("vars"))

_ON_TEXT = (
    text_function("abspath", abspath, "path"),
    text_function("basename", paths.base, "path"),
    text_function("dirname", paths.directory, "path"),
    text_function("pathexpand", pathexpand, "path"),
)


def functions(surroundings: Surroundings) -> dict[str, Function]:
    files = _Files(surroundings)
    on_files = (
        Function("file", files.file, _PATH, result=STRING),
        Function("filebase64", files.filebase64, _PATH, result=STRING),
        Function("fileexists", files.fileexists, _PATH, result=BOOL),
        Function("fileset", files.fileset, _PATH, text_parameter("pattern"), result=SetType(STRING)),
        Function("templatefile", files.templatefile, _PATH, Parameter("vars", marks=SHALLOW), nullable=True),
    )
    return {function.name: function for function in (*_ON_TEXT, *on_files)}
