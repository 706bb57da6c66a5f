"""What templates see of a machine as ``build.*``, as far as it is the same for every builder."""

from __future__ import annotations

from typing import Any

from hclimg.communicators.config import CommunicatorConfig
from hclimg.sdk.context import Context
from hclimg.sdk.ssh_keys import KeyPair
from hclimg.units import Secret


def machine_facts(
    ctx: Context,
    config: CommunicatorConfig,
    *,
    machine_id: str,
    host: str,
    port: int,
    key: KeyPair | None = None,
    password: Secret | None = None,
) -> dict[str, Any]:
    """``password`` is the one that the builder found out, if any. Secrets among them are hidden from all output."""
    windows = config.communicator == "winrm"
    given = config.winrm_password if windows else config.ssh_password
    secret = (given or password or Secret("")).reveal()
    private = key.private.reveal() if key else _file_text(config)
    ctx.redact.add(secret, private)
    return {
        "ID": machine_id,
        "Host": host,
        "Port": port,
        "User": config.winrm_username if windows else config.ssh_username,
        "Password": secret,
        "ConnType": config.communicator,
        "PackerRunUUID": ctx.run.id,
        "SSHPublicKey": key.public if key else "",
        "SSHPrivateKey": private,
        "WinRMPassword": secret if windows else "",
    }


def _file_text(config: CommunicatorConfig) -> str:
    """The user's own private key: programs that connect by themselves, such as ansible, are given it."""
    path = config.ssh_private_key_file
    try:
        return path.expanduser().read_text() if path else ""
    except (OSError, UnicodeDecodeError):
        return ""  # connecting will tell
