"""Reads source texts from disk, and writes them back."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from hclimg.diagnostics import Diagnostics, SourceText, nearest

if TYPE_CHECKING:
    from pathlib import Path

BOM = b"\xef\xbb\xbf"
LARGEST_FILE: Final = 8 << 20
"""Bytes. No template is nearly as large, and what is read takes a hundred times the memory."""


def read_source(path: Path, diags: Diagnostics) -> SourceText | None:
    """The text of a file, without a byte order mark; None, with an error reported, when it cannot be had.

    As in HCL, its comments may be in any encoding.
    """
    data = read_bytes(path, diags)
    if data is None:
        return None
    return _with_foreign_comments(path, data) or decode_source(str(path), data, diags)


def read_bytes(path: Path, diags: Diagnostics) -> bytes | None:
    """What is in a file; None, with an error reported, when it cannot be read, or not in bounded time and memory."""
    try:
        data = _read(path)
    except OSError as error:
        hint = _sibling(path) if isinstance(error, FileNotFoundError) else ""
        diags.error("Failed to read file", f'The file "{path}" could not be read: {_reason(error)}.{hint}')
        return None
    if len(data) > LARGEST_FILE:
        detail = f'The file "{path}" is larger than {LARGEST_FILE >> 20} MiB, which no template is.'
        diags.error("Failed to read file", detail)
        return None
    return data


def _read(path: Path) -> bytes:
    """No more than there may be. Opening a named pipe does not wait for somebody to write to it."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        is_pipe = stat.S_ISFIFO(os.fstat(file.fileno()).st_mode)
        os.set_blocking(file.fileno(), True)
        data = file.read(LARGEST_FILE + 1)
    if is_pipe and not data:
        raise OSError(0, "it is a pipe that nobody writes to")
    return data


def _with_foreign_comments(path: Path, data: bytes) -> SourceText | None:
    """The text of an HCL file, if all that is no UTF-8 in it stands in comments; they are of no interest further on."""
    try:
        text = data.removeprefix(BOM).decode("utf-8", "surrogateescape")
        text.encode("utf-8")
        return None
    except UnicodeEncodeError:
        if path.suffix != ".hcl":
            return None
    import re

    from hclimg.lang.tokens import comments, scan

    strange = re.compile("[\udc80-\udcff]")
    told = sum([len(strange.findall(comment.value)) for comment in comments(text, scan(text))])
    return SourceText(str(path), strange.sub("\ufffd", text)) if told == len(strange.findall(text)) else None


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
