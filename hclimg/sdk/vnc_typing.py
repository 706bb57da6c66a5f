"""Types the boot command into a machine over VNC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from attrs import frozen

from hclimg.errors import BuildError
from hclimg.sdk.boot import BootCommandError, BootConfig, Pause, Stroke, key_interval, parse_boot_command
from hclimg.sdk.context import Context
from hclimg.sdk.rfb import Keyboard, key_events
from hclimg.sdk.steps import step
from hclimg.units import show_duration


@frozen(kw_only=True)
class Screen:
    """A VNC server; ``address`` is what it listens on, ``key_interval`` the pause after a key event (0: as usual)."""

    address: str
    port: int
    password: str = ""
    key_interval: timedelta = timedelta()


@step("Typing the boot command")
def type_boot_command(
    ctx: Context, screen: Screen, boot: BootConfig, texts: tuple[tuple[str, str], ...], data: Mapping[str, Any]
) -> None:
    """``texts`` are typed one after the other, each with a description or none; ``data`` is what ``{{ .HTTPIP }}`` and
    the like stand for."""
    wait = boot.boot_wait
    if wait.total_seconds() > 0:
        ctx.say(f"Waiting {show_duration(wait)} for the machine to boot.")
        ctx.sleep(wait.total_seconds())
    keyboard = Keyboard(reachable(screen.address), screen.port, screen.password)
    try:
        for text, description in texts:
            if description:
                ctx.say(f"Typing: {description}")
            _type(ctx, keyboard, _parsed(ctx, text, data), key_interval(screen.key_interval))
            ctx.sleep(boot.boot_keygroup_interval.total_seconds())
            if ctx.run.debug:
                ctx.ask("Typed this part of the boot command. Press enter to continue.")
    finally:
        keyboard.close()


def reachable(address: str) -> str:
    """Where to connect to what listens on an address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)


def _parsed(ctx: Context, text: str, data: Mapping[str, Any]) -> tuple[Stroke, ...]:
    rendered = ctx.render(text, **data)
    try:
        return parse_boot_command(rendered)
    except BootCommandError as error:
        raise BuildError(f"The boot command is wrong at character {error.offset + 1}: {error}") from error


def _type(ctx: Context, keyboard: Keyboard, strokes: tuple[Stroke, ...], interval: float) -> None:
    for number, stroke in enumerate(strokes):
        if isinstance(stroke, Pause):
            ctx.progress("keys typed", number, len(strokes), unit="")
            ctx.sleep(stroke.seconds)
            continue
        for symbol, down in key_events(stroke):
            keyboard.send(symbol, down=down)
            ctx.sleep(interval)
    ctx.progress("keys typed", len(strokes), len(strokes), unit="")
