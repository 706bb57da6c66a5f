"""From a running machine to the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hclimg.builders.aws.copies import copied_image, copy_parameters
from hclimg.builders.aws.ebs.builder import EbsBuilder, Running
from hclimg.builders.aws.ebs.config import EbsConfig
from hclimg.builders.aws.ebs.launch import access, result_regions
from hclimg.builders.aws.fast_launch import enable_fast_launch
from hclimg.builders.aws.image import created_image, image_tags
from hclimg.builders.aws.lifetime import deprecate, protect
from hclimg.builders.aws.names import deregister_named
from hclimg.builders.aws.sharing import set_attributes
from hclimg.builders.aws.site import Site, open_site
from hclimg.builders.aws.stop import set_features, stop_instance
from hclimg.clouds.aws.artifact import artifact_of
from hclimg.clouds.aws.drafts import Draft, finish, wait_for_image
from hclimg.communicators.connect import clear_authorized_keys
from hclimg.sdk.machine import Artifact, Machine
from hclimg.sdk.mark import run_name

if TYPE_CHECKING:
    from hclimg.sdk.context import Context


def capture(ctx: Context, config: EbsConfig, machine: Machine) -> Artifact:
    running: Running = machine.handle
    aws = access(ctx, config)
    site = open_site(ctx, aws, running.source, config.run.all_run_tags)
    if running.public_key:
        clear_authorized_keys(ctx, config.run.communicator, machine.communicator, running.public_key)
    if config.skip_create_ami:
        return artifact_of(EbsBuilder.builder_id, "builder/amazon-ebs", (), aws.identity)

    _settle(ctx, site, config, running.instance)
    regions = result_regions(config, aws.region)
    if config.ami.force_deregister or ctx.run.force:
        snapshots = config.ami.force_delete_snapshot
        deregister_named(ctx, aws, config.ami.ami_name, regions, with_snapshots=snapshots)
    drafts = _images(ctx, site, config, running.instance, regions)
    for draft in drafts:
        _complete(ctx, site, config, draft)
    for draft in drafts:
        finish(ctx, draft)
    if config.ami.deregistration_protection.enabled:
        for draft in drafts:  # last, since what is protected cannot be removed
            protect(ctx, draft, config.ami.deregistration_protection)
    for draft in drafts:
        draft.keep()
    return artifact_of(EbsBuilder.builder_id, "builder/amazon-ebs", drafts, aws.identity)


def _settle(ctx: Context, site: Site, config: EbsConfig, instance: str) -> None:
    """Stop the instance, and change what can be changed then. EC2 restarts a spot instance for the image instead."""
    if config.run.spot.wanted:
        return
    stop_instance(ctx, site.ec2, instance, by_itself=config.run.disable_stop_instance)
    if config.ami.sriov_support or config.ami.ena_support is not None:
        set_features(ctx, site.ec2, instance, sriov=config.ami.sriov_support, ena=config.ami.ena_support)


def _images(ctx: Context, site: Site, config: EbsConfig, instance: str, regions: tuple[str, ...]) -> list[Draft]:
    """The images in all regions, ready for use. What is only copied from goes when the capture is over."""
    ami = config.ami
    description = ctx.render(ami.ami_description, **site.source.data())
    tags = image_tags(ctx, site, ami, run_tags=not config.skip_ami_run_tags)
    made = created_image(ctx, site, instance, _wanted(ctx, config, description), tags)
    wait_for_image(ctx, made)
    drafts = [] if config.copied else [made]
    for region in regions if config.copied else ami.other_regions(site.ec2.region):
        wanted = copy_parameters(ami, region, site.ec2.region, description)
        drafts.append(copied_image(ctx, site, made, region, wanted, tags))
    for draft in drafts:
        if draft is not made:
            wait_for_image(ctx, draft)
    return drafts


def _wanted(ctx: Context, config: EbsConfig, description: str) -> dict[str, Any]:
    """Parameters of CreateImage. An image that is only copied from has a name of its own."""
    wanted: dict[str, Any] = {"Name": run_name(ctx.run.id) if config.copied else config.ami.ami_name}
    if description:
        wanted["Description"] = description
    if config.ami_block_device_mappings:
        wanted["BlockDeviceMappings"] = [device.mapping() for device in config.ami_block_device_mappings]
    return wanted


def _complete(ctx: Context, site: Site, config: EbsConfig, draft: Draft) -> None:
    ami = config.ami
    set_attributes(ctx, draft, ami)
    if config.fast_launch.wanted:
        enable_fast_launch(ctx, draft, config.fast_launch, site.ec2.region)
    if (when := ami.deprecated_from) is not None:
        deprecate(ctx, draft, when)
