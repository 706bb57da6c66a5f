"""Provisioner ``breakpoint``: stops until the person at the terminal goes on."""

from __future__ import annotations

from typing import ClassVar

from hclimg.config.fields import config, setting
from hclimg.errors import BuildError
from hclimg.sdk.components import Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine


@config
class BreakpointConfig:
    """Waits for enter."""

    note: str = setting("What to tell the person.", default="")
    disable: bool = setting("Whether to go on without waiting.", default=False)


class BreakpointProvisioner(Provisioner[BreakpointConfig]):
    Config: ClassVar[type] = BreakpointConfig

    def summary(self) -> str:
        return self.config.note

    def provision(self, ctx: Context, machine: Machine) -> None:  # noqa: ARG002
        note = f': "{self.config.note}"' if self.config.note else ""
        if self.config.disable:
            ctx.say(f"The breakpoint is disabled{note}. Going on.")
            return
        ctx.say(f"Stopped at a breakpoint{note}.")
        try:
            ctx.ask("Press enter to continue.")
        except EOFError:
            raise BuildError(
                "A breakpoint waits for enter, and there is no terminal.",
                hint="Set disable = true in the breakpoint, for instance with a variable, or run it in a terminal.",
            ) from None
