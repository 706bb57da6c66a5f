"""Finished images, in one or more regions: how they are told, listed and removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from hclimg.sdk.machine import Artifact

if TYPE_CHECKING:
    from hclimg.sdk.context import Context


class Image(Protocol):
    """A finished image in one region."""

    @property
    def id(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def snapshots(self) -> tuple[str, ...]: ...


def artifact_of(builder: str, component: str, finished: Iterable[Image], access: Mapping[str, str]) -> Artifact:
    """``access`` is :attr:`Aws.identity`. Without images the build made none on purpose."""
    images = {one.region: {"id": one.id, "snapshots": list(one.snapshots)} for one in finished}
    listed = [f"{region}: {images[region]['id']}" for region in sorted(images)]
    return Artifact(
        builder=builder,
        component=component,
        id=",".join(f"{region}:{images[region]['id']}" for region in sorted(images)),
        description="\n".join(["AMIs were created:", *listed]) if listed else "No image was made (skip_create_ami).",
        state={"images": images, "access": dict(access)},
    )


def contents(artifact: Artifact) -> tuple[str, ...]:
    """``eu-central-1: ami-1``, ``eu-central-1: snap-1``, …"""
    found = []
    for region, image in sorted(_images(artifact).items()):
        found.append(f"{region}: {image['id']}")
        found.extend(f"{region}: {snapshot}" for snapshot in image["snapshots"])
    return tuple(found)


def destroy(ctx: Context, artifact: Artifact) -> None:
    """Deregister the images and delete their snapshots, in every region."""
    from hclimg.clouds.aws import removal
    from hclimg.clouds.aws.client import reconnect

    aws = reconnect(ctx, artifact.state["access"])
    for region, image in _images(artifact).items():
        ec2 = aws.service("ec2", region)
        removal.deregister_image(ec2, image["id"])
        for snapshot in image["snapshots"]:
            removal.delete_snapshot(ec2, snapshot)
        ctx.say(f"Removed {image['id']} and its snapshots in {region}.")


def _images(artifact: Artifact) -> Mapping[str, Any]:
    images: Mapping[str, Any] = artifact.state.get("images", {})
    return images
