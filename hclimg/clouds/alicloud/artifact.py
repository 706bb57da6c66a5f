"""The artifact of images in Alibaba Cloud: what it says, and how it is destroyed."""

from __future__ import annotations

from collections.abc import Iterable

from hclimg.clouds.alicloud.access import AlicloudAccess, access_of
from hclimg.clouds.alicloud.ecs import Ecs
from hclimg.clouds.alicloud.images import Image, remove_image, snapshots_in
from hclimg.clouds.alicloud.making import api_for
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact


def images_artifact(
    builder: str, component: str, access: AlicloudAccess, found: Iterable[tuple[Ecs, Image]]
) -> Artifact:
    """Of finished images. Its state says where they are and how to get there, without secrets."""
    made = sorted(
        ({"region": ecs.region, "image": str(image["ImageId"]), "name": str(image["ImageName"]),
          "snapshots": list(snapshots_in(image))} for ecs, image in found),
        key=lambda entry: str(entry["region"]),
    )  # fmt: skip
    lines = "".join(f"\n{entry['region']}: {entry['image']}" for entry in made)
    return Artifact(
        builder=builder,
        component=component,
        id=",".join(f"{entry['region']}:{entry['image']}" for entry in made),
        description=f"Alicloud images were created:\n{lines}",
        state={"images": made, "access": access.identity},
    )


def no_image(builder: str, component: str) -> Artifact:
    """When the settings ask for none."""
    return Artifact(
        builder=builder, component=component, id="", description="No image was created, because of skip_create_image."
    )


def destroy(ctx: Context, artifact: Artifact) -> None:
    """Delete the images with their snapshots. Raises BuildError without credentials in the environment or profile."""
    api: Ecs | None = None
    for entry in artifact.state.get("images", ()):
        access = access_of({**artifact.state.get("access", {}), "region": entry["region"]})
        api = api.at(entry["region"]) if api else api_for(ctx, access)
        remove_image(api, entry["image"])
        ctx.say(f"Deleted the image {entry['image']} in {entry['region']}.")


def contents(artifact: Artifact) -> tuple[str, ...]:
    return tuple(
        f"{entry['region']}: {thing}"
        for entry in artifact.state.get("images", ())
        for thing in (entry["image"], *entry["snapshots"])
    )
