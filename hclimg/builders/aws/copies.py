"""Copies of an image: in other regions, and encrypted ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hclimg.builders.aws.image import ImageTags
from hclimg.builders.aws.settings.ami import AmiConfig
from hclimg.builders.aws.site import Site
from hclimg.clouds.aws.drafts import Draft
from hclimg.clouds.aws.making import making
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.sdk.context import Context


@step("Copying the image", undo="Letting go of the copy")
def copied_image(
    ctx: Context, site: Site, source: Draft, region: str, wanted: Mapping[str, Any], tags: ImageTags
) -> Iterator[Draft]:
    """A copy in a region; EC2 is not ready with it yet. ``wanted`` are parameters of CopyImage."""
    ec2 = site.aws.service("ec2", region)
    with making(ctx, ec2, "image", name=wanted["Name"]) as record:
        answer = ec2.call(
            "CopyImage", SourceImageId=source.id, SourceRegion=source.region,
            TagSpecifications=tags.marked(site), **wanted,
        )  # fmt: skip
    image = str(answer["ImageId"])
    record.made(id=image)
    ctx.say(f"Copy {image} in {region}.")
    draft = Draft(image, ec2, record)
    yield draft
    draft.drop()


def copy_parameters(ami: AmiConfig, region: str, build_region: str, description: str) -> dict[str, Any]:
    """What CopyImage is asked for."""
    wanted: dict[str, Any] = {"Name": ami.ami_name, "Description": description}
    encryption = ami.encryption
    if encryption.encrypt_boot is not None:
        wanted["Encrypted"] = encryption.encrypt_boot
    if encryption.encrypt_boot:
        wanted["KmsKeyId"] = encryption.key_for(region, build_region)
    if ami.snapshot_copy_duration_minutes:
        wanted["SnapshotCopyCompletionDurationMinutes"] = ami.snapshot_copy_duration_minutes
    return {name: value for name, value in wanted.items() if value not in ("", None)}
