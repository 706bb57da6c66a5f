"""Which files of a directory a Dockerfile can copy from: all but those that a ``.dockerignore`` leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from hclimg.builders.docker.config import BuildConfig

_OWN = ".hclimg"
"""Where runs of hclimg leave their logs: different each time, and nothing to copy."""
_PIECES = re.compile(r"(?P<tree>\*\*/)|(?P<all>\*\*)|(?P<star>\*)|(?P<one>\?)|(?P<set>\[[^\]]+\])|\\?(?P<plain>.)")
_MEANINGS = {"tree": "(?:.*/)?", "all": ".*", "star": "[^/]*", "one": "[^/]"}


def files_of(build: BuildConfig) -> tuple[Path, ...]:
    """Sorted. The Dockerfile is among them when it is in the directory."""
    top = build.context
    ignored = _Ignored(_lines(build))
    names = (path.relative_to(top) for path in top.rglob("*") if path.is_file())
    return tuple(top / name for name in sorted(names) if name.parts[0] != _OWN and not ignored(name.as_posix()))


def _lines(build: BuildConfig) -> list[str]:
    """Of the file for this Dockerfile, or of the one of the directory."""
    for path in (Path(f"{build.path}.dockerignore").expanduser(), build.context / ".dockerignore"):
        if path.is_file():
            return path.read_text(errors="replace").splitlines()
    return []


class _Ignored:
    """The last pattern that fits decides; one that fits a directory fits what is in it."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules = list(_rules(lines))

    def __call__(self, name: str) -> bool:
        fits = [leaves_out for leaves_out, pattern in self._rules if pattern.fullmatch(name)]
        return bool(fits) and fits[-1]


def _rules(lines: Iterable[str]) -> Iterator[tuple[bool, re.Pattern[str]]]:
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        pattern = text.removeprefix("!").strip().strip("/").removeprefix("./")
        yield not text.startswith("!"), re.compile(f"{_regex(pattern)}(?:/.*)?", re.DOTALL)


def _regex(pattern: str) -> str:
    return "".join(
        _MEANINGS.get(found.lastgroup or "") or (found[0] if found["set"] else re.escape(found["plain"]))
        for found in _PIECES.finditer(pattern)
    )
