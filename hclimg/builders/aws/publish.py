"""From the first image to the results: copied, shared, finished, in all regions; the same however it was made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import frozen

from hclimg.builders.aws.copies import copied_image, copy_parameters
from hclimg.builders.aws.image import ImageTags, image_tags
from hclimg.builders.aws.lifetime import deprecate, protect
from hclimg.builders.aws.names import deregister_named
from hclimg.builders.aws.settings.ami import AmiConfig
from hclimg.builders.aws.sharing import set_attributes
from hclimg.builders.aws.site import Site
from hclimg.clouds.aws.client import Aws, connect
from hclimg.clouds.aws.drafts import Draft, finish, wait_for_image
from hclimg.sdk.mark import run_name

if TYPE_CHECKING:
    from hclimg.clouds.aws.access import AwsAccess
    from hclimg.sdk.context import Context


@frozen(kw_only=True)
class Plan:
    """What the images of a build are to be. ``name`` is that of the first one: an image that is only copied from has
    a name of its own."""

    ami: AmiConfig
    name: str
    description: str
    tags: ImageTags
    regions: tuple[str, ...]


def plan(ctx: Context, site: Site, ami: AmiConfig, *, run_tags: bool) -> Plan:
    return Plan(
        ami=ami,
        name=run_name(ctx.run.id) if ami.copied else ami.ami_name,
        description=ctx.render(ami.ami_description, **site.source.data()),
        tags=image_tags(ctx, site, ami, run_tags=run_tags),
        regions=ami.result_regions(site.ec2.region),
    )


def access(ctx: Context, settings: AwsAccess, ami: AmiConfig) -> Aws:
    """AWS, after a look whether the regions to copy to exist."""
    skip = ami.skip_region_validation
    aws = connect(ctx, settings, any_region=skip)
    for region in () if skip else ami.ami_regions:
        aws.check_region(region)
    return aws


def make_room(ctx: Context, site: Site, wanted: Plan) -> None:
    """Deregister images that have the name, when the settings say so."""
    if wanted.ami.force_deregister or ctx.run.force:
        snapshots = wanted.ami.force_delete_snapshot
        deregister_named(ctx, site.aws, wanted.ami.ami_name, wanted.regions, with_snapshots=snapshots)


def publish(
    ctx: Context, site: Site, made: Draft, wanted: Plan, complete: Callable[[Draft], None] = lambda _: None
) -> list[Draft]:
    """The finished images. ``made`` is the first one, which EC2 need not be ready with; ``complete`` does what else
    is to be done with each. What is only copied from goes when the capture is over."""
    drafts = _images(ctx, site, made, wanted)
    for draft in drafts:
        set_attributes(ctx, draft, wanted.ami)
        complete(draft)
        if (when := wanted.ami.deprecated_from) is not None:
            deprecate(ctx, draft, when)
    for draft in drafts:
        finish(ctx, draft)
    if wanted.ami.deregistration_protection.enabled:
        for draft in drafts:  # last, since what is protected cannot be removed
            protect(ctx, draft, wanted.ami.deregistration_protection)
    for draft in drafts:
        draft.keep()
    return drafts


def _images(ctx: Context, site: Site, made: Draft, wanted: Plan) -> list[Draft]:
    """The images in all regions, ready for use."""
    ami = wanted.ami
    wait_for_image(ctx, made)
    drafts = [] if ami.copied else [made]
    for region in wanted.regions if ami.copied else ami.other_regions(site.ec2.region):
        asked = copy_parameters(ami, region, site.ec2.region, wanted.description)
        drafts.append(copied_image(ctx, site, made, region, asked, wanted.tags))
    for draft in drafts:
        if draft is not made:
            wait_for_image(ctx, draft)
    return drafts
