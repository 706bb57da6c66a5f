"""A piece of source text as a terminal shows it: line numbers, and the range underlined with ``^~~~``.

Knows the width of characters; knows no colours and no diagnostics.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from attrs import frozen

from hclimg.diagnostics import Range

TAB = 4
HEAD, TAIL = 3, 1  # lines of a long range that are shown from its beginning and its end
JOINERS = "\u200c\u200d"


@frozen
class SnippetLine:
    """``marks`` is the underline below ``code``; both are empty on the line that stands for left-out lines."""

    number: str
    code: str
    marks: str


def snippet(where: Range, room: int) -> list[SnippetLine]:
    """The lines of a range, each at most ``room`` columns wide."""
    first, last = where.begin, where.finish
    if last.line > first.line and last.column == 1:  # the range ends with a line's end: that line is not part of it
        last = where.source.position(where.end - 1)
        last_offset: int | None = None
    else:
        last_offset = last.offset
    lines = []
    for number in _shown(first.line, last.line):
        if number == 0:
            lines.append(SnippetLine("...", "", ""))
            continue
        text = where.source.line(number)
        begin = where.source.line_starts[number - 1]
        start = first.offset - begin if number == first.line else len(text) - len(text.lstrip())
        end = last_offset - begin if number == last.line and last_offset is not None else len(text.rstrip())
        lines.append(_line(str(number), text, start, end, room))
    return lines


def _shown(first: int, last: int) -> Iterator[int]:
    """The numbers of the lines to show; 0 stands for what is left out."""
    if last - first < HEAD + TAIL + 1:
        yield from range(first, last + 1)
        return
    yield from range(first, first + HEAD)
    yield 0
    yield from range(last - TAIL + 1, last + 1)


def _line(number: str, text: str, start: int, end: int, room: int) -> SnippetLine:
    glyphs = list(_glyphs(text))
    starts = [0]
    for glyph in glyphs:
        starts.append(starts[-1] + _width(glyph))
    start, end = min(start, len(text)), min(max(start, end), len(text))
    low, high = _window(starts, start, end, room)
    code = ("…" if low else "") + "".join(glyphs[low:high]) + ("…" if high < len(glyphs) else "")
    indent = starts[start] - starts[low] + (1 if low else 0)
    length = max(1, starts[min(end, high)] - starts[start])
    return SnippetLine(number, code.rstrip(), " " * indent + "^" + "~" * (length - 1))


def _window(starts: list[int], start: int, end: int, room: int) -> tuple[int, int]:
    """Which characters fit into ``room`` columns, so that the beginning of the marked range is among them."""
    count = len(starts) - 1
    if starts[count] <= room:
        return 0, count
    low = 0
    if starts[end] > room - 1:
        while low < start and starts[start] - starts[low] > room // 3:
            low += 1
    space, high = room - (2 if low else 1), low
    while high < count and starts[high + 1] - starts[low] <= space:
        high += 1
    return low, high


def _glyphs(text: str) -> Iterator[str]:
    """What is shown for each character: tabs widened, control and direction characters made visible."""
    column = 0
    for char in text:
        if char == "\t":
            glyph = " " * (TAB - column % TAB)
        elif char < " ":
            glyph = chr(0x2400 + ord(char))
        elif char == "\x7f" or (unicodedata.category(char) in ("Cc", "Cf") and char not in JOINERS):
            glyph = "\ufffd"
        else:
            glyph = char
        column += _width(glyph)
        yield glyph


def _width(glyph: str) -> int:
    if glyph.isascii():
        return len(glyph)
    if unicodedata.category(glyph) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(glyph) in "WF" else 1
