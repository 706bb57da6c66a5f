"""Data source ``amazon-parameterstore``: reads a parameter of AWS Systems Manager."""

from __future__ import annotations

from typing import Any, ClassVar

from hclimg.clouds.aws.access import AwsAccess, check_region
from hclimg.config.fields import Checker, config, embed, setting
from hclimg.sdk.components import DataSource
from hclimg.sdk.context import Context


@config
class AmazonParameterStoreConfig:
    """Reads a parameter from the Parameter Store of AWS Systems Manager."""

    name: str = setting(
        "The name or the ARN of the parameter; `NAME:3` is its third version, `NAME:LABEL` the one with a label.",
        example='"/images/base"',
    )
    with_decryption: bool = setting("Whether to decrypt a SecureString.", default=False)
    access: AwsAccess = embed(AwsAccess)

    def check(self, problems: Checker) -> None:
        check_region(problems, self.access, self.access.region, "region")
        if not self.name:
            problems.error("Missing name", '"name" must not be empty.', "name")


@config
class AmazonParameterStoreOutput:
    """The parameter."""

    value: str = setting("The value; sensitive when the parameter is a SecureString.")
    version: str = setting("The version of the value.")
    arn: str = setting("The ARN of the parameter.")


class AmazonParameterStoreDataSource(DataSource[AmazonParameterStoreConfig]):
    Config: ClassVar[type] = AmazonParameterStoreConfig
    Output: ClassVar[type | None] = AmazonParameterStoreOutput

    def summary(self) -> str:
        return self.config.name

    def read(self, ctx: Context) -> dict[str, Any]:
        from hclimg.clouds.aws.client import connect
        from hclimg.units import Secret

        wanted = {"Name": self.config.name, "WithDecryption": self.config.with_decryption}
        found = connect(ctx, self.config.access).service("ssm").call("GetParameter", **wanted)["Parameter"]
        value = str(found["Value"])
        return {
            "value": Secret(value) if found.get("Type") == "SecureString" else value,
            "version": str(found.get("Version", "")),
            "arn": found.get("ARN", ""),
        }
