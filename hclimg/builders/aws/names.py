"""Whether an image has the name already, and what then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hclimg.clouds.aws import removal
from hclimg.errors import BuildError
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Aws, Service
    from hclimg.sdk.context import Context


@step("Looking for images of the same name")
def refuse_taken_name(_ctx: Context, aws: Aws, name: str, regions: Iterable[str]) -> None:
    """Raises BuildError when an image of the account has the name in one of the regions."""
    taken = [(region, image) for region in regions for image in images_named(aws.service("ec2", region), name)]
    if taken:
        where = ", ".join(f"{image} in {region}" for region, image in taken)
        raise BuildError(
            f'There is an image called "{name}" already: {where}.',
            hint="Names are unique in a region: add a timestamp to ami_name, or set force_deregister = true (or run "
            "with -force) to deregister the old image.",
        )


@step("Deregistering images of the same name")
def deregister_named(ctx: Context, aws: Aws, name: str, regions: Iterable[str], *, with_snapshots: bool) -> None:
    """Make room for the new image."""
    for region in regions:
        ec2 = aws.service("ec2", region)
        for image in images_named(ec2, name):
            ctx.say(f"Deregistering {image} in {region}, which has the name.")
            snapshots = sorted(removal.snapshots_of(ec2, image)) if with_snapshots else []
            if with_snapshots:
                removal.remove_image(ec2, image)
            else:
                removal.deregister_image(ec2, image)
            ctx.replaced(*(f"{region}: {gone}" for gone in (image, *snapshots)))


def images_named(ec2: Service, name: str) -> list[str]:
    asked = [{"Name": "name", "Values": [name]}]
    found = ec2.call("DescribeImages", Owners=["self"], Filters=asked, IncludeDeprecated=True)["Images"]
    return [str(image["ImageId"]) for image in found]
