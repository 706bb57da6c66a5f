"""The password that Windows makes for itself, encrypted for the key pair of the instance."""

from __future__ import annotations

import binascii
from base64 import b64decode
from datetime import timedelta
from typing import TYPE_CHECKING

from hclimg.communicators.config import CommunicatorConfig
from hclimg.errors import BuildError
from hclimg.sdk.retry import wait_until
from hclimg.sdk.steps import step
from hclimg.units import Secret

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context

INTERVAL = 5.0


def windows_password(
    ctx: Context, ec2: Service, instance: str, how: CommunicatorConfig, key: Secret | None, timeout: timedelta
) -> Secret | None:
    """The password for WinRM; None when the settings have one, or when it is not Windows that we connect to."""
    if how.communicator != "winrm" or how.winrm_password:
        return None
    if key is None and how.ssh_private_key_file:
        key = Secret(how.ssh_private_key_file.expanduser().read_text())
    if key is None:
        raise BuildError("The password of the instance cannot be decrypted without a key pair.")
    password = decrypted(_encrypted(ctx, ec2, instance, timeout), key)
    ctx.redact.add(password.reveal())
    return password


@step("Waiting for the password of Windows")
def _encrypted(ctx: Context, ec2: Service, instance: str, timeout: timedelta) -> str:
    def look() -> str | None:
        return str(ec2.call("GetPasswordData", InstanceId=instance)["PasswordData"]).strip() or None

    hint = "Images without EC2Launch, or that were not prepared with Sysprep, tell none: set winrm_password then."
    what = f"the password of {instance}"
    return wait_until(look, what=what, timeout=timeout.total_seconds(), interval=INTERVAL, cancel=ctx.cancel, hint=hint)


def decrypted(text: str, key: Secret) -> Secret:
    """The password in what EC2 tells. Raises BuildError when it is not encrypted for this key."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    private = key.reveal()
    load = load_ssh_private_key if "OPENSSH" in private[:40] else load_pem_private_key
    try:
        loaded = load(private.encode(), None)
        if not isinstance(loaded, RSAPrivateKey):
            raise BuildError("Windows encrypts its password for keys of the type rsa only.")
        return Secret(loaded.decrypt(b64decode(text, validate=True), PKCS1v15()).decode())
    except (ValueError, binascii.Error) as error:
        raise BuildError("The password of the instance is not encrypted for this private key.") from error
