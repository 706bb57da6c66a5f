"""How a machine is told to shut down before it becomes an image: settings for the builders that run machines."""

from __future__ import annotations

from datetime import timedelta

from hclimg.config.fields import Checker, config, setting


@config
class ShutdownConfig:
    """How to shut the machine down when the provisioners are done."""

    shutdown_command: str = setting(
        "The command that shuts the machine down. Without one, the power button is pressed.",
        default="",
        example='"sudo shutdown -P now"',
    )
    shutdown_timeout: timedelta = setting("How long to wait for the machine to be off.", default=timedelta(minutes=5))

    def check(self, problems: Checker) -> None:
        if self.shutdown_timeout <= timedelta():
            problems.error("Invalid duration", '"shutdown_timeout" must be longer than 0 seconds.', "shutdown_timeout")
