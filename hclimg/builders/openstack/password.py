"""The password that a Windows machine makes up when it first starts, and hands to nova encrypted for the key pair."""

from __future__ import annotations

from base64 import b64decode
from datetime import timedelta

from hclimg.clouds.openstack.client import OpenStack
from hclimg.communicators.config import CommunicatorConfig
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.ssh_keys import KeyPair
from hclimg.sdk.steps import step
from hclimg.units import Secret

PATIENCE = timedelta(minutes=30)
HINT = "cloudbase-init hands it over; without it, set winrm_password."


def windows_password(
    ctx: Context, cloud: OpenStack, how: CommunicatorConfig, server: str, pair: KeyPair | None
) -> Secret | None:
    """None when nobody needs it: another communicator, or a password that the template says."""
    if how.communicator != "winrm" or how.winrm_password:
        return None
    return fetched_password(ctx, cloud, server, _private_key(how, pair))


@step("Waiting for the machine's password")
def fetched_password(ctx: Context, cloud: OpenStack, server: str, key: Secret) -> Secret:
    def handed_over() -> str | None:
        answer = cloud.request("the password", "compute", "get", f"/servers/{server}/os-server-password")
        return str(answer.get("password") or "") or None

    sealed = cloud.wait(f"the password of server {server}", handed_over, PATIENCE, hint=HINT)
    password = _opened(sealed, key)
    ctx.redact.add(password.reveal())
    return password


def _private_key(how: CommunicatorConfig, pair: KeyPair | None) -> Secret:
    if pair is not None:
        return pair.private
    if how.ssh_private_key_file is None:
        raise BuildError("Only the private key opens the machine's password.", hint="Set ssh_private_key_file.")
    try:
        return Secret(how.ssh_private_key_file.expanduser().read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f'Cannot read "{how.ssh_private_key_file}": {error}.') from error


def _opened(sealed: str, text: Secret) -> Secret:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    load = load_ssh_private_key if "OPENSSH" in text.reveal().lstrip().split("\n", 1)[0] else load_pem_private_key
    try:
        key = load(text.reveal().encode(), None)
        if not isinstance(key, RSAPrivateKey):
            raise BuildError("Only an RSA key opens the machine's password.", hint="Give an RSA key.")
        return Secret(key.decrypt(b64decode(sealed), PKCS1v15()).decode())
    except ValueError as error:
        raise BuildError(f"The machine's password cannot be opened with this key: {error}.") from error
