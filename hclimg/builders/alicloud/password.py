"""The password that the instance gets: what the settings say, or for Windows a random one."""

from __future__ import annotations

import secrets
import string

from hclimg.communicators.config import CommunicatorConfig
from hclimg.sdk.context import Context
from hclimg.units import Secret

LENGTH = 24
_CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_+=.")


def password_of(ctx: Context, how: CommunicatorConfig) -> Secret | None:
    """The password of the user that the machine is reached as; None when it is not reached by one."""
    if how.communicator == "winrm":
        text = how.winrm_password.reveal() or random_password()
        ctx.redact.add(text)  # before the API is told, which may repeat it in a refusal
        return Secret(text)
    given = how.ssh_password.reveal() if how.communicator == "ssh" else ""
    return Secret(given) if given else None


def random_password() -> str:
    """As the API accepts it: 8 to 30 characters, of at least three kinds."""
    text = [secrets.choice(kind) for kind in _CLASSES]
    text += [secrets.choice("".join(_CLASSES)) for _ in range(LENGTH - len(text))]
    secrets.SystemRandom().shuffle(text)
    return "".join(text)
