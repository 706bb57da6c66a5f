"""Finished volumes and snapshots: how they are told, listed and removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hclimg.sdk.machine import Artifact

if TYPE_CHECKING:
    from hclimg.sdk.context import Context


def artifact_of(
    access: Mapping[str, str], region: str, volumes: tuple[str, ...], snapshots: tuple[str, ...]
) -> Artifact:
    """``access`` is :attr:`Aws.identity`."""
    listed = [f"{region}: {name}" for name in (*volumes, *snapshots)]
    return Artifact(
        builder="mitchellh.amazon.ebsvolume",
        component="builder/amazon-ebsvolume",
        id=",".join(f"{region}:{volume}" for volume in sorted(volumes)),
        description="\n".join(["EBS volumes and snapshots were created:", *listed]),
        state={"region": region, "volumes": list(volumes), "snapshots": list(snapshots), "access": dict(access)},
    )


def contents(artifact: Artifact) -> tuple[str, ...]:
    state = artifact.state
    return tuple(f"{state['region']}: {name}" for name in (*state["volumes"], *state["snapshots"]))


def destroy(ctx: Context, artifact: Artifact) -> None:
    """Delete the volumes and the snapshots."""
    from hclimg.clouds.aws import removal
    from hclimg.clouds.aws.client import reconnect

    ec2 = reconnect(ctx, artifact.state["access"]).service("ec2", artifact.state["region"])
    for volume in artifact.state["volumes"]:
        removal.delete_volume(ec2, volume)
    for snapshot in artifact.state["snapshots"]:
        removal.delete_snapshot(ec2, snapshot)
    ctx.say(f"Removed {', '.join((*artifact.state['volumes'], *artifact.state['snapshots']))}.")
