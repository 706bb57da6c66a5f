"""Snapshots of an instance's volumes: temporary until they are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field

from hclimg.builders.aws.site import Site
from hclimg.clouds.aws import removal
from hclimg.clouds.aws.client import LONG
from hclimg.clouds.aws.making import making, marked_with, tag_specifications
from hclimg.errors import ApiError, BuildError
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context
    from hclimg.sdk.journal import Record


@define(eq=False)
class Shot:
    """A snapshot in the making; until it is kept it is temporary."""

    id: str
    _record: Record
    kept: bool = field(default=False, init=False)

    def keep(self) -> None:
        """It is a result: the mark of the run has come off."""
        self.kept = True
        self._record.kept()

    def gone(self) -> None:
        self._record.gone()


@step("Finding the volumes")
def volumes(_ctx: Context, ec2: Service, instance: str, wanted: Iterable[str]) -> dict[str, str]:
    """The ids of the instance's volumes, by the names of the devices. Raises BuildError when a wanted one is not
    there."""
    answer = ec2.call("DescribeInstances", InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    found = {one["DeviceName"]: str(one["Ebs"]["VolumeId"]) for one in answer.get("BlockDeviceMappings", ())}
    for name in wanted:
        if name not in found:
            raise BuildError(f"The instance has no volume {name}.", hint=f"It has {', '.join(found) or 'none'}.")
    return found


@step("Making a snapshot", undo="Letting go of the snapshot")
def snapshot(
    ctx: Context, site: Site, volume: str, device: str, tags: Mapping[str, str], description: str
) -> Iterator[Shot]:
    """A snapshot of a volume; it is not complete yet. ``tags`` are those that it has in the end."""
    asked: dict[str, Any] = {"Description": description} if description else {}
    marked = tag_specifications({"snapshot": {**tags, **site.mark}})
    with making(ctx, site.ec2, "snapshot") as record:
        answer = _made(ctx, site.ec2, volume, {"TagSpecifications": marked, **asked})
        strays = _record_of_strays(ctx, site.ec2, answer)
        shot = Shot(str(answer["SnapshotId"]), record)
        record.made(id=shot.id)
    ctx.say(f"Snapshot {shot.id} of {volume} ({device}).")
    yield shot
    if not shot.kept:
        removal.delete_snapshot(site.ec2, shot.id)
        shot.gone()
    if strays:
        _remove_strays(ctx, site.ec2, volume)
        strays.gone()


@step("Waiting for the snapshot")
def complete(_ctx: Context, ec2: Service, shot: Shot) -> None:
    ec2.wait("snapshot_completed", f"snapshot {shot.id}", usual=LONG, SnapshotIds=[shot.id])


# -- answers that were lost -----------------------------------------------------
#
# CreateSnapshot has no token by which AWS knows a call that is tried again: a try whose answer was lost may have made
# a snapshot of its own. Such a one carries the mark of the run and is of the volume. It may become known only later, so
# it is looked for when the snapshot itself is let go of or has lost its mark.


def _made(ctx: Context, ec2: Service, volume: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return ec2.call("CreateSnapshot", VolumeId=volume, **asked)
    except ApiError as error:
        earlier = _of_this_run(ctx, ec2, volume) if error.retried else []
        if not earlier:
            raise
        return {"SnapshotId": earlier[0], "ResponseMetadata": {"RetryAttempts": 1}}


def _record_of_strays(ctx: Context, ec2: Service, answer: Mapping[str, Any]) -> Record | None:
    """A record of what earlier tries may have made; None when there were none."""
    if not answer["ResponseMetadata"].get("RetryAttempts"):
        return None
    return ctx.journal.intend("aws/snapshot", **{**ec2.aws.identity, "region": ec2.region})


def _remove_strays(ctx: Context, ec2: Service, volume: str) -> None:
    for stray in _of_this_run(ctx, ec2, volume):
        removal.delete_snapshot(ec2, stray)


def _of_this_run(ctx: Context, ec2: Service, volume: str) -> list[str]:
    about = marked_with(ctx.run.id, **{"volume-id": volume})
    found = ec2.pages("DescribeSnapshots", "Snapshots", OwnerIds=["self"], Filters=about)
    return [str(one["SnapshotId"]) for one in found]
