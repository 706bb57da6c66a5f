"""The key pair of a build, for machines that get it while they boot."""

from __future__ import annotations

from hclimg.communicators.config import CommunicatorConfig
from hclimg.sdk.context import Context
from hclimg.sdk.ssh_keys import KeyPair, temporary_key_pair


def build_key(ctx: Context, config: CommunicatorConfig) -> KeyPair | None:
    """A key for this build, unless the user has one."""
    if config.communicator != "ssh" or config.ssh_private_key_file or config.ssh_agent_auth:
        return None
    return temporary_key_pair(
        ctx, name=config.temporary_key_pair_name, key_type=config.temporary_key_pair_type,
        bits=config.temporary_key_pair_bits,
    )  # fmt: skip
