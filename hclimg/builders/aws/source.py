"""The image that a build starts from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from hclimg.clouds.aws.images import AmiFilterConfig, find_image
from hclimg.errors import BuildError
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Aws
    from hclimg.sdk.context import Context


@frozen
class SourceImage:
    """``description`` is what DescribeImages says of it; ``region`` is where the build works."""

    description: Mapping[str, Any]
    region: str

    @property
    def id(self) -> str:
        return str(self.description["ImageId"])

    @property
    def tags(self) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.description.get("Tags", ())}

    @property
    def keeps_volumes(self) -> bool:
        """Whether an instance of it leaves a volume when it ends."""
        disks = (mapping.get("Ebs") for mapping in self.description.get("BlockDeviceMappings", ()))
        return any(disk and disk.get("DeleteOnTermination") is False for disk in disks)

    def data(self) -> dict[str, Any]:
        """What templates of settings, and ``build.*``, know of it."""
        told = self.description
        return {
            "BuildRegion": self.region,
            "SourceAMI": self.id,
            "SourceAMIName": told.get("Name", ""),
            "SourceAMICreationDate": told.get("CreationDate", ""),
            "SourceAMIOwner": told.get("OwnerId", ""),
            "SourceAMIOwnerName": told.get("ImageOwnerAlias", ""),
            "SourceAMITags": self.tags,
        }

    def rendered(self, ctx: Context, tags: Mapping[str, str]) -> dict[str, str]:
        """Tags of the settings with what is known of the source filled in."""
        data = self.data()
        return {ctx.render(key, **data): ctx.render(value, **data) for key, value in tags.items()}


FACTS = (
    "BuildRegion", "SourceAMI", "SourceAMIName", "SourceAMICreationDate", "SourceAMIOwner", "SourceAMIOwnerName",
)  # fmt: skip


@step("Finding the source image")
def source_image(ctx: Context, aws: Aws, image: str, chosen: AmiFilterConfig, virtualization: str) -> SourceImage:
    """The image of the settings. Raises BuildError when there is none, or more than one to choose from."""
    source = SourceImage(find_image(aws.service("ec2"), chosen, image), aws.region)
    _check(source, virtualization)
    ctx.say(f"Starting from {source.id} ({source.description.get('Name', 'without a name')}).")
    return source


def _check(source: SourceImage, virtualization: str) -> None:
    told = source.description
    if told.get("RootDeviceType", "ebs") != "ebs":
        raise BuildError(
            f"The root device of {source.id} is not on EBS but of the type {told['RootDeviceType']}.",
            hint='Filter with root-device-type = "ebs".',
        )
    if virtualization and told.get("VirtualizationType", virtualization) != virtualization:
        raise BuildError(
            f'The virtualization of {source.id} is "{told["VirtualizationType"]}", not "{virtualization}".',
            hint=f'Filter with virtualization-type = "{virtualization}"; an image has that of its source.',
        )
