"""Writes values as YAML in block style: strings in double quotes, or as literal blocks if they have several lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hclimg.lang import numbers
from hclimg.lang.limits import joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hclimg.lang.values import Value

_LONGEST_KEY = 128
_WIDTH = 80
_NAMED = {
    "\0": "\\0",
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    "\x1b": "\\e",
    '"': '\\"',
    "\\": "\\\\",
    "\x85": "\\N",
    "\xa0": "\\_",
    "\u2028": "\\L",
    "\u2029": "\\P",
}


def encode(value: Value) -> str:
    """The text of a wholly known value as a document."""
    text = joined(_node(value, -2, -1, in_mapping=False))
    # A plain scalar, or a block that keeps its newlines, must be told where it ends.
    open_ended = _is_plain(value) or (isinstance(value.raw, str) and text.startswith("|") and "+\n" in text[:4])
    return text.lstrip(" ") + ("...\n" if open_ended else "")


def _is_plain(value: Value) -> bool:
    return not isinstance(value.raw, str | tuple | dict)


def _node(value: Value, indent: int, column: int, *, in_mapping: bool) -> Iterator[str]:
    """A value after ``- `` or ``key:``, with the newline at its end.

    ``indent`` is that of what it stands in, ``column`` how many characters are on the line already.
    """
    raw = value.raw
    if isinstance(raw, str):
        yield f" {_text(raw, indent + 2, column + 1)}\n"
    elif isinstance(raw, tuple) and raw:
        yield from _sequence(raw, indent if in_mapping else indent + 2, in_mapping=in_mapping)
    elif isinstance(raw, dict) and raw:
        yield from _mapping(raw, indent + 2, in_mapping=in_mapping)
    else:
        yield f" {_plain(raw)}\n"


def _plain(raw: Any) -> str:
    if raw is None or isinstance(raw, bool):
        return {None: "null", True: "true", False: "false"}[raw]
    if isinstance(raw, tuple | dict):
        return "[]" if isinstance(raw, tuple) else "{}"
    return numbers.text(raw)


def _sequence(items: tuple[Value, ...], indent: int, *, in_mapping: bool) -> Iterator[str]:
    for position, item in enumerate(items):
        # The first entry of a nested sequence stands on the line of its dash.
        yield "\n" if in_mapping and position == 0 else ""
        yield " " if not in_mapping and position == 0 else " " * indent
        yield "-"
        yield from _node(item, indent, indent + 1, in_mapping=False)


def _mapping(items: dict[str, Value], indent: int, *, in_mapping: bool) -> Iterator[str]:
    for position, name in enumerate(sorted(items)):
        yield "\n" if in_mapping and position == 0 else ""
        yield " " if not in_mapping and position == 0 else " " * indent
        long = len(name.encode()) > _LONGEST_KEY or "\n" in name
        key = f"? {_text(name, indent + 2, indent + 2)}\n{' ' * indent}:" if long else f"{_quoted(name)}:"
        yield key
        yield from _node(items[name], indent, indent + (1 if long else len(key)), in_mapping=not long)


# -- strings --------------------------------------------------------------------


def _text(text: str, indent: int, column: int) -> str:
    indent = max(indent, 2)
    return _block(text, indent) if "\n" in text and _fits_block(text) else _folded(text, indent, column)


def _folded(text: str, indent: int, column: int) -> str:
    """The text in quotes; a space behind the last column begins a new line, which reads as the space."""
    pieces = ['"']
    column += 1
    after_space = False
    for at, letter in enumerate(text):
        if letter == " " and not after_space and column > _WIDTH and 0 < at < len(text) - 1:
            # A space at the beginning of a line would be lost.
            pieces.append("\n" + " " * indent + ("\\" if text[at + 1] == " " else ""))
            column = indent + (text[at + 1] == " ")
        else:
            pieces.append(_escaped(letter))
            column += len(pieces[-1])
        after_space = letter == " "
    return "".join(pieces) + '"'


def _fits_block(text: str) -> bool:
    """Whether a literal block can hold the text: it shows no trailing spaces and no special characters."""
    return not text.endswith(" ") and " \n" not in text and all(c == "\n" or _is_printable(c) for c in text)


def _block(text: str, indent: int) -> str:
    hint = "2" if text[0] in " \n" else ""
    chomping = "" if text.endswith("\n") else "-"
    if text == "\n" or text.endswith("\n\n"):
        chomping = "+"
    lines = text.removesuffix("\n").split("\n")
    body = "\n".join(" " * indent + line if line else "" for line in lines)
    return f"|{hint}{chomping}\n{body}"


def _quoted(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\\n\u2028\u2029' or not _is_printable(letter):
        return _NAMED.get(letter) or _numbered(ord(letter))
    return letter


def _numbered(code: int) -> str:
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def _is_printable(letter: str) -> bool:
    return (
        " " <= letter <= "~" or "\xa0" <= letter <= "\ud7ff" or ("\ue000" <= letter <= "\ufffd" and letter != "\ufeff")
    )
