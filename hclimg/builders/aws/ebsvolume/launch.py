"""From the settings to a machine with the volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.builders.aws.site import open_site
from hclimg.builders.aws.start import start
from hclimg.clouds.aws.client import connect

if TYPE_CHECKING:
    from hclimg.builders.aws.ebsvolume.config import EbsVolumeConfig
    from hclimg.builders.aws.source import SourceImage
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Machine


def launch(ctx: Context, config: EbsVolumeConfig, source: SourceImage) -> Machine:
    site = open_site(ctx, connect(ctx, config.access), source, config.run.all_run_tags)
    mappings = [one.device.mapping() for one in config.ebs_volumes]
    return start(ctx, site, config.run, mappings, config.volume_tags)
