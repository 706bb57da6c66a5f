"""Before anything is made: do the regions exist, are the names free, which image does the instance start from?"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from hclimg.builders.alicloud.config import AlicloudEcsConfig
from hclimg.clouds.alicloud.ecs import Ecs
from hclimg.clouds.alicloud.finishing import check_regions
from hclimg.clouds.alicloud.making import api_for
from hclimg.errors import ApiError, BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.steps import step


@frozen(kw_only=True)
class SourceImage:
    """What the instance starts from."""

    id: str
    name: str


def find_source(ctx: Context, config: AlicloudEcsConfig) -> SourceImage:
    ecs = api_for(ctx, config.access)
    check_regions(ctx, ecs, config.image)
    return _of_family(ctx, ecs, config.image_family) if config.image_family else _by_id(ctx, ecs, config)


@step("Finding the source image")
def _by_id(ctx: Context, ecs: Ecs, config: AlicloudEcsConfig) -> SourceImage:
    expired = {"ShowExpired": True} if config.image.skip_image_validation else {}
    rows = ecs.list("DescribeImages", "Images.Image", ImageId=config.source_image, **expired)
    if not rows:  # the market's are only found there
        rows = ecs.list(
            "DescribeImages", "Images.Image", ImageId=config.source_image, ImageOwnerAlias="marketplace", **expired
        )
    if not rows:
        raise BuildError(
            f'There is no image "{config.source_image}" in {ecs.region} that could be used.',
            hint="Images belong to one region. skip_image_validation = true also finds one that has expired.",
        )
    return _source(ctx, rows[0])


@step("Finding the newest image of the family")
def _of_family(ctx: Context, ecs: Ecs, family: str) -> SourceImage:
    try:
        image = ecs.call("DescribeImageFromFamily", ImageFamily=family).get("Image")
    except ApiError as error:
        if not error.code.startswith("InvalidImageFamily"):
            raise
        image = None
    if not image or not image.get("ImageId"):
        raise BuildError(f'There is no image of the family "{family}" in {ecs.region}.', hint="Look at image_family.")
    return _source(ctx, image)


def _source(ctx: Context, image: dict[str, Any]) -> SourceImage:
    ctx.say(f"The source image is {image['ImageId']} ({image.get('ImageName', '')}).")
    return SourceImage(id=str(image["ImageId"]), name=str(image.get("ImageName", "")))
