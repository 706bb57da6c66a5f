"""Gives a stopped instance another root disk.

Its launch has written down that volumes may stay when it ends; all of them carry the mark of the run. The end of the
instance takes those with it that are attached then, and the undoing here those that are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hclimg.builders.aws.site import Site
from hclimg.clouds.aws import removal
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context


def swap_root(ctx: Context, site: Site, instance: str, old: str, new: str, name: str) -> None:
    """Attach the volume ``new`` in place of ``old``, which is the instance's root disk and called ``name``."""
    loose_volumes(ctx, site, (old, new))
    for volume in (old, new):
        detach(ctx, site.ec2, instance, volume)
    attach(ctx, site.ec2, instance, new, name)


@step("Looking after the volumes", undo="Removing volumes that are not attached any more")
def loose_volumes(ctx: Context, site: Site, volumes: tuple[str, ...]) -> Iterator[None]:
    """Comes before the first is detached: at each moment after that, something may fail."""
    yield
    for volume in volumes:
        if _is_loose(site.ec2, volume):
            identity = {**site.aws.identity, "region": site.ec2.region}
            record = ctx.journal.intend("aws/volume", **identity, id=volume)
            record.made()
            removal.delete_volume(site.ec2, volume)
            record.gone()


def _is_loose(ec2: Service, volume: str) -> bool:
    """Whether it is attached to nothing, once a detaching that is under way is over."""
    asked = [{"Name": "volume-id", "Values": [volume]}]
    states = {
        attachment["State"]
        for found in ec2.pages("DescribeVolumes", "Volumes", Filters=asked)
        for attachment in found.get("Attachments", ())
    }
    if "detaching" in states:
        _until_available(ec2, volume)
    return not states - {"detaching", "detached"}


@step("Detaching a volume")
def detach(_ctx: Context, ec2: Service, instance: str, volume: str) -> None:
    ec2.call("DetachVolume", InstanceId=instance, VolumeId=volume)
    _until_available(ec2, volume)


@step("Attaching the root disk")
def attach(ctx: Context, ec2: Service, instance: str, volume: str, name: str) -> None:
    ec2.call("AttachVolume", InstanceId=instance, VolumeId=volume, Device=name)
    ec2.wait("volume_in_use", f"volume {volume} to be attached", VolumeIds=[volume])
    ctx.say(f"Volume {volume} is the root disk {name} of {instance} now.")


def _until_available(ec2: Service, volume: str) -> None:
    ec2.wait("volume_available", f"volume {volume} to be detached", VolumeIds=[volume])
