"""Finding files by a pattern: ``*``, ``?``, ``[…]``, ``{a,b}`` within a name, and ``**`` for any folders between."""

from __future__ import annotations

import os
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


_Step = re.Pattern[str] | str


def _matching(folder: Path, prefix: str, segments: list[str]) -> Iterator[str]:
    """Walks each folder once, whatever the number of ways is in which ``**`` could match."""
    steps = [segment if segment in (_DEEP, "..") else _compiled(segment) for segment in _collapsed(segments)]
    todo = [(folder, prefix, frozenset((0,)) if steps else frozenset())]
    seen = 0
    while todo:
        here, path, states = todo.pop()
        for name, is_folder, is_file in _entries(here, states, steps):
            seen += 1
            if seen > _MOST_ENTRIES:
                raise GlobError(f"there are more than {_MOST_ENTRIES:,} files to look at")
            following = frozenset(_after(name, states, steps, is_folder))
            if is_file and len(steps) in following:
                yield path + name
            if is_folder and following - {len(steps)}:
                todo.append((here / name, f"{path}{name}/", following - {len(steps)}))


_DEEP = "**"
_MOST_ENTRIES = 250_000


def _collapsed(segments: list[str]) -> list[str]:
    """The segments with ``**/**`` as ``**``, and a last ``**`` as ``**/*``."""
    kept = [s for at, s in enumerate(segments) if s != _DEEP or segments[at - 1 : at] != [_DEEP]]
    return [*kept, "*"] if kept[-1:] == [_DEEP] else kept


def _after(name: str, states: frozenset[int], steps: list[_Step], is_folder: bool) -> Iterator[int]:
    """Where in the pattern one may be after a name. ``**`` stands for any number of folders, also for none."""
    for state in states:
        if steps[state] == _DEEP:
            if is_folder and name != "..":
                yield state
            state += 1
        step = steps[state]
        if step == name if isinstance(step, str) else step.fullmatch(name):
            yield state + 1


def _entries(folder: Path, states: frozenset[int], steps: list[_Step]) -> Iterator[tuple[str, bool, bool]]:
    """Names in a folder, and whether each is a folder to look into and a regular file."""
    if ".." in (steps[state + (steps[state] == _DEEP)] for state in states):
        yield "..", True, False
    deep_only = all(steps[state] == _DEEP for state in states)
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        try:
            is_link = entry.is_symlink()
            yield entry.name, entry.is_dir() and not (is_link and deep_only), entry.is_file()
        except OSError:  # a loop of links, or what may not be looked at
            continue


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
