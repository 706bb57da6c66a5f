"""From a first image to the finished ones: tags, copies in other regions, encryption, accounts that may use them.

What is made here is temporary until everything has worked out; then the marks of the run come off, and it is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field

from hclimg.clouds.alicloud.ecs import Ecs, dig
from hclimg.clouds.alicloud.image_settings import CopyWish, ImageConfig
from hclimg.clouds.alicloud.images import (
    Image,
    own_images,
    remove_image,
    share,
    snapshots_in,
    tag,
    untag,
    wait_for_image,
)
from hclimg.clouds.alicloud.making import Made, make
from hclimg.clouds.alicloud.removal import mark, marked
from hclimg.diagnostics import did_you_mean
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.steps import step

COPY_SETTING, SNAPSHOT_SETTING = "wait_copying_image_ready_timeout", "wait_snapshot_ready_timeout"
BUSY = (
    "IncorrectInstanceStatus",
    "IncorrectImageStatus",
    "InvalidImageId.IncorrectImageStatus",
    "InvalidSnapshotId.Not",
)


@define(eq=False)
class Draft:
    """Something that was made, and stays only when it is kept."""

    made: Made
    kept: bool = field(default=False, init=False)

    @property
    def id(self) -> str:
        return self.made.id

    @property
    def ecs(self) -> Ecs:
        """The API of where it is."""
        return self.made.ecs

    def keep(self) -> None:
        self.kept = True
        self.made.keep()

    def drop(self) -> None:
        if not self.kept:
            self.made.remove()


def check_regions(ctx: Context, ecs: Ecs, config: ImageConfig) -> None:
    """Raises BuildError when a region does not exist, unless the settings say that this is not to be asked."""
    if not ecs.session.access.skip_region_validation:
        _check_regions(ctx, ecs, (ecs.region, *config.image_copy_regions))


@step("Checking the regions")
def _check_regions(ctx: Context, ecs: Ecs, regions: tuple[str, ...]) -> None:  # noqa: ARG001
    known = [str(row["RegionId"]) for row in dig(ecs.call("DescribeRegions"), "Regions.Region") or []]
    for region in regions:
        if region not in known:
            hint = did_you_mean(region, known).strip() or f"There are {', '.join(sorted(known))}."
            raise BuildError(f'Alibaba Cloud has no region "{region}".', hint=hint)


@step("Checking the names of the images")
def check_names(ctx: Context, ecs: Ecs, config: ImageConfig) -> None:  # noqa: ARG001
    """Raises BuildError when an image of a name exists that will be needed."""
    wanted = [(ecs, config.image_name)]
    wanted += [(ecs.at(wish.region), wish.name) for wish in config.copies(ecs.region) if wish.name]
    for there, name in wanted:
        if found := own_images(there, name):
            raise BuildError(
                f'There is an image "{name}" in {there.region} already: {found[0]["ImageId"]}.',
                hint="Take another name, set image_force_delete = true, or run with -force.",
            )


@step("Creating the image", undo="Removing what is not needed of the image")
def draft_image(
    ctx: Context, ecs: Ecs, action: str, name: str, wanted: Mapping[str, Any], busy: tuple[str, ...] = ()
) -> Iterator[Draft]:
    """By CreateImage or ImportImage. ``busy``: more codes of refusals that go by themselves."""
    create = ecs.maker(action, *BUSY, *busy, ImageName=name, Tag=marked(ctx.run.id, ctx.lane), **wanted)
    draft = Draft(make(ctx, ecs, "image", "ImageId", create, name=name))
    ctx.say(f"The image {name} in {ecs.region} will be {draft.id}.")
    yield draft
    draft.drop()


@step("Copying the image", undo="Removing what is not needed of the copy")
def draft_copy(ctx: Context, ecs: Ecs, image: str, wish: CopyWish, config: ImageConfig) -> Iterator[Draft]:
    """``ecs`` is that of the source. Returns before the copy is finished."""
    create = ecs.maker(
        "CopyImage", *BUSY, ImageId=image, DestinationRegionId=wish.region, DestinationImageName=wish.name,
        DestinationDescription=config.image_description, Encrypted=config.image_encrypted,
        KMSKeyId=wish.key, ResourceGroupId=config.resource_group_id, Tag=marked(ctx.run.id, ctx.lane),
    )  # fmt: skip
    draft = Draft(make(ctx, ecs.at(wish.region), "image", "ImageId", create, name=wish.name))
    ctx.say(f"The copy in {wish.region} will be {draft.id}.")
    yield draft
    draft.drop()


def finish(
    ctx: Context, first: Draft, image: Image, config: ImageConfig, snapshot: Draft | None = None
) -> list[tuple[Ecs, Image]]:
    """From a first image that can be used to what the settings ask for; each with the API of its region.

    ``image`` is what the API says of the first one; ``snapshot`` what that was made of, if it was made for it.
    """
    drafts = _copies(ctx, first, config)
    found = [(draft, image if draft is first else _ready(ctx, draft, config)) for draft in drafts]
    tag_images(ctx, found, config)
    if config.image_share_account or config.image_unshare_account:
        share_images(ctx, drafts, config)
    release(ctx, drafts, snapshot if first in drafts else None)
    return [(draft.ecs, finished) for draft, finished in found]


def _copies(ctx: Context, first: Draft, config: ImageConfig) -> list[Draft]:
    """The images that will stay. All copies are made at the same time."""
    ecs = first.ecs
    wishes = config.copies(ecs.region)
    if config.image_encrypted:
        wishes = (CopyWish(region=ecs.region, name=config.image_name, key=config.kms_key_id), *wishes)
    copies = [draft_copy(ctx, ecs, first.id, wish, config) for wish in wishes]
    return copies if config.image_encrypted else [first, *copies]


def _ready(ctx: Context, draft: Draft, config: ImageConfig) -> Image:
    return _wait(ctx, draft, config.copy_timeout.total_seconds(), COPY_SETTING)


@step("Tagging the images")
def tag_images(ctx: Context, found: list[tuple[Draft, Image]], config: ImageConfig) -> None:  # noqa: ARG001
    """Their snapshots, too. The family of an image is not copied with it."""
    for draft, image in found:
        if config.target_image_family and image.get("ImageFamily") != config.target_image_family:
            draft.ecs.call("ModifyImageAttribute", ImageId=draft.id, ImageFamily=config.target_image_family)
        tag(draft.ecs, "image", [draft.id], config.all_tags)
        tag(draft.ecs, "snapshot", snapshots_in(image), config.all_tags)


@step("Sharing the images")
def share_images(ctx: Context, drafts: list[Draft], config: ImageConfig) -> None:  # noqa: ARG001
    for draft in drafts:
        share(draft.ecs, draft.id, add=config.image_share_account, remove=config.image_unshare_account)


@step("Releasing the finished images")
def release(ctx: Context, drafts: list[Draft], snapshot: Draft | None) -> None:
    """The marks come off first: an image without one is never removed by `hclimg cleanup`."""
    keys = mark(ctx.run.id, ctx.lane)
    if snapshot:
        untag(snapshot.ecs, "snapshot", [snapshot.id], keys)
        snapshot.keep()  # from now on it goes with its image
    for draft in drafts:
        untag(draft.ecs, "image", [draft.id], keys)
    for draft in drafts:
        draft.keep()


@step("Deleting images of the same names")
def delete_duplicates(ctx: Context, ecs: Ecs, config: ImageConfig) -> None:
    wanted = [(ecs, config.image_name)]
    wanted += [(ecs.at(wish.region), wish.name) for wish in config.copies(ecs.region) if wish.name]
    snapshots = config.image_force_delete_snapshots or ctx.run.force
    for there, name in wanted:
        for image in own_images(there, name):
            what = "and its snapshots " if snapshots else ""
            ctx.say(f"Deleting {image['ImageId']} ({name}) {what}in {there.region}")
            force = config.image_force_delete_instances
            remove_image(there, str(image["ImageId"]), force=force, snapshots=snapshots)
            gone = (image["ImageId"], *(snapshots_in(image) if snapshots else ()))
            ctx.replaced(*(f"{there.region}: {thing}" for thing in gone))


def wait_for_first(ctx: Context, draft: Draft, timeout: float) -> Image:
    return _wait(ctx, draft, timeout, SNAPSHOT_SETTING)


def _wait(ctx: Context, draft: Draft, timeout: float, setting: str) -> Image:
    def told(percent: int) -> None:
        ctx.progress(f"the image in {draft.ecs.region}", percent, 100, unit="%")

    return wait_for_image(draft.ecs, draft.id, timeout=timeout, setting=setting, told=told)
