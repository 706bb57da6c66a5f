"""Which output a command line gets: the live terminal, plain lines, JSON Lines or Packer's machine-readable lines."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import TextIO

from attrs import frozen

from hclimg.events import Sink
from hclimg.sdk.context import NoPrompter, Prompter
from hclimg.ui.theme import theme_for


class Format(StrEnum):
    HUMAN = "human"
    JSON = "json"
    MACHINE = "machine-readable"


@frozen
class Output:
    """A sink, and who can be asked while it shows things."""

    sink: Sink
    prompter: Prompter


def make_output(
    form: Format,
    source: TextIO,
    out: TextIO,
    *,
    colour: bool | None = None,
    timestamps: bool = False,
    env: Mapping[str, str] = os.environ,
) -> Output:
    """The output for a format and the streams that there are. Machines are never asked anything."""
    if form is Format.JSON:
        from hclimg.ui.jsonl import JsonLines

        return Output(JsonLines(out), NoPrompter())
    if form is Format.MACHINE:
        from hclimg.ui.machine import MachineReadable

        return Output(MachineReadable(out), NoPrompter())
    from hclimg.ui.prompt import TerminalPrompter

    theme = theme_for(out, colour, env)
    if out.isatty() and env.get("TERM") not in (None, "", "dumb"):
        from hclimg.ui.console import LiveConsole

        console = LiveConsole(out, theme, timestamps)
        return Output(console, TerminalPrompter(source, out, console.suspended))
    from hclimg.ui.plain import Plain

    return Output(Plain(out, theme, timestamps), TerminalPrompter(source, out))
