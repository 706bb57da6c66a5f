"""From the settings to a machine that one can log in to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.builders.aws.ebs.config import EbsConfig
from hclimg.builders.aws.names import refuse_taken_name
from hclimg.builders.aws.publish import access
from hclimg.builders.aws.settings.devices import launch_mappings
from hclimg.builders.aws.site import open_site
from hclimg.builders.aws.source import SourceImage, source_image
from hclimg.builders.aws.start import start
from hclimg.sdk.machine import Machine

if TYPE_CHECKING:
    from hclimg.sdk.context import Context


def resolve(ctx: Context, config: EbsConfig) -> SourceImage:
    """The image to start from, after a look whether the result can have its name."""
    aws = access(ctx, config.access, config.ami)
    if not (config.ami.force_deregister or ctx.run.force or config.skip_create_ami):
        refuse_taken_name(ctx, aws, config.ami.ami_name, config.ami.result_regions(aws.region))
    run = config.run
    return source_image(ctx, aws, run.source_ami, run.source_ami_filter, config.ami.ami_virtualization_type)


def launch(ctx: Context, config: EbsConfig, source: SourceImage) -> Machine:
    site = open_site(ctx, access(ctx, config.access, config.ami), source, config.run.all_run_tags)
    mappings = launch_mappings(config.launch_block_device_mappings, no_ephemeral=config.no_ephemeral)
    return start(ctx, site, config.run, mappings, config.volume_tags)
