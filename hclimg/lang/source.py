"""Reads source texts from disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.diagnostics import Diagnostics, SourceText

if TYPE_CHECKING:
    from pathlib import Path

BOM = b"\xef\xbb\xbf"


def read_source(path: Path, diags: Diagnostics) -> SourceText | None:
    """The text of a file, without a byte order mark; None, with an error reported, when it cannot be had."""
    try:
        data = path.read_bytes()
    except OSError as error:
        diags.error("Failed to read file", f'The file "{path}" could not be read: {_reason(error)}.')
        return None
    data = data.removeprefix(BOM)
    try:
        return SourceText(str(path), data.decode("utf-8"))
    except UnicodeDecodeError as error:
        _report_encoding(str(path), data, error, diags)
        return None


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
