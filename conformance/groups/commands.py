"""``packer console`` and ``packer inspect``: what they print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from conformance.model import Case, Group, Skipped, expect, tables
from conformance.program import run

_FIXTURES = "command/test-fixtures/"


def _console(corpus: Path) -> Iterator[Case]:
    for case in tables(corpus / "packer-commands" / "console_test.json").get("Test_console", ()):
        yield Case(" ".join([*case["command"], case["piped"]]), partial(_console_case, corpus, case))


def _console_case(corpus: Path, case: Mapping[str, Any]) -> None:
    args = _arguments(corpus, case["command"])
    wanted = case["expected"]
    if isinstance(wanted, dict):
        wanted = _told_by_go(wanted["$go"], args)
    done = run(args, stdin=case["piped"], env=_environment(case))
    expect((done.code, done.out) == (0, wanted), f"exit code {done.code}, {done.out!r}, not {wanted!r}; {done.err}")


def _told_by_go(code: str, args: list[str]) -> str:
    """The tables name what depends on where the tests run."""
    if "cwd" in code:
        return f"{Path.cwd()}\n"
    if "testFixture" in code:
        return f"{Path(args[-1]).parent}\n"
    raise Skipped("Packer's own words")


def _inspect(corpus: Path) -> Iterator[Case]:
    for case in tables(corpus / "packer-commands" / "inspect_test.json").get("Test_commands", ()):
        yield Case(" ".join(case["command"]), partial(_inspect_case, corpus, case))


def _inspect_case(corpus: Path, case: Mapping[str, Any]) -> None:
    done = run(_arguments(corpus, case["command"]), env=_environment(case))
    expect((done.code, done.out) == (0, case["expected"]), f"exit code {done.code}, {done.out!r}; {done.err}")


def _arguments(corpus: Path, command: list[str]) -> list[str]:
    fixtures = corpus / "packer-command-fixtures"
    return [str(fixtures / part) if part.startswith(_FIXTURES) else part for part in command]


def _environment(case: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, _, value in (pair.partition("=") for pair in case["env"] or ())}


GROUPS = (
    Group("packer-commands-console", "packer console: expressions from a pipe", _console),
    Group("packer-commands-inspect", "packer inspect: what it prints", _inspect),
)
