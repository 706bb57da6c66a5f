"""Problems shown to the person who wrote the template.

Data only: what is wrong, where, and what to do. Rendering lives in ``hclimg.ui``.

Rules for texts: ``summary`` is fixed words for a kind of problem, without names and without a full stop;
``detail`` is full sentences: what, why, and what to do ("Did you mean …?").
"""

from __future__ import annotations

import bisect
import difflib
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Any

from attrs import define, field, frozen

from hclimg.errors import TemplateError


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Absence(StrEnum):
    """What it is that a diagnostic says there is none of."""

    DECLARATION = "declaration"
    BUILD = "build"


@define(eq=False, repr=False)
class SourceText:
    """One text that the user wrote, with its name as the user knows it.

    Offsets count code points of ``text``; ``text`` has no byte order mark.
    """

    filename: str
    text: str
    _starts: list[int] | None = field(default=None, init=False)

    def __repr__(self) -> str:
        return f"SourceText({self.filename!r})"

    @property
    def line_starts(self) -> list[int]:
        """The offset at which each line begins."""
        if self._starts is None:
            starts = [0]
            find, at = self.text.find, self.text.find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = find("\n", at + 1)
            self._starts = starts
        return self._starts

    def position(self, offset: int) -> Position:
        starts = self.line_starts
        line = bisect.bisect_right(starts, offset) - 1
        before = self.text[starts[line] : offset]
        return Position(line=line + 1, column=_characters(before) + 1, offset=offset)

    def line(self, number: int) -> str:
        """Line ``number`` (from 1) without its end."""
        starts = self.line_starts
        if not 1 <= number <= len(starts):
            return ""
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r\n")

    def range(self, start: int, end: int) -> Range:
        return Range(self, start, end)


@frozen
class Position:
    """``line`` and ``column`` count from 1, a column for each character as it is seen; ``offset`` is in code points."""

    line: int
    column: int
    offset: int


def _characters(text: str) -> int:
    if text.isascii():
        return len(text)
    import regex  # it knows Unicode's segmentation rules

    return len(regex.findall(r"\X", text))


@frozen(eq=False)
class Range:
    """A piece of a source text: offsets ``start`` (included) to ``end`` (not included)."""

    source: SourceText
    start: int
    end: int

    @property
    def filename(self) -> str:
        return self.source.filename

    @property
    def begin(self) -> Position:
        return self.source.position(self.start)

    @property
    def finish(self) -> Position:
        return self.source.position(self.end)

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def __str__(self) -> str:
        at = self.begin
        return f"{self.filename}:{at.line}:{at.column}"


@frozen
class Related:
    """Another place that matters: "first set here", "opened here"."""

    message: str
    range: Range


@frozen(kw_only=True)
class Diagnostic:
    """One problem.

    ``subject`` is the tight range that is wrong; ``context`` names the block around it ("source "qemu" "web"");
    ``values`` are the references that took part, name to shown value, secrets already masked.
    ``absence`` when it says that something is not there, which nobody knows while such things cannot all be read.
    """

    severity: Severity
    summary: str
    detail: str = ""
    subject: Range | None = None
    context: str = ""
    related: tuple[Related, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    absence: Absence | None = None

    def __str__(self) -> str:
        where = f"{self.subject}: " if self.subject else ""
        return f"{where}{self.severity.capitalize()}: {self.summary}" + (f"; {self.detail}" if self.detail else "")


@define
class Diagnostics:
    """A collector that is passed down.

    Functions report into it and return their best effort; the boundary calls :meth:`raise_if_errors`.
    """

    items: list[Diagnostic] = field(factory=list)

    def error(self, summary: str, detail: str = "", **where: Any) -> None:
        """Report an error; ``where`` takes the other fields of :class:`Diagnostic`."""
        self.items.append(Diagnostic(severity=Severity.ERROR, summary=summary, detail=detail, **where))

    def warn(self, summary: str, detail: str = "", **where: Any) -> None:
        """Report a warning; ``where`` takes the other fields of :class:`Diagnostic`."""
        self.items.append(Diagnostic(severity=Severity.WARNING, summary=summary, detail=detail, **where))

    def extend(self, more: Iterable[Diagnostic]) -> None:
        self.items.extend(more)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def errors(self) -> list[Diagnostic]:
        return [d for d in self.items if d.severity is Severity.ERROR]

    @property
    def has_errors(self) -> bool:
        return any(d.severity is Severity.ERROR for d in self.items)

    def raise_if_errors(self) -> None:
        """Raise TemplateError with everything that was reported, warnings included."""
        if self.has_errors:
            raise TemplateError(self.items)


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was most likely meant, or nothing when none is close."""
    if len(name) > _LONGEST_NAME:
        return ""
    names = list(islice(known, _MOST_NAMES))
    folded = _folded(name)
    alike = next((other for other in names if _folded(other) == folded), "")
    return alike or next(iter(difflib.get_close_matches(name, names, n=1, cutoff=0.6)), "")


# Comparing takes quadratic time; what a template computes can be long, and there can be a lot of it.
_LONGEST_NAME, _MOST_NAMES = 200, 1000


def _folded(name: str) -> str:
    """What is left of a name without case, kind of separator, and plural."""
    return name.casefold().replace("-", "").replace("_", "").removesuffix("s")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` Did you mean "x"?`` with a leading space, or nothing when no known name is close."""
    close = nearest(name, known)
    return f' Did you mean "{close}"?{_strange_letter(name)}' if close else ""


def one_of(name: str, known: Iterable[str], lead: str, most: int = 8) -> str:
    """:func:`did_you_mean`, or, when no name is close and there are few of them, which there are, behind ``lead``."""
    names = sorted(known)
    hint = did_you_mean(name, names)
    return hint if hint or not 0 < len(names) <= most else f" {lead} {listed(names)}."


def listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def _strange_letter(name: str) -> str:
    """Letters of other scripts that look like those of a name which is written in ASCII."""
    for c in name:
        if not c.isascii() and c.isalpha():
            import unicodedata

            what = unicodedata.name(c, "unnamed").lower()
            return f' The "{c}" in yours is the character U+{ord(c):04X} ({what}).'
    return ""
