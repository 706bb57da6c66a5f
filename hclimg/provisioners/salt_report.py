"""What Salt prints of the states that it applied: which failed and why, or why it could not begin.

Read line by line from its usual output, so that people see that as well. With another one (``--out=json``) nothing is
found, and the exit code says what there is to say.
"""

from __future__ import annotations

import re

from attrs import define, field, frozen

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LABEL = re.compile(r"^ *(ID|Function|Name|Result|Comment|Started|Duration|Changes|Warnings): ?(.*)$")
_COLON = 12  # in which column the labels end
_NOT_COMPILED = re.compile(r"^ {4}(?:Data failed to compile|Pillar failed to render with the following messages):$")
_RAISED = re.compile(r"^salt\.exceptions\.\w+: (.+)$")
"""The last line of a traceback in the log."""
_MASTER_LOG = "Please see master log for details"
_LOGGED = re.compile(r"^\[[A-Z ]{8}\] ")
_CONSEQUENCE = "One or more requisite failed"
_SHOWN = 3  # states in a message
_LONG = 400  # characters of one explanation
_KEPT = 100  # lines of one


@frozen
class State:
    """One that failed. ``changes`` are what it did before or while it did."""

    id: str
    function: str
    name: str
    comment: str
    changes: str

    @property
    def told(self) -> str:
        named = f' of "{self.name}"' if self.name not in ("", self.id) else ""
        changed = f" (changes: {self.changes})" if self.changes else ""
        return f'"{self.id}" ({self.function}{named}): {_short(self.comment)}{changed}'


@define
class SaltReport:
    """Call :meth:`line` with every line of output; afterwards :attr:`failure` is a sentence, or empty."""

    failed: list[State] = field(factory=list)
    total: int = 0
    _parts: dict[str, list[str]] = field(factory=dict)
    _label: str = ""
    _compiling: list[str] | None = None
    _raised: str = ""

    def line(self, text: str, stream: str) -> None:
        """``stderr`` has the log, unless a terminal mixes both."""
        text = _COLOUR.sub("", text).rstrip()
        if raised := _RAISED.match(text):
            self._raised = raised[1]
        if stream == "stderr" or _LOGGED.match(text):
            return
        if _NOT_COMPILED.match(text):
            self._compiling = self._compiling or []
        elif self._compiling is not None:
            _keep(self._compiling, text)
        elif text.startswith("----------"):
            self._end()
        elif (label := _LABEL.match(text)) and text.find(":") == _COLON:
            self._label = label[1]
            _keep(self._parts.setdefault(self._label, []), label[2])
        elif text.startswith(" " * (_COLON + 2)):
            _keep(self._parts.setdefault(self._label, []), text.strip())
        elif not text:
            self._end()

    def _end(self) -> None:
        parts = {name: " ".join(filter(None, lines)) for name, lines in self._parts.items()}
        if {"ID", "Result"} <= parts.keys():
            self.total += 1
        if parts.get("Result") == "False" and "ID" in parts:
            changes = _changes(self._parts.get("Changes", []))
            function, name, comment = (parts.get(label, "") for label in ("Function", "Name", "Comment"))
            self.failed.append(State(parts["ID"], function, name, comment, changes))
        self._parts, self._label = {}, ""

    @property
    def failure(self) -> str:
        self._end()
        if self._compiling is not None:
            return f"Salt cannot begin: {_short(self._reason(self._compiling))}."
        causes = [state for state in self.failed if not state.comment.startswith(_CONSEQUENCE)] or self.failed
        if not causes:
            return ""
        told = [state.told for state in causes[:_SHOWN]]
        if (more := len(causes) - _SHOWN) > 0:
            told.append(f"{more} others")
        if dependent := len(self.failed) - len(causes):
            requires = "it requires" if dependent == 1 else "they require"
            told.append(f"{dependent} more because {requires} one that failed")
        return f"{len(self.failed)} of {self.total} states failed: {'; '.join(told)}."

    def _reason(self, lines: list[str]) -> str:
        """There is no master here, and so no log of it: what it would say stands in the log of the machine."""
        said = " ".join(line.strip() for line in lines if line.strip(" -"))
        return said.replace(_MASTER_LOG, self._raised) if self._raised else said


def _keep(lines: list[str], line: str) -> None:
    """Whatever is printed, memory is bounded."""
    if len(lines) < _KEPT:
        lines.append(line[:_LONG])


def _changes(lines: list[str]) -> str:
    """Salt prints a line for a name and one for its value."""
    return _short(" ".join(line for line in lines if line.strip(" -")))


def _short(text: str) -> str:
    text = text.strip().rstrip(".")
    return text if len(text) <= _LONG else text[:_LONG] + "…"
