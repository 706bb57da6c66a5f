"""From the settings to a machine with the disk to fill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.builders.aws.names import refuse_taken_name
from hclimg.builders.aws.publish import access
from hclimg.builders.aws.site import open_site
from hclimg.builders.aws.source import SourceImage, source_image
from hclimg.builders.aws.start import start
from hclimg.errors import BuildError

if TYPE_CHECKING:
    from hclimg.builders.aws.ebssurrogate.config import SurrogateConfig
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Machine


def resolve(ctx: Context, config: SurrogateConfig) -> SourceImage:
    """The image to start from, after a look whether the result can have its name."""
    aws = access(ctx, config.access, config.ami)
    if not (config.ami.force_deregister or ctx.run.force):
        refuse_taken_name(ctx, aws, config.ami.ami_name, config.ami.result_regions(aws.region))
    run, inherits = config.run, config.use_create_image
    virtualization = config.ami.ami_virtualization_type if inherits else ""
    source = source_image(ctx, aws, run.source_ami, run.source_ami_filter, virtualization)
    if inherits:
        _check_root(source, config.ami_root_device.device_name)
    elif not config.ami_architecture and _architecture(source) != config.architecture:
        ctx.warn(
            f"The image will be one for {config.architecture}, although its source is for {_architecture(source)}: "
            "ami_architecture says otherwise."
        )
    return source


def launch(ctx: Context, config: SurrogateConfig, source: SourceImage) -> Machine:
    site = open_site(ctx, access(ctx, config.access, config.ami), source, config.run.all_run_tags)
    mappings = [one.device.mapping() for one in config.launch_block_device_mappings]
    return start(ctx, site, config.run, mappings, config.volume_tags, swaps_volumes=config.use_create_image)


def _architecture(source: SourceImage) -> str:
    return str(source.description.get("Architecture", "x86_64"))


def _check_root(source: SourceImage, name: str) -> None:
    theirs = str(source.description.get("RootDeviceName", name))
    if theirs != name:
        raise BuildError(
            f'The root disk of {source.id} is called "{theirs}", and so is that of an image that EC2 makes of its '
            f'instance; not "{name}".',
            hint=f'Write device_name = "{theirs}" in ami_root_device, or leave use_create_image out.',
        )
