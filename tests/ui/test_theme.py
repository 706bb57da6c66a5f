"""Colours, and whether there are any."""

from __future__ import annotations

import io

import pytest

from hclimg.ui.theme import Theme, theme_for


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("terminal", "flag", "env", "expected"),
    [
        (True, None, {}, True),
        (False, None, {}, False),
        (True, None, {"NO_COLOR": "1"}, False),
        (True, None, {"NO_COLOR": ""}, True),
        (True, None, {"PACKER_NO_COLOR": "x"}, False),
        (True, None, {"TERM": "dumb"}, False),
        (True, False, {}, False),
        (False, True, {"NO_COLOR": "1"}, True),
    ],
)
def test_when_colours_are_used(terminal: bool, flag: bool | None, env: dict[str, str], expected: bool) -> None:
    stream = Terminal() if terminal else io.StringIO()
    assert theme_for(stream, flag, env).enabled is expected


@pytest.mark.parametrize(
    ("text", "plain", "coloured"),
    [
        ("as it is", "as it is", "as it is"),
        ("a\tb", "a\tb", "a\tb"),
        ("\x1b[32mgreen\x1b[0m", "green", "\x1b[32mgreen\x1b[0m\x1b[0m"),
        ("\x1b[2J\x1b[1;1Hclear", "clear", "clear"),
        ("\x1b]0;title\x07text", "text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link", "link"),
        ("10%\r20%\r30%", "30%", "30%"),
        ("line\r\n", "line", "line"),
        ("bell\x07 back\x08space \x9b31m", "bell backspace 31m", "bell backspace 31m"),
        ("cut off \x1b[", "cut off ", "cut off "),
    ],
)
def test_clean(text: str, plain: str, coloured: str) -> None:
    assert Theme(enabled=False).clean(text) == plain
    assert Theme(enabled=True).clean(text) == coloured


def test_lane_colours_rotate() -> None:
    theme = Theme(enabled=True)
    assert theme.lane(0, "x") == "\x1b[1;32mx\x1b[0m"
    assert theme.lane(5, "x") == theme.lane(0, "x")
    assert Theme(enabled=False).lane(0, "x") == "x"
