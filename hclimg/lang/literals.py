"""The text inside strings and heredocs: escapes, strip markers, the indentation of flush heredocs. No tokens here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)|\$\$\{|%%\{")
SIMPLE: Final = {r"\n": "\n", r"\r": "\r", r"\t": "\t", r"\"": '"', r"\\": "\\", "$${": "${", "%%{": "%{"}
# What Go calls space; Python's strip() also takes the ASCII separators.
SPACE: Final = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"  # fmt: skip  # noqa: E501


class BadEscapeError(ValueError):
    """An escape sequence that means nothing, ``length`` characters at ``offset``."""

    def __init__(self, offset: int, length: int) -> None:
        super().__init__(offset, length)
        self.offset = offset
        self.length = length


def unescape_quoted(raw: str) -> str:
    """The text that the inside of a quoted string means; raises BadEscapeError."""
    if "\\" in raw or "{" in raw:
        return ESCAPE.sub(_decode, raw)
    return raw


def unescape_bare(raw: str) -> str:
    """The text that a piece of a heredoc means: backslashes are themselves there."""
    if "{" in raw:
        return raw.replace("$${", "${").replace("%%{", "%{")
    return raw


def _decode(m: re.Match[str]) -> str:
    found = m[0]
    simple = SIMPLE.get(found)
    if simple is not None:
        return simple
    code = int(found.lstrip("\\uU"), 16) if len(found) > 2 else -1
    if code < 0 or code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise BadEscapeError(m.start(), _length_meant(m.string, m.start()))
    return chr(code)


def _length_meant(raw: str, at: int) -> int:
    r"""How far a bad escape goes: ``\u12`` is one of four characters that lacks digits."""
    wanted = {"u": 4, "U": 8}.get(raw[at + 1], 0)
    end = at + 2
    while wanted and end < len(raw) and end < at + 2 + wanted and raw[end] in "0123456789abcdefABCDEF":
        end += 1
    return end - at


def flush(lines: Sequence[str | None]) -> list[str | None]:
    """Take the common indentation off the pieces of a ``<<-`` heredoc, where None stands for a template sequence.

    A piece ends at its line's end at the latest. Lines of only space don't count and stay as they are. This is HCL's
    own reckoning, oddities included: a piece whose newline was stripped doesn't begin a new line.
    """
    indented: list[int] = []
    least: int | None = None
    at_start = True
    for i, line in enumerate(lines):
        if at_start:
            indent = 0 if line is None else len(line) - len(line.lstrip(SPACE))
            if line is None or indent < len(line) or not line.endswith("\n"):
                least = indent if least is None else min(least, indent)
                indented.append(i)
        at_start = line is not None and line.endswith("\n")
    out = list(lines)
    for i in indented if least else ():
        line = out[i]
        out[i] = None if line is None else line[least:]
    return out


def identifier_length(word: str) -> int:
    """How many characters of ``word`` form an identifier; ASCII characters in it are known to be right."""
    for i, c in enumerate(word):
        if c > "\x7f" and not (("a" + c).isidentifier() if i else c.isidentifier()):
            return i
    return len(word)
