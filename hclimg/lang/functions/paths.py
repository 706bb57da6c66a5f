"""Paths as texts: the rules of Go's filepath package, which Packer's functions follow."""

from __future__ import annotations


def clean(path: str) -> str:
    """The shortest path that means the same, without looking at any file; ``.`` for an empty one."""
    rooted = path.startswith("/")
    parts: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part != ".." or (not rooted and (not parts or parts[-1] == "..")):
            parts.append(part)
        elif parts:
            parts.pop()
    return ("/" if rooted else "") + "/".join(parts) or "."


def base(path: str) -> str:
    """The last part of a path; ``.`` for an empty one and ``/`` for one of slashes only."""
    if not path:
        return "."
    return path.rstrip("/").rpartition("/")[2] or "/"


def directory(path: str) -> str:
    """All but the last part of a path."""
    return clean(path[: path.rfind("/") + 1])
