"""What is typed into a machine while it boots: the settings, and the parser of their little language.

How keys reach the machine (VNC, USB codes) is the business of the builders.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path

from attrs import frozen

from hclimg.config.fields import Checker, config, setting
from hclimg.units import duration

KEY_INTERVAL = timedelta(milliseconds=100)
KEY_INTERVAL_VARIABLE = "PACKER_KEY_INTERVAL"

SYNONYMS = {
    "return": "enter",
    "leftcommand": "leftsuper", "rightcommand": "rightsuper", "leftmeta": "leftsuper", "rightmeta": "rightsuper",
    "leftoption": "leftalt", "rightoption": "rightalt",
}  # fmt: skip
"""Names of keys that mean another key."""

SPECIALS = (
    "bs", "del", "enter", "esc", *(f"f{n}" for n in range(1, 13)), "tab", "up", "down", "spacebar", "insert", "home",
    "end", "pageup", "pagedown", "left", "right", "menu",
    *(f"{side}{key}" for side in ("left", "right") for key in ("alt", "ctrl", "shift", "super")),
)  # fmt: skip

_TERMINAL = re.compile(r"^([A-Z]+)(?:\.(\d+))?: /(.*)/([a-z]*)$", re.MULTILINE)
_WAIT_SECONDS = re.compile(r"[0-9]+")
_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_LOOKS_SPECIAL = re.compile(r"<([A-Za-z][A-Za-z0-9]{1,14})>")


class Action(StrEnum):
    PRESS = "press"
    ON = "on"
    OFF = "off"


@frozen
class Key:
    """A key of the keyboard: one character, or a special key by its lower-case name."""

    name: str
    action: Action
    offset: int

    @property
    def special(self) -> bool:
        return len(self.name) > 1


@frozen
class Pause:
    seconds: float
    offset: int


Stroke = Key | Pause


class BootCommandError(ValueError):
    """``offset`` counts the characters of the text before the place that is wrong."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@config
class BootConfig:
    """What is typed into the machine while it boots, as a person would at its keyboard."""

    boot_keygroup_interval: timedelta = setting(
        "How long to wait after each string of boot_command.", default=timedelta(), default_doc="0s"
    )
    boot_wait: timedelta = setting(
        "How long to wait after power-on before typing; only waited when there is something to type.",
        default=timedelta(seconds=10),
    )
    boot_command: tuple[str, ...] = setting(
        "What to type. Besides characters: `<enter>`, `<esc>`, `<tab>`, `<f1>`…, `<wait>`, `<wait5>`, `<wait1m30s>`, "
        "`<leftCtrlOn>c<leftCtrlOff>`. `{{ .HTTPIP }}`, `{{ .HTTPPort }}`, `{{ .Name }}` and `{{ .SSHPublicKey }}` "
        "are filled in.",
        default=(),
        template=True,
    )

    def check(self, problems: Checker) -> None:
        if problems.is_known("boot_command"):
            check_boot_command(problems, "boot_command", "".join(self.boot_command))


def texts_of(boot: BootConfig) -> tuple[tuple[str, str], ...]:
    """The strings of boot_command are one text, unless there is a pause after each."""
    if not boot.boot_keygroup_interval:
        return (("".join(boot.boot_command), ""),)
    return tuple((text, "") for text in boot.boot_command)


def check_boot_command(problems: Checker, name: str, text: str) -> None:
    """Report what is wrong with a boot command, and what only looks like a special key."""
    from hclimg.diagnostics import did_you_mean

    plain = _TEMPLATE.sub(lambda found: " " * len(found[0]), text)
    try:
        parse_boot_command(plain)
    except BootCommandError as error:
        detail = f"{error} It is at character {error.offset + 1} of the text, at {_around(text, error.offset)}."
        problems.error("Invalid boot command", detail, name)
        return
    for word in suspects(plain):
        if hint := did_you_mean(word.lower(), SPECIALS):
            detail = f'"<{word}>" is not a special key, so its characters are typed as they stand.{hint}'
            problems.warn("Unknown special key", detail, name)


def suspects(text: str) -> Iterator[str]:
    """Words in angle brackets that are typed literally, although they look like a special key."""
    for found in _LOOKS_SPECIAL.finditer(text):
        if len(parse_boot_command(found[0])) == len(found[0]):
            yield found[1]


def _around(text: str, offset: int) -> str:
    return f'"{text[offset : offset + 20]}"' if offset < len(text) else "its end"


def parse_boot_command(text: str) -> tuple[Stroke, ...]:
    """The keys and pauses of a boot command. Raises BootCommandError."""
    return tuple(_stroke(found.lastgroup or "", found[0], found.start()) for found in _terminals().finditer(text))


def _stroke(terminal: str, text: str, offset: int) -> Stroke:
    if terminal == "WAIT":
        return Pause(_seconds(text[5:-1], offset), offset)
    if terminal == "TOGGLE":
        return Key(text[1], Action(text[2:-1].lower()), offset)
    if terminal == "SPECIAL":
        return _special(text[1:-1].lower(), offset)
    return Key(text, Action.PRESS, offset)


def _special(word: str, offset: int) -> Key:
    for name in (word, word.removesuffix("on"), word.removesuffix("off")):
        known = SYNONYMS.get(name, name)
        if known in SPECIALS:
            return Key(known, Action(word[len(name) :] or "press"), offset)
    raise BootCommandError(f'"<{word}>" is not a key.', offset)


def _seconds(text: str, offset: int) -> float:
    if not text:
        return 1.0
    if any(c in text[1:] for c in "-+"):
        raise BootCommandError(f'"{text}" is not a duration.', offset)
    try:
        seconds = duration(f"{text}s" if _WAIT_SECONDS.fullmatch(text) else text.lower()).total_seconds()
    except ValueError as error:
        raise BootCommandError(f"{error}.", offset) from error
    if seconds <= 0:
        raise BootCommandError("A <wait> must be longer than 0 seconds.", offset)
    return seconds


def key_interval(configured: timedelta) -> float:
    """Seconds between two key events: the setting, the environment variable, or 100 ms."""
    if configured:
        return configured.total_seconds()
    try:
        return duration(os.environ[KEY_INTERVAL_VARIABLE]).total_seconds()
    except (KeyError, ValueError):
        return KEY_INTERVAL.total_seconds()


@cache
def _terminals() -> re.Pattern[str]:
    """The terminals of ``grammar/bootcommand.lark`` as one pattern with a group for each."""
    found = sorted(_TERMINAL.findall(grammar_text()), key=lambda terminal: -int(terminal[1] or 0))
    return re.compile("|".join(f"(?P<{name}>(?{flags}:{_unnamed(body)}))" for name, _, body, flags in found))


def _unnamed(pattern: str) -> str:
    """Groups that take no number, so that ``lastgroup`` is the terminal."""
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern)


def grammar_text() -> str:
    """``grammar/bootcommand.lark``, from the wheel or from a checkout."""
    package = Path(__file__).parent.parent
    for folder in (package, package.parent):
        path = folder / "grammar" / "bootcommand.lark"
        if path.is_file():
            return path.read_text("utf-8")
    raise FileNotFoundError("grammar/bootcommand.lark is missing; is hclimg installed completely?")
