"""Data source ``amazon-secretsmanager``: reads a secret of AWS Secrets Manager."""

from __future__ import annotations

from typing import Any, ClassVar

from hclimg.clouds.aws.access import AwsAccess, check_region
from hclimg.config.fields import Checker, config, embed, setting
from hclimg.errors import BuildError
from hclimg.sdk.components import DataSource
from hclimg.sdk.context import Context
from hclimg.units import Secret


@config
class AmazonSecretsManagerConfig:
    """Reads a secret from AWS Secrets Manager."""

    name: str = setting("The name or the ARN of the secret.", example='"prod/images"')
    key: str = setting("Which value to take of a secret that is a JSON object.", default="")
    version_id: str = setting("The version to read.", default="")
    version_stage: str = setting("The label of the version to read.", default="", default_doc="`AWSCURRENT`")
    access: AwsAccess = embed(AwsAccess)

    def check(self, problems: Checker) -> None:
        check_region(problems, self.access, self.access.region, "region")
        if not self.name:
            problems.error("Missing name", '"name" must not be empty.', "name")


@config
class AmazonSecretsManagerOutput:
    """The secret; everything but its version is sensitive."""

    value: Secret = setting(
        "The value of `key`; without one the only value of a JSON object, or the text of a secret that is none. Null "
        "when the object has several values and `key` does not say which."
    )
    secret_string: Secret = setting("The secret as it is stored, when it is a text; or null.")
    secret_binary: Secret = setting(
        "The secret as it is stored, when it is binary: as text if it is UTF-8, otherwise in base64; or null."
    )
    version_id: str = setting("The version that was read.")


class AmazonSecretsManagerDataSource(DataSource[AmazonSecretsManagerConfig]):
    Config: ClassVar[type] = AmazonSecretsManagerConfig
    Output: ClassVar[type | None] = AmazonSecretsManagerOutput

    def summary(self) -> str:
        return self.config.name

    def read(self, ctx: Context) -> dict[str, Any]:
        from hclimg.clouds.aws.client import connect

        config = self.config
        given = {"SecretId": config.name, "VersionId": config.version_id, "VersionStage": config.version_stage}
        wanted = {name: value for name, value in given.items() if value}
        found = connect(ctx, config.access).service("secretsmanager").call("GetSecretValue", **wanted)
        text, binary = found.get("SecretString"), found.get("SecretBinary")
        if text is None and config.key:
            raise BuildError(f'The secret {config.name} is binary, so it has no key "{config.key}".')
        value = None if text is None else _value(config.name, text, config.key)
        return {
            "value": None if value is None else Secret(value),
            "secret_string": None if text is None else Secret(text),
            "secret_binary": None if binary is None else Secret(_shown(binary)),
            "version_id": found.get("VersionId", ""),
        }


def _value(name: str, text: str, key: str) -> str | None:
    import json

    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        if key:
            hint = "The secret is no JSON object: leave out key."
            raise BuildError(f'The secret {name} has no key "{key}".', hint=hint)
        return text
    if key and key not in data:
        hint = f"It has {', '.join(sorted(data))}." if data else "It is empty."
        raise BuildError(f'The secret {name} has no key "{key}".', hint=hint)
    if not key and len(data) != 1:
        return None
    value = data[key] if key else next(iter(data.values()))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shown(binary: bytes) -> str:
    from base64 import b64encode

    try:
        return binary.decode()
    except UnicodeDecodeError:
        return b64encode(binary).decode()
