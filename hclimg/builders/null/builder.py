"""Builder ``null``: provisions a machine that is there already, and makes no image."""

from __future__ import annotations

from typing import Any, ClassVar

from hclimg.communicators.config import CommunicatorConfig
from hclimg.config.fields import Checker, config, embed
from hclimg.sdk.components import Builder
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact, Machine

_AUTH = ("ssh_agent_auth", "ssh_password", "ssh_private_key_file")


@config
class NullConfig:
    """Connects to a machine that is there already, so that provisioners can be tried out; no image is made."""

    communicator: CommunicatorConfig = embed(CommunicatorConfig)

    def check(self, problems: Checker) -> None:
        how = self.communicator
        how.allow(problems, "ssh", "winrm", "none")
        if how.communicator not in ("ssh", "winrm") or not problems.is_known("communicator"):
            return
        if not how.host:
            name = f"{how.communicator}_host"
            detail = f'The argument "{name}" is required: the machine is there already, and only you know where.'
            problems.error("Missing required argument", detail, name)
        if how.communicator == "winrm":
            how.require_winrm_password(problems)
            return
        used = [name for name in _AUTH if getattr(how, name) or not problems.is_known(name)]
        if not used:
            detail = 'One of "ssh_agent_auth", "ssh_password" and "ssh_private_key_file" is required.'
            problems.error("Missing required argument", detail, *_AUTH)
        elif len(used) > 1:
            detail = 'Only one of "ssh_agent_auth", "ssh_password" and "ssh_private_key_file" can be used.'
            problems.error("Conflicting arguments", detail, used[1], used[0])


class NullBuilder(Builder[NullConfig]):
    Config: ClassVar[type] = NullConfig
    builder_id: ClassVar[str] = "fnoeding.null"

    def summary(self) -> str:
        how = self.config.communicator
        return f"{how.user}@{how.host}:{how.port}" if how.user else "no machine"

    def launch(self, ctx: Context, source: Any) -> Machine:  # noqa: ARG002
        from hclimg.communicators.connect import connect
        from hclimg.communicators.facts import machine_facts

        how = self.config.communicator
        communicator = connect(ctx, how, host=how.host, port=how.port)
        facts = machine_facts(ctx, how, machine_id="Null", host=how.host, port=how.port)
        return Machine(id="Null", communicator=communicator, facts=facts)

    def capture(self, ctx: Context, machine: Machine) -> Artifact:  # noqa: ARG002
        return Artifact(
            builder=self.builder_id, component="builder/null", id="Null",
            description="Did not export anything. This is the null builder",
        )  # fmt: skip

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        """There is nothing to remove."""
