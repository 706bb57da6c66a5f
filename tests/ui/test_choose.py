"""Which output a command line gets."""

from __future__ import annotations

import io

import pytest

from hclimg.sdk.context import NoPrompter
from hclimg.ui.choose import Format, make_output
from hclimg.ui.console import LiveConsole
from hclimg.ui.jsonl import JsonLines
from hclimg.ui.machine import MachineReadable
from hclimg.ui.plain import Plain
from hclimg.ui.prompt import TerminalPrompter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("form", "terminal", "env", "sink", "prompter"),
    [
        (Format.HUMAN, True, {"TERM": "xterm"}, LiveConsole, TerminalPrompter),
        (Format.HUMAN, True, {"TERM": "dumb"}, Plain, TerminalPrompter),
        (Format.HUMAN, True, {}, Plain, TerminalPrompter),
        (Format.HUMAN, False, {"TERM": "xterm"}, Plain, TerminalPrompter),
        (Format.JSON, True, {"TERM": "xterm"}, JsonLines, NoPrompter),
        (Format.MACHINE, True, {"TERM": "xterm"}, MachineReadable, NoPrompter),
    ],
)
def test_choice(form: Format, terminal: bool, env: dict[str, str], sink: type, prompter: type) -> None:
    stream = Terminal() if terminal else io.StringIO()
    output = make_output(form, stream, stream, env=env)
    output.sink.close()
    assert isinstance(output.sink, sink)
    assert isinstance(output.prompter, prompter)
    assert output.prompter.interactive is (terminal and prompter is TerminalPrompter)
