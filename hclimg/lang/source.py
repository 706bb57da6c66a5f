"""Reads source texts from disk, and writes them back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hclimg.diagnostics import Diagnostics, SourceText, nearest

if TYPE_CHECKING:
    from pathlib import Path

BOM = b"\xef\xbb\xbf"


def read_source(path: Path, diags: Diagnostics) -> SourceText | None:
    """The text of a file, without a byte order mark; None, with an error reported, when it cannot be had."""
    data = read_bytes(path, diags)
    return None if data is None else decode_source(str(path), data, diags)


def read_bytes(path: Path, diags: Diagnostics) -> bytes | None:
    """What is in a file; None, with an error reported, when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        hint = _sibling(path) if isinstance(error, FileNotFoundError) else ""
        diags.error("Failed to read file", f'The file "{path}" could not be read: {_reason(error)}.{hint}')
        return None


def _sibling(path: Path) -> str:
    """The file beside one that does not exist whose name is most like it."""
    if path.is_symlink():
        return " It is a symbolic link that leads nowhere."
    try:
        names = sorted(entry.name for entry in path.parent.iterdir())
    except OSError as error:
        return f' The directory "{path.parent}" cannot be read either: {_reason(error)}.'
    close = nearest(path.name, [name for name in names if name != path.name])
    return f' Did you mean "{path.with_name(close)}"?' if close else ""


def decode_source(filename: str, data: bytes, diags: Diagnostics) -> SourceText | None:
    """The text that some bytes are, without a byte order mark; None, with an error reported, when they are none."""
    data = data.removeprefix(BOM)
    try:
        return SourceText(filename, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        _report_encoding(filename, data, error, diags)
        return None


def replace_file(path: Path, data: bytes, diags: Diagnostics) -> None:
    """Put ``data`` in place of what is in a file, all at once; an error is reported when that fails.

    The mode is kept, and where ``path`` is a symbolic link the file that it leads to is the one that changes. Who may
    not write to the file may not replace it either.
    """
    try:
        target = path.resolve(strict=True)
        if not os.access(target, os.W_OK):
            raise PermissionError(0, "it is write-protected")
        _replace(target, data)
    except OSError as error:
        diags.error("Failed to write file", f'The file "{path}" could not be written: {_reason(error)}.')


def _replace(target: Path, data: bytes) -> None:
    from contextlib import suppress
    from pathlib import Path
    from tempfile import NamedTemporaryFile

    stat = target.stat()
    with NamedTemporaryFile(prefix=f".{target.name}.", dir=target.parent, delete=False) as file:
        partial = Path(file.name)
        try:
            file.write(data)
            with suppress(PermissionError):  # only root gives files away
                os.fchown(file.fileno(), stat.st_uid, stat.st_gid)
            os.fchmod(file.fileno(), stat.st_mode & 0o7777)
            file.close()
            partial.replace(target)
        except BaseException:
            partial.unlink()
            raise


def _reason(error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        return "it is a directory"
    return (error.strerror or str(error)).lower()


def _report_encoding(filename: str, data: bytes, error: UnicodeDecodeError, diags: Diagnostics) -> None:
    """Point at the first byte that is no UTF-8, in the text as it reads with replacement characters."""
    shown = SourceText(filename, data.decode("utf-8", errors="replace"))
    at = len(data[: error.start].decode("utf-8"))
    place = shown.position(at)
    diags.error(
        "Invalid character encoding",
        f"The file must be encoded in UTF-8; the byte 0x{data[error.start]:02x} at line {place.line}, "
        f"column {place.column} is not.{_guess(data)}",
        subject=shown.range(at, at + 1),
    )


def _guess(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return " It begins like a file in UTF-16; save it as UTF-8."
    return ""
