"""From a running machine to volumes that stay, and snapshots of them.

Until the end they carry the run's mark: the end of the instance takes those volumes with it that still do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hclimg.builders.aws.ebsvolume.artifact import artifact_of
from hclimg.builders.aws.sharing import snapshot_change
from hclimg.builders.aws.site import Site, open_site
from hclimg.builders.aws.snapshots import Shot, complete, snapshot, volumes
from hclimg.builders.aws.stop import set_features, stop_instance
from hclimg.clouds.aws.client import connect
from hclimg.clouds.aws.making import tag_list
from hclimg.communicators.connect import clear_authorized_keys
from hclimg.sdk.mark import RUN_TAG
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.builders.aws.ebsvolume.config import EbsVolume, EbsVolumeConfig
    from hclimg.builders.aws.start import Running
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact, Machine


def capture(ctx: Context, config: EbsVolumeConfig, machine: Machine) -> Artifact:
    running: Running = machine.handle
    aws = connect(ctx, config.access)
    site = open_site(ctx, aws, running.source, config.run.all_run_tags)
    if running.public_key:
        clear_authorized_keys(ctx, config.run.communicator, machine.communicator, running.public_key)
    needed = [one.device.device_name for one in config.ebs_volumes if one.stays or one.snapshot_volume]
    found = volumes(ctx, site.ec2, running.instance, needed)
    if not config.run.spot.wanted:
        stop_instance(ctx, site.ec2, running.instance, by_itself=config.run.disable_stop_instance)
        if config.sriov_support or config.ena_support is not None:
            set_features(ctx, site.ec2, running.instance, sriov=config.sriov_support, ena=config.ena_support)
    wanted = [one for one in config.ebs_volumes if one.snapshot_volume]
    shots = [_snapshot(ctx, site, found[one.device.device_name], one) for one in wanted]
    for shot, one in zip(shots, wanted, strict=True):
        complete(ctx, site.ec2, shot)
        share(ctx, site.ec2, shot, one)
    staying = {found[one.device.device_name]: one for one in config.ebs_volumes if one.stays}
    finish(ctx, site, config, staying, shots)
    for shot in shots:
        shot.keep()
    return artifact_of(aws.identity, site.ec2.region, tuple(staying), tuple(shot.id for shot in shots))


def _snapshot(ctx: Context, site: Site, volume: str, wanted: EbsVolume) -> Shot:
    tags = site.source.rendered(ctx, wanted.snapshots.tags)
    return snapshot(ctx, site, volume, wanted.device.device_name, tags, wanted.snapshot_description)


@step("Sharing the snapshot")
def share(_ctx: Context, ec2: Service, shot: Shot, wanted: EbsVolume) -> None:
    change = snapshot_change(wanted.snapshots)
    if change:
        ec2.call("ModifySnapshotAttribute", SnapshotId=shot.id, **change)


@step("Finishing the volumes")
def finish(
    ctx: Context, site: Site, config: EbsVolumeConfig, staying: Mapping[str, EbsVolume], shots: list[Shot]
) -> None:
    """Tag them, then take the mark of the run off all of them with one call: from then on they are results."""
    temporary = [{"Key": key} for key in site.source.rendered(ctx, config.volume_tags)]
    for volume, wanted in staying.items():
        if temporary:
            site.ec2.call("DeleteTags", Resources=[volume], Tags=temporary)
        tags = site.source.rendered(ctx, wanted.all_tags)
        if tags:
            site.ec2.call("CreateTags", Resources=[volume], Tags=tag_list(tags))
    marked = [*staying, *(shot.id for shot in shots)]
    if marked:
        site.ec2.call("DeleteTags", Resources=marked, Tags=[{"Key": RUN_TAG}])
