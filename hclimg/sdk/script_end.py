"""What the end of a script means, in words: its exit code, and the line that its shell named.

Shells name a line of the script when they themselves fail: ``PATH: 3: foo: not found`` (dash), ``PATH: line 3: …``
(bash, ksh). A program that the script runs names none.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence

from attrs import frozen

_SIGNALLED = 128  # a shell adds the number of the signal that ended its command
_LONGEST = 80


@frozen
class Named:
    """A line of a script, counted from 1."""

    number: int
    text: str


def named_line(path: str, content: bytes, output: Sequence[str]) -> Named | None:
    """The line that the shell named last in what was printed, when the script at ``path`` has one of that number."""
    wanted = re.compile(rf"{re.escape(path)}: (?:line )?(\d+): ")
    lines = content.decode(errors="replace").splitlines()
    for printed in reversed(output):
        found = wanted.match(printed)
        if found and 0 < int(found[1]) <= len(lines):
            return Named(int(found[1]), lines[int(found[1]) - 1].strip())
    return None


def describe_end(name: str, status: int, line: Named | None, where: str = "") -> str:
    """``The script "x" ended with exit code 127; its shell complained about line 3, "foo".``"""
    text = f'The script "{name}" ended with exit code {status}{_signal(status)}{where}'
    return f"{text}; its shell complained about line {line.number}, {_quoted(line.text)}." if line else f"{text}."


def _signal(status: int) -> str:
    try:
        return f" (killed by {signal.Signals(status - _SIGNALLED).name})" if status > _SIGNALLED else ""
    except ValueError:
        return ""


def _quoted(text: str) -> str:
    return f'"{text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"}"'
