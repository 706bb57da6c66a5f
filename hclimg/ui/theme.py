"""How things are coloured: one table from meaning to terminal attributes, and whether to use it at all.

The plain sinks write the escapes themselves, because importing rich costs more than validating a template.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Protocol

from attrs import frozen

# Meaning → (SGR parameters for plain text, the same as a rich style).
STYLES: dict[str, tuple[str, str]] = {
    "error": ("1;31", "bold red"),
    "warning": ("1;33", "bold yellow"),
    "success": ("1;32", "bold green"),
    "emphasis": ("1", "bold"),
    "faint": ("2", "dim"),
    "place": ("36", "cyan"),
    "added": ("32", "green"),
    "name": ("1;36", "bold cyan"),
}

LANE_COLOURS = (("1;32", "bold green"), ("1;36", "bold cyan"), ("1;35", "bold magenta"), ("1;33", "bold yellow"),
                ("1;34", "bold blue"))  # fmt: skip
"""Packer's colours of builds, in its order."""

TITLE = 100  # characters
RESET = "\x1b[0m"
_SGR = re.compile(r"\x1b\[[0-9;]*m")
_ESCAPES = re.compile(
    r"\x1b\[[0-9;:<=>?]*[ -/]*[@-~]"  # CSI: cursor, erase, colours
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, DCS and their like, with their end
    r"|\x1b[ -/]*[0-~]?"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")


class Stream(Protocol):
    def isatty(self) -> bool: ...


@frozen
class Theme:
    """Paints text, or leaves it as it is."""

    enabled: bool

    def paint(self, style: str, text: str) -> str:
        """``text`` in a style of :data:`STYLES`."""
        return self.sgr(STYLES[style][0], text)

    def lane(self, index: int, text: str) -> str:
        """``text`` in the colour of the lane number ``index``."""
        return self.sgr(LANE_COLOURS[index % len(LANE_COLOURS)][0], text)

    def sgr(self, parameters: str, text: str) -> str:
        return f"\x1b[{parameters}m{text}{RESET}" if self.enabled and text else text

    def clean(self, text: str) -> str:
        """A line that a program printed, made harmless to the terminal; its colours stay when colours are on."""
        if text.isprintable():
            return text
        text = text.rstrip("\r\n").rpartition("\r")[2]  # a progress bar that redraws itself: its last state
        kept = _ESCAPES.sub(lambda found: found[0] if self.enabled and _SGR.fullmatch(found[0]) else "", text)
        kept = _CONTROLS.sub("", kept)
        return kept + RESET if "\x1b" in kept else kept


def one_line(text: str, limit: int = TITLE) -> str:
    """A title on one line of at most ``limit`` characters: components may put a whole script into theirs."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


PLAIN = Theme(enabled=False)


def theme_for(stream: Stream, colour: bool | None, env: Mapping[str, str] = os.environ) -> Theme:
    """The theme for a stream. ``colour`` is what ``-color`` said; None: as the terminal and the environment say."""
    if colour is not None:
        return Theme(colour)
    if env.get("NO_COLOR") or env.get("PACKER_NO_COLOR"):
        return PLAIN
    return Theme(stream.isatty() and env.get("TERM") != "dumb")
