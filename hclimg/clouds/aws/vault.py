"""Temporary credentials for AWS from Vault's secrets engine.

Vault takes them back by itself when their time is over.
"""

from __future__ import annotations

from hclimg.clouds.aws.access import VaultAwsConfig
from hclimg.errors import BuildError
from hclimg.lang.functions.model import FunctionError
from hclimg.lang.functions.secret_stores import read_vault


def lend(engine: VaultAwsConfig) -> tuple[str, str, str | None]:
    """An access key, its secret, and the session token that belongs to them. Raises BuildError."""
    path = f"{engine.engine_name}/creds/{engine.name}"
    given = {"role_arn": engine.role_arn, "ttl": engine.ttl}
    try:
        data = read_vault(path, **{name: value for name, value in given.items() if value})
    except FunctionError as error:
        raise BuildError(f"Vault lends no credentials for AWS: {error}.") from error
    if not data.get("access_key") or not data.get("secret_key"):
        raise BuildError(f"Vault has no credentials for AWS at {path}.", hint='Look at "vault_aws_engine".')
    return data["access_key"], data["secret_key"], data.get("security_token") or None
