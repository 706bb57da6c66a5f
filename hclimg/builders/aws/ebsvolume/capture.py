"""From a running machine to volumes that stay, and snapshots of them.

Until the end they carry the run's mark: the end of the instance takes those volumes with it that still do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field

from hclimg.builders.aws.ebsvolume.artifact import artifact_of
from hclimg.builders.aws.sharing import snapshot_change
from hclimg.builders.aws.site import Site, open_site
from hclimg.builders.aws.stop import set_features, stop_instance
from hclimg.clouds.aws import removal
from hclimg.clouds.aws.client import LONG, connect
from hclimg.clouds.aws.making import making, tag_list, tag_specifications
from hclimg.communicators.connect import clear_authorized_keys
from hclimg.errors import BuildError
from hclimg.sdk.mark import RUN_TAG
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.builders.aws.ebsvolume.config import EbsVolume, EbsVolumeConfig
    from hclimg.builders.aws.ebsvolume.launch import Running
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context
    from hclimg.sdk.journal import Record
    from hclimg.sdk.machine import Artifact, Machine


@define(eq=False)
class Shot:
    """A snapshot in the making; until it is kept it is temporary."""

    id: str
    _record: Record
    kept: bool = field(default=False, init=False)

    def keep(self) -> None:
        self.kept = True
        self._record.kept()

    def gone(self) -> None:
        self._record.gone()


def capture(ctx: Context, config: EbsVolumeConfig, machine: Machine) -> Artifact:
    running: Running = machine.handle
    aws = connect(ctx, config.access)
    site = open_site(ctx, aws, running.source, config.run.all_run_tags)
    if running.public_key:
        clear_authorized_keys(ctx, config.run.communicator, machine.communicator, running.public_key)
    found = volumes(ctx, site.ec2, running.instance, config)
    if not config.run.spot.wanted:
        stop_instance(ctx, site.ec2, running.instance, by_itself=config.run.disable_stop_instance)
        if config.sriov_support or config.ena_support is not None:
            set_features(ctx, site.ec2, running.instance, sriov=config.sriov_support, ena=config.ena_support)
    shots = [
        snapshot(ctx, site, found[one.device.device_name], one) for one in config.ebs_volumes if one.snapshot_volume
    ]
    for shot, one in zip(shots, (one for one in config.ebs_volumes if one.snapshot_volume), strict=True):
        complete(ctx, site.ec2, shot, one)
    staying = {found[one.device.device_name]: one for one in config.ebs_volumes if one.stays}
    finish(ctx, site, config, staying, shots)
    for shot in shots:
        shot.keep()
    return artifact_of(aws.identity, site.ec2.region, tuple(staying), tuple(shot.id for shot in shots))


@step("Finding the volumes")
def volumes(_ctx: Context, ec2: Service, instance: str, config: EbsVolumeConfig) -> dict[str, str]:
    """The ids of the instance's volumes, by the names of the devices."""
    answer = ec2.call("DescribeInstances", InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    found = {one["DeviceName"]: str(one["Ebs"]["VolumeId"]) for one in answer.get("BlockDeviceMappings", ())}
    for one in config.ebs_volumes:
        if (one.stays or one.snapshot_volume) and one.device.device_name not in found:
            hint = f"It has {', '.join(found) or 'none'}."
            raise BuildError(f"The instance has no volume {one.device.device_name}.", hint=hint)
    return found


@step("Making a snapshot", undo="Letting go of the snapshot")
def snapshot(ctx: Context, site: Site, volume: str, wanted: EbsVolume) -> Iterator[Shot]:
    """A snapshot of a volume; it is not complete yet."""
    tags = {**site.source.rendered(ctx, wanted.snapshots.tags), **site.mark}
    asked: dict[str, Any] = {"Description": wanted.snapshot_description} if wanted.snapshot_description else {}
    with making(ctx, site.ec2, "snapshot") as record:
        answer = site.ec2.call(
            "CreateSnapshot", VolumeId=volume, TagSpecifications=tag_specifications({"snapshot": tags}), **asked
        )
    shot = Shot(str(answer["SnapshotId"]), record)
    record.made(id=shot.id)
    ctx.say(f"Snapshot {shot.id} of {volume} ({wanted.device.device_name}).")
    yield shot
    if not shot.kept:
        removal.delete_snapshot(site.ec2, shot.id)
        shot.gone()


@step("Waiting for the snapshot")
def complete(_ctx: Context, ec2: Service, shot: Shot, wanted: EbsVolume) -> None:
    ec2.wait("snapshot_completed", f"snapshot {shot.id}", usual=LONG, SnapshotIds=[shot.id])
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
