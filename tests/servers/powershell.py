"""Stands in for PowerShell, of which there is none here: it takes the command lines and runs little of the language.

What it knows of a script: variables of the environment that are set to strings, ``Write-Output`` of a string or of such
a variable, ``throw 'x'``, ``exit N``, ``.`` and ``&`` of another script, and the task of another user. So a script that
is not where a command line says that it is, or a value that is quoted wrongly, shows as what a user would see.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

from attrs import define, field

import powershell_reader as reader

Write = Callable[[str], None]
NOT_FOUND = 0xFFFD0000 - (1 << 32)
_SWITCHES = ("-noprofile", "-noninteractive", "-nologo")
_OPTIONS = ("-executionpolicy",)
_CALL = re.compile(r"^([.&])\s*(.+)$")


class Ended(Exception):
    """``exit``."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@define(eq=False)
class PowerShell:
    """``here`` is where a path of Windows is on this host; ``run_line`` runs a line of cmd.exe: (output, exit code).

    ``users`` are those for whom tasks ran.
    """

    here: Callable[[str], Path]
    run_line: Callable[[str], tuple[str, int]]
    users: list[tuple[str, str]] = field(factory=list)

    def run(self, line: str, write: Write) -> int:
        """The exit code of a command line; what breaks here shows as its output."""
        try:
            return self._run(line, write)
        except Exception as error:
            write(f"{type(error).__name__}: {error}")
            return 255

    def _run(self, line: str, write: Write) -> int:
        words = arguments(line)[1:]
        while words:
            word, *words = words
            if word.lower() in _OPTIONS:
                words = words[1:]
            elif word.lower() == "-file":
                return self._file(words[0], write)
            elif word.lower() == "-encodedcommand":
                return self._command(b64decode(words[0]).decode("utf-16-le"), write)
            elif word.lower() == "-command":
                return self._command(" ".join(words), write)
            elif word.lower() not in _SWITCHES:
                return self._command(" ".join((word, *words)), write)
        return 0

    def _file(self, path: str, write: Write) -> int:
        place = self.here(path)
        if not place.is_file():
            write(f"The argument '{path}' to the -File parameter does not exist.")
            return NOT_FOUND
        return self._command(place.read_bytes().decode("utf-8-sig"), write)

    def _command(self, code: str, write: Write) -> int:
        if "Schedule.Service" in code:
            given = reader.assignments_of(code)
            self.users.append((given["user"], given["password"]))
            out, status = self.run_line(given["command"])
            for text in out.splitlines():
                write(text)
            return status
        try:
            _Script(self, write).run(code)
        except Ended as end:
            return end.status
        return 0


@define(eq=False)
class _Script:
    shell: PowerShell
    write: Write
    variables: dict[str, str] = field(factory=dict)
    last: int = 0

    def run(self, code: str) -> None:
        """Raises Ended."""
        for text in reader.statements(code):
            self._statement(text)

    def _statement(self, text: str) -> None:
        word, _, rest = text.partition(" ")
        called = _CALL.match(text)
        if text.lower().startswith("$env:") or text.lower().startswith("${env:"):
            self.variables.update(reader.assignments(text))
        elif called and called[2].startswith("{"):
            self.run(called[2].strip()[1:-1])
        elif called:
            self._call(called[1], reader.value(called[2]) if called[2][0] in "'\"" else called[2])
        elif word.lower() in ("write-output", "echo"):
            self.write(self._value(rest))
        elif word.lower() == "throw":
            self.write(self._value(rest))
            raise Ended(1)
        elif word.lower() == "exit":
            raise Ended(self.last if rest.lower() == "$lastexitcode" else int(rest))

    def _call(self, how: str, path: str) -> None:
        place = self.shell.here(path)
        if not place.is_file():
            self.write(f"The term '{path}' is not recognized as the name of a cmdlet, function or script file.")
            raise Ended(1)
        inner = _Script(self.shell, self.write, self.variables)
        try:
            inner.run(place.read_bytes().decode("utf-8-sig"))
        except Ended as end:
            if how == ".":
                raise
            self.last = end.status

    def _value(self, word: str) -> str:
        named = re.fullmatch(r"\$env:(\w+)|\$\{env:(.+)\}", word, re.IGNORECASE)
        if named:
            return self.variables.get(f"env:{named[1] or named[2]}", "")
        if "Dns]::GetHostName" in word:
            return "WIN-1 restarted."
        return reader.value(word)


def arguments(line: str) -> list[str]:
    """A command line as a program of C takes it apart: quotes, and backslashes before them."""
    words: list[str] = []
    current, quoted, started, at = "", False, False, 0
    while at < len(line):
        slashes = len(line[at:]) - len(line[at:].lstrip("\\"))
        at += slashes
        char = line[at : at + 1]
        if char == '"':
            current += "\\" * (slashes // 2) + ('"' if slashes % 2 else "")
            quoted, started = quoted ^ (slashes % 2 == 0), True
        else:
            current += "\\" * slashes
            if char in (" ", "\t") and not quoted:
                if current or started:
                    words.append(current)
                current, started = "", False
            else:
                current += char
        at += 1
    return [*words, current] if current or started else words
