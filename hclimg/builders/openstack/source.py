"""The image that a machine starts from: one of the cloud, or an external one that becomes a temporary one of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from attrs import frozen

from hclimg.builders.openstack.config import ImageFilter, OpenstackConfig, SourceConfig
from hclimg.clouds.openstack.client import OpenStack, connect
from hclimg.clouds.openstack.making import make_recorded
from hclimg.clouds.openstack.names import choose, listing
from hclimg.clouds.openstack.things import delete_image
from hclimg.diagnostics import one_of
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.mark import RUN_TAG, run_name
from hclimg.sdk.steps import step

IMPORT_PATIENCE = timedelta(hours=2)
GIBIBYTE = 1 << 30


@frozen(kw_only=True)
class SourceImage:
    """``disk`` is the size in GiB of the smallest disk that it fits on."""

    id: str
    disk: int


def find_source(ctx: Context, config: OpenstackConfig) -> SourceImage | None:
    """None for an external image. Raises BuildError that names the candidates when none or several fit."""
    cloud, source = connect(ctx, config.access), config.source
    if source.external_source_image_url:
        return None
    image = _find(cloud, source)
    ctx.say(f"Starting from the image {image.name} ({image.id})")
    return _described(image)


def _find(cloud: OpenStack, source: SourceConfig) -> Any:
    if source.source_image:
        wanted = source.source_image.rstrip("/").rpartition("/")[2]
        found = cloud.find(f"image {wanted}", lambda sdk: sdk.image.get_image(wanted))
        if found is None:
            return choose("image", wanted, _all_images(cloud), setting="source_image")
        if found.status != "active":
            raise BuildError(f"The image {found.name} ({wanted}) cannot be used: it is {found.status}.")
        return found
    if source.source_image_name:
        name = source.source_image_name
        images = cloud.ask("the images", lambda sdk: list(sdk.image.images(name=name, status="active")))
        return choose("image", name, images or _all_images(cloud), setting="source_image")
    assert source.source_image_filter is not None
    return _filtered(cloud, source.source_image_filter)


def _all_images(cloud: OpenStack) -> list[Any]:
    return cloud.ask("the images", lambda sdk: list(sdk.image.images()))


def _filtered(cloud: OpenStack, wanted: ImageFilter) -> Any:
    filters = wanted.filters
    given: dict[str, Any] = {
        "name": filters.name, "owner": filters.owner, "visibility": filters.visibility, "tag": list(filters.tags),
    }  # fmt: skip
    query = {name: value for name, value in given.items() if value}
    images = cloud.ask(
        "the images",
        lambda sdk: list(sdk.image.images(status="active", member_status="accepted", sort="created_at:desc", **query)),
    )
    fitting = [image for image in images if _has(image, filters.properties)]
    if not fitting:
        raise _nothing_fits(cloud, wanted)
    if len(fitting) > 1 and not wanted.most_recent:
        raise BuildError(
            f"{len(fitting)} images fit source_image_filter: {listing(fitting)}.",
            hint="Say more of the image, or set most_recent = true to take the newest.",
        )
    return fitting[0]


def _nothing_fits(cloud: OpenStack, wanted: ImageFilter) -> BuildError:
    known = sorted({image.name for image in _all_images(cloud) if image.name})
    hint = one_of(wanted.filters.name, known, "There are").strip() if wanted.filters.name else ""
    return BuildError("No image fits source_image_filter.", hint=hint)


def _has(image: Any, properties: dict[str, str]) -> bool:
    """Properties that the API knows are attributes of the SDK's image, the others are in a dictionary."""
    own = image.properties or {}
    return all(str(own.get(name, getattr(image, name, None))) == value for name, value in properties.items())


def _described(image: Any) -> SourceImage:
    size = max(image.size or 0, getattr(image, "virtual_size", None) or 0)
    disk = max(image.min_disk or 0, math.ceil(size / GIBIBYTE), 1)
    return SourceImage(id=image.id, disk=disk)


@step("Fetching the external image", undo="Deleting the fetched image")
def external_image(ctx: Context, cloud: OpenStack, source: SourceConfig) -> Iterator[SourceImage]:
    """Have the image service fetch it."""
    name = run_name(ctx.run.id)
    given = {
        **source.external_source_image_properties,
        "name": name,
        "disk_format": source.external_source_image_format,
        "container_format": "bare",
        RUN_TAG: ctx.run.id,
    }
    made, record = make_recorded(
        ctx, cloud, "image", "the external image",
        lambda _: cloud.request("the external image", "image", "post", "/images", json=given),
        lambda answer: str(answer["id"]), name=name,
    )  # fmt: skip
    yield SourceImage(id=made["id"], disk=1)
    delete_image(cloud, made["id"])
    record.gone()


@step("Waiting for the external image")
def wait_for_external(_ctx: Context, cloud: OpenStack, image: SourceImage, url: str) -> SourceImage:
    """Raises BuildError when the image service cannot fetch it."""
    cloud.request("to fetch the external image", "image", "post", f"/images/{image.id}/import", json={
        "method": {"name": "web-download", "uri": url},
    })  # fmt: skip

    def fetched() -> SourceImage | None:
        found = cloud.ask("the external image", lambda sdk: sdk.image.get_image(image.id))
        failed = (found.properties or {}).get("os_glance_failed_import")
        if failed or found.status in ("killed", "deleted"):
            hint = "The image service fetches it, not this host: the URL must be reachable from there."
            raise BuildError(f"The image service could not fetch {url}.", hint=hint)
        return _described(found) if found.status == "active" else None

    return cloud.wait("the external image", fetched, IMPORT_PATIENCE)
