"""Types the boot command into the machine, over VNC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hclimg.builders.qemu.config import QemuConfig
from hclimg.builders.qemu.guest import Guest
from hclimg.errors import BuildError
from hclimg.sdk.boot import BootCommandError, Pause, Stroke, key_interval, parse_boot_command
from hclimg.sdk.context import Context
from hclimg.sdk.rfb import Keyboard, key_events
from hclimg.sdk.steps import step
from hclimg.units import show_duration


@step("Typing the boot command")
def type_boot_command(
    ctx: Context, guest: Guest, config: QemuConfig, port: int, password: str, data: Mapping[str, Any]
) -> None:
    """``data`` is what ``{{ .HTTPIP }}`` and the like stand for. A machine that ends meanwhile ends the typing."""
    with guest.watched(ctx) as watched:
        wait = config.boot.boot_wait
        if wait.total_seconds() > 0:
            ctx.say(f"Waiting {show_duration(wait)} for the machine to boot.")
            watched.sleep(wait.total_seconds())
        keyboard = Keyboard(reachable(config.screen.vnc_bind_address), port, password)
        try:
            for text, description in _texts(config):
                if description:
                    ctx.say(f"Typing: {description}")
                _type(watched, keyboard, _parsed(ctx, text, data), key_interval(config.screen.boot_key_interval))
                watched.sleep(config.boot.boot_keygroup_interval.total_seconds())
                if ctx.run.debug:
                    ctx.ask("Typed this part of the boot command. Press enter to continue.")
        finally:
            keyboard.close()


def reachable(address: str) -> str:
    """Where to connect to what listens on an address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)


def _texts(config: QemuConfig) -> tuple[tuple[str, str], ...]:
    """The strings of boot_command are one text, unless there is a pause after each."""
    if config.boot.boot_command and not config.boot.boot_keygroup_interval:
        return (("".join(config.boot.boot_command), ""),)
    return config.typed


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
