"""Provisioner ``sleep``: waits."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from hclimg.config.fields import Checker, config, setting
from hclimg.sdk.components import Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine
from hclimg.units import show_duration


@config
class SleepConfig:
    """Waits for some time."""

    duration: timedelta = setting("How long to wait.", example='"30s"')

    def check(self, problems: Checker) -> None:
        if self.duration < timedelta():
            problems.error("Invalid duration", '"duration" must not be negative.', "duration")


class SleepProvisioner(Provisioner[SleepConfig]):
    Config: ClassVar[type] = SleepConfig

    def summary(self) -> str:
        return show_duration(self.config.duration)

    def provision(self, ctx: Context, machine: Machine) -> None:  # noqa: ARG002
        ctx.say(f"Waiting {show_duration(self.config.duration)}")
        ctx.sleep(self.config.duration.total_seconds())
