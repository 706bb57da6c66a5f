"""Types the boot command into a machine by USB codes, as vSphere's API takes them.

The API presses and releases a key in one go, with the modifiers that are named; so ``<leftShiftOn>`` holds for the keys
that follow, and other keys cannot be held.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hclimg.clouds.vsphere.client import new
from hclimg.clouds.vsphere.site import Site
from hclimg.errors import BuildError
from hclimg.sdk.boot import Action, BootCommandError, BootConfig, Key, Pause, key_interval, parse_boot_command
from hclimg.sdk.context import Context
from hclimg.sdk.steps import step
from hclimg.units import show_duration

# USB HID usage tables, page 7: the codes of a US keyboard.
PLAIN = {
    **{chr(ord("a") + n): 0x04 + n for n in range(26)},
    **dict(zip("1234567890", range(0x1E, 0x28), strict=True)),
    "\n": 0x28, "\t": 0x2B, " ": 0x2C, "-": 0x2D, "=": 0x2E, "[": 0x2F, "]": 0x30, "\\": 0x31, ";": 0x33, "'": 0x34,
    "`": 0x35, ",": 0x36, ".": 0x37, "/": 0x38,
}  # fmt: skip
SHIFTED = {
    **{chr(ord("A") + n): 0x04 + n for n in range(26)},
    **dict(zip("!@#$%^&*()", range(0x1E, 0x28), strict=True)),
    "_": 0x2D, "+": 0x2E, "{": 0x2F, "}": 0x30, "|": 0x31, ":": 0x33, '"': 0x34, "~": 0x35, "<": 0x36, ">": 0x37,
    "?": 0x38,
}  # fmt: skip
SPECIAL = {
    "enter": 0x28, "esc": 0x29, "bs": 0x2A, "tab": 0x2B, "spacebar": 0x2C, "insert": 0x49, "home": 0x4A, "pageup": 0x4B,
    "del": 0x4C, "end": 0x4D, "pagedown": 0x4E, "right": 0x4F, "left": 0x50, "down": 0x51, "up": 0x52, "menu": 0x76,
    **{f"f{n}": 0x39 + n for n in range(1, 13)},
}  # fmt: skip
MODIFIERS = {
    "leftctrl": "leftControl", "leftshift": "leftShift", "leftalt": "leftAlt", "leftsuper": "leftGui",
    "rightctrl": "rightControl", "rightshift": "rightShift", "rightalt": "rightAlt", "rightsuper": "rightGui",
}  # fmt: skip
MODIFIER_CODES = {name: 0xE0 + n for n, name in enumerate(MODIFIERS)}
PAGE = 7


@step("Typing the boot command")
def type_boot_command(ctx: Context, site: Site, ref: Any, boot: BootConfig, data: Mapping[str, Any]) -> None:
    """``data`` is what ``{{ .HTTPIP }}`` and the like stand for."""
    wait = boot.boot_wait.total_seconds()
    if wait > 0:
        ctx.say(f"Waiting {show_duration(boot.boot_wait)} for the machine to boot.")
        ctx.sleep(wait)
    try:
        strokes = parse_boot_command(ctx.render("".join(boot.boot_command), **data))
    except BootCommandError as error:
        raise BuildError(f"The boot command is wrong at character {error.offset + 1}: {error}") from error
    interval = key_interval(boot.boot_keygroup_interval)
    held: set[str] = set()
    for number, stroke in enumerate(strokes):
        if isinstance(stroke, Pause):
            ctx.progress("keys typed", number, len(strokes), unit="")
            ctx.sleep(stroke.seconds)
        elif (event := event_of(stroke, held)) is not None:
            code, modifiers = event
            _press(site, ref, code, modifiers)
            ctx.sleep(interval)
    ctx.progress("keys typed", len(strokes), len(strokes), unit="")


def event_of(key: Key, held: set[str]) -> tuple[int, frozenset[str]] | None:
    """The code to send and the modifiers that are down with it; ``held`` are those that are kept down."""
    if key.name in MODIFIERS and key.action is not Action.PRESS:
        (held.add if key.action is Action.ON else held.discard)(MODIFIERS[key.name])
        return None
    if key.action is Action.OFF:
        return None
    if key.name in MODIFIERS:
        return MODIFIER_CODES[key.name], frozenset(held)
    if key.name in SHIFTED:
        return SHIFTED[key.name], frozenset({*held, "leftShift"})
    code = SPECIAL.get(key.name) or PLAIN.get(key.name)
    if code is None:
        raise BuildError(f'The key "{key.name}" is not on a US keyboard, which is all that vSphere can type on.')
    return code, frozenset(held)


def _press(site: Site, ref: Any, code: int, modifiers: frozenset[str]) -> None:
    held = new("UsbScanCodeSpec.ModifierType", **dict.fromkeys(modifiers, True))
    event = new("UsbScanCodeSpec.KeyEvent", usbHidCode=code << 16 | PAGE, modifiers=held)
    spec = new("UsbScanCodeSpec", keyEvents=[event])
    site.api.call("type a key", lambda: ref.PutUsbScanCodes(spec))
