"""Data source ``amazon-ami``: finds an image of EC2."""

from __future__ import annotations

from typing import Any, ClassVar

from hclimg.clouds.aws.access import AwsAccess, check_region
from hclimg.clouds.aws.images import AmiFilterConfig, shown
from hclimg.config.fields import Checker, config, embed, setting
from hclimg.sdk.components import DataSource
from hclimg.sdk.context import Context


@config
class AmazonAmiConfig:
    """Finds an image of EC2. Exactly one must match, or several with `most_recent`."""

    chosen: AmiFilterConfig = embed(AmiFilterConfig)
    access: AwsAccess = embed(AwsAccess)

    def check(self, problems: Checker) -> None:
        check_region(problems, self.access, self.access.region, "region")
        if not self.chosen.filters:
            problems.error("Missing filters", '"filters" must say what the image is like.', "filters")
        if not self.chosen.owners:
            detail = (
                '"owners" must say who may have made the image: anybody can publish one of any name. '
                'Ids of accounts, "self", "amazon" and "aws-marketplace" are possible.'
            )
            problems.error("Missing owners", detail, "owners")


@config
class AmazonAmiOutput:
    """The image."""

    id: str = setting("The id of the image.")
    name: str = setting("The name of the image.")
    creation_date: str = setting("When it was made, in UTC.")
    owner: str = setting("The id of the account that it belongs to.")
    owner_name: str = setting("The name of the owner: `amazon`, `aws-marketplace`, …, or empty.")
    tags: dict[str, str] = setting("The tags of the image; those of an image of somebody else cannot be seen.")


class AmazonAmiDataSource(DataSource[AmazonAmiConfig]):
    Config: ClassVar[type] = AmazonAmiConfig
    Output: ClassVar[type | None] = AmazonAmiOutput

    def summary(self) -> str:
        return shown(self.config.chosen.filters)

    def uses(self) -> dict[str, int]:
        return {"aws.ec2": 1}

    def read(self, ctx: Context) -> dict[str, Any]:
        from hclimg.clouds.aws.client import connect
        from hclimg.clouds.aws.images import find_image

        image = find_image(connect(ctx, self.config.access).service("ec2"), self.config.chosen)
        return {
            "id": image["ImageId"],
            "name": image.get("Name", ""),
            "creation_date": image.get("CreationDate", ""),
            "owner": image.get("OwnerId", ""),
            "owner_name": image.get("ImageOwnerAlias", ""),
            "tags": {tag["Key"]: tag["Value"] for tag in image.get("Tags", ())},
        }
