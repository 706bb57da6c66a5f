"""What went wrong in a run of Ansible, out of what it printed.

No callback plugin is put into it for that: it would take the place of those that the user's ansible.cfg names. The
lines are those of its default callback; where another one is in use nothing is found, and the exit code must do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from hclimg.errors import CommandFailed

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TASK = re.compile(r"(?:TASK|RUNNING HANDLER) \[(.*)\]")
_RESULT = re.compile(r"(?:fatal|failed): \[([^\]]+)\](?: \(item=(.*?)\))?:? (FAILED!|UNREACHABLE!)?\s*=>\s*(.*)")
_ORIGIN = re.compile(r"Origin: (.+:\d+:\d+)$")
_OLD_ORIGIN = re.compile(r"The error appears to (?:be|have been) in '(.+)': line (\d+), column (\d+)")
_ERROR = re.compile(r"(?:\[ERROR\]:|ERROR!) (.*)")
_MESSAGE = re.compile(r'^\s*"?msg"?: "?(.*?)"?,?$')
_PYTHON_IS_MISSING = re.compile(r"interpreter .*not found|python[\d.]*'?:? (?:command )?not found", re.IGNORECASE)
_NO_PYTHON = "Most modules need Python on the machine: install it in a step before, or set ansible_python_interpreter."
_LOOP = "One or more items failed"
_LONGEST = 300


@frozen
class Trouble:
    """A task that failed on a host. ``origin`` is ``FILE:LINE:COLUMN`` of the task, when Ansible says it."""

    task: str
    host: str
    message: str
    unreachable: bool = False
    origin: str = ""

    @property
    def sentence(self) -> str:
        task = f'the task "{self.task}"' if self.task else "a task"
        if self.unreachable:
            return f'Ansible cannot reach "{self.host}" in {task}: {self.message}'
        return f'Ansible: {task} failed on "{self.host}": {self.message}'


@define
class AnsibleOutput:
    """Reads the lines as they come. ``unmatched`` are patterns of plays for which there was no host."""

    unmatched: list[str] = field(factory=list)
    _play: str = ""
    _task: str = ""
    _origin: str = ""
    _error: str = ""
    _failed: list[Trouble] = field(factory=list)
    _items: list[Trouble] = field(factory=list)
    _open: bool = False

    def line(self, text: str) -> None:
        plain = _COLOUR.sub("", text)
        if found := _TASK.search(plain):
            self._task, self._origin, self._items, self._open = found[1], "", [], False
        elif found := _RESULT.match(plain):
            self._result(found)
        elif plain.strip() == "...ignoring":
            self._ignored()
        elif plain.startswith("PLAY ["):
            self._play, self._task, self._open = plain[6:].rpartition("]")[0], "", False
        elif plain.startswith("skipping: no hosts matched"):
            self.unmatched.append(self._play)
        elif found := _ERROR.match(plain):
            self._error = found[1]
        elif found := _ORIGIN.match(plain):
            self._origin = self._origin or found[1]
        elif found := _OLD_ORIGIN.match(plain):
            self._origin = f"{found[1]}:{found[2]}:{found[3]}"
        elif self._open:
            self._more(plain)

    @property
    def trouble(self) -> Trouble | None:
        """The last failure that was not ignored."""
        return self._failed[-1] if self._failed else None

    def explain(self, error: CommandFailed) -> CommandFailed:
        """The error with what Ansible said: of a task, or else of the playbook, the inventory or the arguments."""
        if trouble := self.trouble:
            hints = [f"The task is at {trouble.origin}."] if trouble.origin else []
            hints += [_NO_PYTHON] if _PYTHON_IS_MISSING.search(trouble.message) else []
            return CommandFailed(
                trouble.sentence, exit_code=error.status, output=error.output, hint=" ".join(hints)
            )
        if not self._error:
            return error
        where = f"{self._origin}: " if self._origin else ""
        return CommandFailed(f"Ansible: {where}{self._error}", exit_code=error.status, output=error.output)

    def _result(self, found: re.Match[str]) -> None:
        host, item, kind, rest = found[1].partition(" -> ")[0], found[2], found[3], found[4]
        trouble = Trouble(self._task, host, _message(rest), kind == "UNREACHABLE!", self._origin)
        if item is not None:
            said = trouble.message or "it failed"
            self._items.append(Trouble(trouble.task, host, f'{said} (item "{item}")', origin=self._origin))
            self._failed.append(self._items[0])
            return
        if trouble.message == _LOOP and self._items:
            trouble = self._items[0]
        self._failed.append(trouble)
        self._open = not trouble.message

    def _ignored(self) -> None:
        """The results of this task do not count."""
        while self._failed and self._failed[-1].task == self._task:
            self._failed.pop()
        self._items, self._open = [], False

    def _more(self, line: str) -> None:
        """A result over several lines, as with ``callback_result_format = yaml``."""
        found = _MESSAGE.match(line)
        if found and found[1] and self._failed:
            last = self._failed.pop()
            self._failed.append(Trouble(last.task, last.host, _cut(found[1]), last.unreachable, last.origin))
            self._open = False


def _message(rest: str) -> str:
    """Out of the JSON of a result: what the module says, and the first words of a command that failed."""
    try:
        result: Any = json.loads(rest)
    except ValueError:
        return "" if rest.startswith(("{", "changed=")) else _cut(rest)
    return _of_result(result) if isinstance(result, dict) else _cut(str(result))


def _of_result(result: Mapping[str, Any]) -> str:
    message = str(result.get("msg") or result.get("reason") or "it gives no reason")
    said = next((str(result[name]) for name in ("stderr", "module_stderr", "stdout") if result.get(name)), "")
    code = f" (exit code {result['rc']})" if "rc" in result else ""
    return _cut(message) + code + (f": {_cut(said)}" if said and said.strip() not in message else "")


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
