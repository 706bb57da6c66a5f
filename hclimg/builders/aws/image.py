"""Images in the making: of an instance, or of snapshots; removed unless they are finished, whatever happened."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from hclimg.builders.aws.settings.ami import AmiConfig
from hclimg.builders.aws.site import Site
from hclimg.clouds.aws.drafts import Draft
from hclimg.clouds.aws.making import made_once, making, marked_with, once_known, tag_specifications
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context

NOT_STOPPED = ("IncorrectState", "Instance is not in state")


@step("Creating the image", undo="Letting go of the image")
def created_image(
    ctx: Context, site: Site, instance: str, wanted: Mapping[str, Any], tags: ImageTags
) -> Iterator[Draft]:
    """An image of the instance; EC2 is not ready with it yet. ``wanted`` are parameters of CreateImage."""
    spared = snapshots_named_in(wanted)
    about = {"spared": " ".join(spared)} if spared else {}
    with making(ctx, site.ec2, "image", name=wanted["Name"], **about) as record:
        asked = {"InstanceId": instance, "TagSpecifications": tags.marked(site), **wanted}
        answer = made_once(
            lambda: once_known(ctx, lambda: site.ec2.call("CreateImage", **asked), *NOT_STOPPED),
            lambda: image_in_the_making(ctx, site.ec2, wanted["Name"]),
        )  # fmt: skip
    image = str(answer["ImageId"])
    record.made(id=image)
    ctx.say(f"Image {image} in {site.ec2.region}.")
    draft = Draft(image, site.ec2, record, frozenset(spared))
    yield draft
    draft.drop()


@step("Registering the image", undo="Letting go of the image")
def registered_image(
    ctx: Context, site: Site, wanted: Mapping[str, Any], tags: ImageTags, own: Collection[str]
) -> Iterator[Draft]:
    """An image of snapshots. ``wanted`` are parameters of RegisterImage; ``own`` are the snapshots that the build has
    made for it, and tagged."""
    spared = [name for name in snapshots_named_in(wanted) if name not in own]
    about = {"spared": " ".join(spared)} if spared else {}
    with making(ctx, site.ec2, "image", name=wanted["Name"], **about) as record:
        marked = tag_specifications({"image": {**tags.image, **site.mark}})
        answer = made_once(
            lambda: site.ec2.call("RegisterImage", TagSpecifications=marked, **wanted),
            lambda: image_in_the_making(ctx, site.ec2, wanted["Name"]),
        )
    image = str(answer["ImageId"])
    record.made(id=image)
    ctx.say(f"Image {image} in {site.ec2.region}.")
    draft = Draft(image, site.ec2, record, frozenset(spared))
    yield draft
    draft.drop()


def snapshots_named_in(wanted: Mapping[str, Any]) -> list[str]:
    """Snapshots of the user's own, which the image only names for its disks: they stay when the image goes."""
    disks = (disk.get("Ebs", {}) for disk in wanted.get("BlockDeviceMappings", ()))
    return sorted({str(disk["SnapshotId"]) for disk in disks if "SnapshotId" in disk})


def image_in_the_making(ctx: Context, ec2: Service, name: str) -> dict[str, Any] | None:
    """The image of that name that this run has begun."""
    ours = marked_with(ctx.run.id, name=name)
    return next(iter(ec2.call("DescribeImages", Owners=["self"], Filters=ours)["Images"]), None)


@frozen
class ImageTags:
    """What the image and its snapshots are tagged with in the end."""

    image: Mapping[str, str]
    snapshots: Mapping[str, str]

    def marked(self, site: Site) -> list[dict[str, Any]]:
        """Tag specifications with the mark of the run: a snapshot has it as soon as there is one."""
        return tag_specifications({
            "image": {**self.image, **site.mark}, "snapshot": {**self.snapshots, **site.mark}
        })  # fmt: skip


def image_tags(ctx: Context, site: Site, ami: AmiConfig, *, run_tags: bool) -> ImageTags:
    of_image = {**(site.run_tags if run_tags else {}), **site.source.rendered(ctx, ami.all_tags)}
    return ImageTags(of_image, {**of_image, **site.source.rendered(ctx, ami.snapshots.tags)})
