"""From a running machine to the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hclimg.builders.aws.ebs.builder import EbsBuilder
from hclimg.builders.aws.ebs.config import EbsConfig
from hclimg.builders.aws.fast_launch import enable_fast_launch
from hclimg.builders.aws.image import created_image
from hclimg.builders.aws.publish import Plan, access, make_room, plan, publish
from hclimg.builders.aws.site import Site, open_site
from hclimg.builders.aws.stop import set_features, stop_instance
from hclimg.clouds.aws.artifact import artifact_of
from hclimg.clouds.aws.drafts import Draft
from hclimg.communicators.connect import clear_authorized_keys
from hclimg.sdk.machine import Artifact, Machine

if TYPE_CHECKING:
    from hclimg.builders.aws.start import Running
    from hclimg.sdk.context import Context


def capture(ctx: Context, config: EbsConfig, machine: Machine) -> Artifact:
    running: Running = machine.handle
    aws = access(ctx, config.access, config.ami)
    site = open_site(ctx, aws, running.source, config.run.all_run_tags)
    if running.public_key:
        clear_authorized_keys(ctx, config.run.communicator, machine.communicator, running.public_key)
    if config.skip_create_ami:
        return artifact_of(EbsBuilder.builder_id, "builder/amazon-ebs", (), aws.identity)

    _settle(ctx, site, config, running.instance)
    wanted = plan(ctx, site, config.ami, run_tags=not config.skip_ami_run_tags)
    make_room(ctx, site, wanted)
    made = created_image(ctx, site, running.instance, _asked(config, wanted), wanted.tags)

    def complete(draft: Draft) -> None:
        if config.fast_launch.wanted:
            enable_fast_launch(ctx, draft, config.fast_launch, site.ec2.region)

    drafts = publish(ctx, site, made, wanted, complete)
    return artifact_of(EbsBuilder.builder_id, "builder/amazon-ebs", drafts, aws.identity)


def _settle(ctx: Context, site: Site, config: EbsConfig, instance: str) -> None:
    """Stop the instance, and change what can be changed then. EC2 restarts a spot instance for the image instead."""
    if config.run.spot.wanted:
        return
    stop_instance(ctx, site.ec2, instance, by_itself=config.run.disable_stop_instance)
    if config.ami.sriov_support or config.ami.ena_support is not None:
        set_features(ctx, site.ec2, instance, sriov=config.ami.sriov_support, ena=config.ami.ena_support)


def _asked(config: EbsConfig, wanted: Plan) -> dict[str, Any]:
    """Parameters of CreateImage."""
    asked: dict[str, Any] = {"Name": wanted.name}
    if wanted.description:
        asked["Description"] = wanted.description
    if config.ami_block_device_mappings:
        asked["BlockDeviceMappings"] = [device.mapping() for device in config.ami_block_device_mappings]
    return asked
