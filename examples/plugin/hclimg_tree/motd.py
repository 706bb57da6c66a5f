"""Provisioner ``motd``: writes the notice that users see when they log in."""

from __future__ import annotations

from hclimg.sdk import Checker, Context, Machine, Provisioner, config, setting


@config
class MotdConfig:
    """Writes the message of the day."""

    text: str = setting("What users see when they log in.", example='"Welcome to ${build.name}"')
    path: str = setting("The file to write.", default="/etc/motd")

    def check(self, problems: Checker) -> None:
        if problems.is_known("text") and not self.text.strip():
            problems.error("Empty message", '"text" is empty: there would be nothing to see.', "text")


class MotdProvisioner(Provisioner[MotdConfig]):
    Config = MotdConfig

    def summary(self) -> str:
        return self.config.path

    def provision(self, ctx: Context, machine: Machine) -> None:
        ctx.say(f"Writing {self.config.path}")
        machine.communicator.upload(f"{self.config.text}\n".encode(), self.config.path, mode=0o644)
