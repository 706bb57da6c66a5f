"""The reference of all functions, made from what they declare: signature, one line on what they do, and where from."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from hclimg.lang.functions.catalog import BEYOND_PACKER, standard_functions
from hclimg.lang.types import ANY, has_any, type_text

if TYPE_CHECKING:
    from hclimg.lang.functions.model import Function, Parameter


@frozen
class Entry:
    """One function as the reference shows it."""

    name: str
    signature: str
    about: str
    beyond_packer: bool

    @property
    def origin(self) -> str:
        return "beyond Packer" if self.beyond_packer else "Packer"


def entries() -> list[Entry]:
    """All functions by name."""
    from hclimg.lang.functions.environment import env_function

    found = dict(standard_functions(Path(), datetime.fromtimestamp(0, UTC)))
    found["env"] = env_function(lambda _name: None)
    return [_entry(found[name]) for name in sorted(found)]


def _entry(function: Function) -> Entry:
    about = function.about.replace("``", "`")
    return Entry(function.name, signature(function), about, function.name in BEYOND_PACKER)


def signature(function: Function) -> str:
    """``substr(str: string, offset: number, length: number) → string``."""
    shown = [_parameter(p) for p in function.parameters]
    if function.variadic is not None:
        shown.append(f"{_parameter(function.variadic)}…")
    return f"{function.name}({', '.join(shown)}){_result(function)}"


def _result(function: Function) -> str:
    """The type of the result, where it does not depend on the arguments."""
    result = function.result
    if callable(result) or has_any(result):
        return ""
    text = type_text(result)
    return f" → {text}" if len(text) <= 30 else " → object"


def _parameter(parameter: Parameter) -> str:
    return parameter.name if parameter.type is ANY else f"{parameter.name}: {type_text(parameter.type)}"


def markdown() -> str:
    """The whole reference as a Markdown table."""
    lines = ["# Functions", "", "| Function | What it gives | From |", "|---|---|---|"]
    lines += [f"| `{e.signature}` | {e.about.replace('|', chr(92) + '|')} | {e.origin} |" for e in entries()]
    return "\n".join(lines) + "\n"
