"""Finding files by a pattern: ``*``, ``?``, ``[…]``, ``{a,b}`` within a name, and ``**`` for any folders between."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_ALTERNATIVES = 1000


class GlobError(Exception):
    """The pattern is not valid."""


def find_files(folder: Path, pattern: str) -> list[str]:
    """The regular files below a folder that match, as paths relative to it. ``**`` does not follow links."""
    found: set[str] = set()
    for alternative in _alternatives(pattern):
        segments = [s for s in alternative.split("/") if s not in ("", ".")]
        found.update(_matching(folder, "", segments))
    return sorted(found)


def _alternatives(pattern: str) -> list[str]:
    """The patterns that one with braces stands for."""
    todo = [pattern]
    found: list[str] = []
    while todo:
        if len(todo) + len(found) > _MOST_ALTERNATIVES:
            raise GlobError("the pattern has too many alternatives")
        current = todo.pop()
        span = _braces(current)
        if span is None:
            found.append(current)
            continue
        start, end, parts = span
        todo.extend(current[:start] + part + current[end:] for part in parts)
    return found


def _braces(pattern: str) -> tuple[int, int, list[str]] | None:
    """Where the first group of braces stands, and its alternatives."""
    start = pattern.find("{")
    if start < 0:
        return None
    depth, cuts = 0, [start]
    for at in range(start, len(pattern)):
        depth += {"{": 1, "}": -1}.get(pattern[at], 0)
        if pattern[at] == "," and depth == 1:
            cuts.append(at)
        if depth == 0:
            cuts.append(at)
            parts = [pattern[a + 1 : b] for a, b in pairwise(cuts)]
            return start, at + 1, parts
    raise GlobError("syntax error in pattern: a brace is not closed")


def _matching(folder: Path, prefix: str, segments: list[str]) -> Iterator[str]:
    if not segments:
        return
    segment, rest = segments[0], segments[1:]
    if segment == "**":
        yield from _matching(folder, prefix, rest or ["*"])
        for name in _names(folder):
            child = folder / name
            if child.is_dir() and not child.is_symlink():
                yield from _matching(child, f"{prefix}{name}/", segments)
        return
    for name in _named(folder, segment):
        child = folder / name
        if rest:
            if child.is_dir():
                yield from _matching(child, f"{prefix}{name}/", rest)
        elif child.is_file():
            yield prefix + name


def _named(folder: Path, segment: str) -> list[str]:
    if segment == "..":
        return [segment]
    pattern = _compiled(segment)
    return [name for name in _names(folder) if pattern.fullmatch(name)]


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []


def _compiled(segment: str) -> re.Pattern[str]:
    pieces: list[str] = []
    at = 0
    while at < len(segment):
        letter = segment[at]
        at += 1
        if letter == "*":
            if pieces[-1:] != [".*"]:
                pieces.append(".*")
        elif letter == "?":
            pieces.append(".")
        elif letter == "[":
            piece, at = _character_class(segment, at)
            pieces.append(piece)
        elif letter == "\\" and at < len(segment):
            pieces.append(re.escape(segment[at]))
            at += 1
        else:
            pieces.append(re.escape(letter))
    return re.compile("".join(pieces), re.DOTALL)


def _character_class(segment: str, at: int) -> tuple[str, int]:
    """The class that begins after a bracket, and the position after it."""
    end = segment.find("]", at + 1)
    if end < 0:
        raise GlobError("syntax error in pattern: a bracket is not closed")
    inner = segment[at:end]
    negated = inner[:1] in ("^", "!")
    body = inner[1:] if negated else inner
    escaped = re.sub(r"[\\\[\]^&~|]", lambda m: "\\" + m[0], body)
    piece = f"[{'^' if negated else ''}{escaped}]"
    try:
        re.compile(piece)
    except re.error:
        raise GlobError("syntax error in pattern: a bracket has no valid range") from None
    return piece, end + 1
