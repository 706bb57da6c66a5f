"""RE2's patterns for machines without google-re2: translated for the ``regex`` package, where both mean the same.

What RE2 refuses is refused here too, and also the few things that only RE2 can do. ``regex`` can take exponential
time, so it is stopped after some seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hclimg.lang.limits import TooLarge

SECONDS = 5.0
_MOST_REPETITIONS = 1000

_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\x0b\x0c\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_SPACE = r"\t\n\x0c\r "
_SAME = frozenset("aftnrvAbBdDwW")
_GROUP = re.compile(r"\(\?(?:P?<([A-Za-z_][A-Za-z0-9_]*)>|([a-zA-Z-]*)([:)]))", re.ASCII)
_REPETITION = re.compile(r"\{([0-9]+)(?:,([0-9]*))?\}", re.ASCII)
_HEXADECIMAL = re.compile(r"x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})", re.ASCII)


class Untranslatable(Exception):
    """RE2 refuses the pattern, or only RE2 can handle it; the message says why."""


class SlowPattern(TooLarge):
    """Matching took too long."""

    def __init__(self) -> None:
        super().__init__(f"matching takes more than {SECONDS:.0f} seconds; with google-re2 it would not")


class TimedPattern:
    """A compiled pattern with the methods of Python's that functions use; they raise SlowPattern."""

    __slots__ = ("_compiled",)

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled

    @property
    def groups(self) -> int:
        return int(self._compiled.groups)

    @property
    def groupindex(self) -> dict[str, int]:
        return dict(self._compiled.groupindex)

    def search(self, text: str) -> Any:
        try:
            return self._compiled.search(text, timeout=SECONDS)
        except TimeoutError:
            raise SlowPattern from None

    def finditer(self, text: str) -> Iterator[Any]:
        try:
            yield from self._compiled.finditer(text, timeout=SECONDS)
        except TimeoutError:
            raise SlowPattern from None


def compiled(pattern: str) -> TimedPattern:
    """The pattern for the ``regex`` package; raises Untranslatable."""
    import regex

    try:
        return TimedPattern(regex.compile(_Translator(pattern).run(), regex.ASCII | regex.VERSION0))
    except (regex.error, OverflowError) as error:
        raise Untranslatable(str(error)) from None


class _Translator:
    """Reads a pattern from left to right and writes what means the same."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.multiline = False
        self.repeats_nothing = True

    def run(self) -> str:
        return "".join(self._pieces())

    def _pieces(self) -> Iterator[str]:
        while self.at < len(self.pattern):
            letter = self.pattern[self.at]
            if letter == "\\":
                yield self._escape(inside=False)
            elif letter == "[":
                yield self._set()
            elif letter == "(":
                yield self._group()
            elif letter in "*+?{":
                yield self._repetition()
            else:
                self.at += 1
                # Without (?m), RE2's $ is the end of the text and nothing else.
                yield r"\Z" if letter == "$" and not self.multiline else letter
            self.repeats_nothing = letter in "(|"

    def _fail(self, why: str, length: int = 2) -> Untranslatable:
        return Untranslatable(f"{why} in {self.pattern[self.at : self.at + length]}")

    def _escape(self, *, inside: bool) -> str:
        following = self.pattern[self.at + 1 : self.at + 2]
        if not following:
            raise Untranslatable("trailing backslash at end of expression")
        if following == "Q" and not inside:
            return self._quotation()
        match = _HEXADECIMAL.match(self.pattern, self.at + 1)
        if match is not None:
            self.at = match.end()
            return f"\\U{int(match[1] or match[2], 16):08x}"
        found = self._letter(following, inside)
        self.at += 2
        return found

    def _letter(self, following: str, inside: bool) -> str:
        if following in "pP":
            raise self._fail("classes of Unicode need google-re2", 12)
        if following == "s":
            return _SPACE if inside else f"[{_SPACE}]"
        if following == "S" and not inside:
            return f"[^{_SPACE}]"
        if following == "z" and not inside:
            return r"\Z"
        if following.isascii() and following.isalnum() and (following not in _SAME or (inside and following in "AbB")):
            raise self._fail("invalid escape sequence")
        return "\\" + following if following.isascii() else following

    def _quotation(self) -> str:
        end = self.pattern.find("\\E", self.at)
        text = self.pattern[self.at + 2 : end if end >= 0 else None]
        self.at = end + 2 if end >= 0 else len(self.pattern)
        return re.escape(text)

    def _group(self) -> str:
        if not self.pattern.startswith("(?", self.at):
            self.at += 1
            return "("
        match = _GROUP.match(self.pattern, self.at)
        if match is None or set(match[2] or "") - set("ims-"):
            raise self._fail("invalid or unsupported Perl syntax", 4)
        if match[3] == ")" and self.at > 0:
            raise self._fail("flags in the middle need google-re2", 4)
        if "m" in (match[2] or ""):
            if match[3] != ")":
                raise self._fail("flags of a group need google-re2", 4)
            self.multiline = "m" in match[2].partition("-")[0]
        self.at = match.end()
        return f"(?P<{match[1]}>" if match[1] else match[0]

    def _repetition(self) -> str:
        if self.repeats_nothing:
            raise self._fail("missing argument to repetition operator", 1)
        letter = self.pattern[self.at]
        match = _REPETITION.match(self.pattern, self.at)
        if letter == "{" and match is None:
            self.at += 1
            return r"\{"
        if match is not None and max(int(n[:9]) for n in match.groups() if n) > _MOST_REPETITIONS:
            raise self._fail("invalid repeat count", match.end() - match.start())
        end = match.end() if match else self.at + 1
        lazy = self.pattern.startswith("?", end)
        following = self.pattern[end + lazy : end + lazy + 1]
        if following and (following in "*+?" or (following == "{" and _REPETITION.match(self.pattern, end + lazy))):
            raise self._fail("invalid nested repetition operator", end + lazy + 1 - self.at)
        found = self.pattern[self.at : end + lazy]
        self.at = end + lazy
        return found

    def _set(self) -> str:
        start = self.at
        self.at += 1
        pieces = ["["]
        if self.pattern.startswith("^", self.at):
            self.at += 1
            pieces.append("^")
        first = True
        while first or not self.pattern.startswith("]", self.at):
            if self.at >= len(self.pattern):
                raise Untranslatable(f"missing closing ] in {self.pattern[start : start + 40]}")
            pieces.append(self._member())
            first = False
        self.at += 1
        return "".join(pieces) + "]"

    def _member(self) -> str:
        letter = self.pattern[self.at]
        if letter == "\\":
            return self._escape(inside=True)
        end = self.pattern.find(":]", self.at + 2) if self.pattern.startswith("[:", self.at) else -1
        if end >= 0:
            name = self.pattern[self.at + 2 : end]
            if name not in _POSIX:
                raise self._fail("invalid character class range", end + 2 - self.at)
            self.at = end + 2
            return _POSIX[name]
        self.at += 1
        # These are operators on sets in some dialects, when doubled.
        return "\\" + letter if letter in "[]&|~" else letter
