"""From a running machine to the image."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from attrs import define, evolve, field

from hclimg.builders.openstack.builder import OpenstackBuilder
from hclimg.builders.openstack.config import ImageConfig, OpenstackConfig
from hclimg.builders.openstack.launch import Running
from hclimg.clouds.openstack import things
from hclimg.clouds.openstack.client import OpenStack
from hclimg.clouds.openstack.making import make_recorded
from hclimg.communicators.connect import clear_authorized_keys
from hclimg.errors import ApiError, BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.journal import Record
from hclimg.sdk.machine import Artifact, Machine
from hclimg.sdk.mark import RUN_TAG
from hclimg.sdk.steps import step

STOP_PATIENCE = timedelta(minutes=30)
COPY_PATIENCE = timedelta(hours=12)
TELLS_IMAGE = "2.45"
"""The microversion (Pike, 2017) whose answer has the image's id."""
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}


@define
class Draft:
    """An image that is removed in the end unless it was finished."""

    id: str
    _record: Record
    finished: bool = field(default=False, init=False)

    def keep(self) -> None:
        self._record.kept()
        self.finished = True

    def gone(self) -> None:
        self._record.gone()


def capture(ctx: Context, config: OpenstackConfig, machine: Machine) -> Artifact:
    launched: Running = machine.handle
    running = evolve(launched, cloud=launched.cloud.within(ctx))  # whose token its undos are called with
    if running.public_key:
        clear_authorized_keys(ctx, config.communicator, machine.communicator, running.public_key)
    machine.communicator.close()
    stop_server(ctx, running.cloud, running.server)
    if config.image.skip_create_image:
        ctx.say("No image is made, because of skip_create_image.")
        return _artifact(running.cloud, "", "No image was made, as skip_create_image asks")
    if running.volume:
        free_volume(ctx, config, running)
    draft = new_image(ctx, config, running)
    wait_for_image(ctx, running.cloud, draft.id, config.image.image_creation_wait)
    finish_image(ctx, running.cloud, draft, config.image)
    return _artifact(running.cloud, draft.id, f"An image was created: {draft.id}")


def _artifact(cloud: OpenStack, image: str, description: str) -> Artifact:
    return Artifact(
        builder=OpenstackBuilder.builder_id, component="builder/openstack", id=image, description=description,
        state=cloud.identity,
    )  # fmt: skip


@step("Stopping the server")
def stop_server(_ctx: Context, cloud: OpenStack, server: str) -> None:
    """What it holds in memory goes to its disk. A provisioner may have stopped it already."""
    if _status(cloud, server) != "SHUTOFF":
        try:
            cloud.repeat("the end of the server", lambda sdk: sdk.compute.stop_server(server))
        except ApiError:
            if _status(cloud, server) == "ACTIVE":
                raise

    def stopped() -> bool | None:
        status = _status(cloud, server)
        if status == "ERROR":
            raise BuildError(f"The server {server} does not stop: it is in the state ERROR.")
        return True if status == "SHUTOFF" else None

    cloud.wait(f"server {server} to stop", stopped, STOP_PATIENCE)


def _status(cloud: OpenStack, server: str) -> str:
    return str(cloud.ask("the server", lambda sdk: sdk.compute.get_server(server)).status)


@step("Freeing the volume")
def free_volume(_ctx: Context, config: OpenstackConfig, running: Running) -> None:
    """A volume is copied when no server uses it."""
    cloud = running.cloud
    things.delete_server(cloud, running.server, force=config.server.force_delete)

    def free() -> bool | None:
        found = cloud.ask("the volume", lambda sdk: sdk.block_storage.get_volume(running.volume))
        if found.status.startswith("error"):
            raise BuildError(f"The volume {running.volume} is in the state {found.status}.")
        return True if found.status == "available" else None

    cloud.wait(f"volume {running.volume} to be free", free, STOP_PATIENCE)


@step("Creating the image", undo="Removing what is not finished of the image")
def new_image(ctx: Context, config: OpenstackConfig, running: Running) -> Iterator[Draft]:
    """Its content is not there yet."""
    cloud, name = running.cloud, config.image_name
    marked = {**config.image.properties, RUN_TAG: ctx.run.id}

    def of_server(_sdk: Any) -> str:
        answer = cloud.request(
            "the image", "compute", "post", f"/servers/{running.server}/action", microversion=TELLS_IMAGE,
            json={"createImage": {"name": name, "metadata": marked}},
        )  # fmt: skip
        return str(answer["image_id"])

    def of_volume(sdk: Any) -> str:
        sdk.block_storage.set_volume_image_metadata(running.volume, **marked)
        kind = config.image.image_disk_format or None
        answer = sdk.block_storage.upload_volume_to_image(
            running.volume, name, disk_format=kind, container_format="bare"
        )
        return str(answer["image_id"])

    change = of_volume if running.volume else of_server
    draft = Draft(*make_recorded(ctx, cloud, "image", "the image", change, str, name=name))
    ctx.say(f"Image {draft.id} is being made")
    yield draft
    if not draft.finished:
        things.delete_image(cloud, draft.id)
        draft.gone()


@step("Waiting for the image")
def wait_for_image(ctx: Context, cloud: OpenStack, image: str, extra: int) -> None:
    """``extra`` is how many seconds more to wait once it is there."""

    def active() -> bool | None:
        found = cloud.find("the image", lambda sdk: sdk.image.get_image(image))
        if found is None or found.status in ("killed", "deleted", "pending_delete"):
            raise BuildError(
                f"The cloud gave up making the image {image}.",
                hint="Its administrators can tell why; the server and the volume may be too large for its store.",
            )
        return True if found.status == "active" else None

    cloud.wait(f"image {image}", active, COPY_PATIENCE)
    if extra:
        ctx.sleep(extra)


@step("Finishing the image")
def finish_image(ctx: Context, cloud: OpenStack, draft: Draft, wanted: ImageConfig) -> None:
    """Tags, visibility, members; as the last act the mark of the run comes off, which says that it is finished."""
    changes: dict[str, Any] = {
        "visibility": wanted.visibility, "tags": sorted(wanted.image_tags), "min_disk": wanted.image_min_disk,
    }  # fmt: skip
    operations = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in changes.items() if value]
    if operations:
        _patch(cloud, draft.id, operations)
    for member in wanted.image_members:
        _add_member(ctx, cloud, draft.id, member, accept=wanted.image_auto_accept_members)
    _patch(cloud, draft.id, [{"op": "remove", "path": f"/{RUN_TAG}"}])
    draft.keep()


def _patch(cloud: OpenStack, image: str, operations: list[dict[str, Any]]) -> None:
    cloud.request(
        "the properties of the image", "image", "patch", f"/images/{image}", json=operations, headers=PATCH
    )


def _add_member(ctx: Context, cloud: OpenStack, image: str, member: str, *, accept: bool) -> None:
    cloud.make(f"member {member} of the image", lambda sdk: sdk.image.add_member(image, member_id=member))
    ctx.say(f"The project {member} may use the image")
    if accept:
        cloud.make(
            f"to accept the image for {member}", lambda sdk: sdk.image.update_member(member, image, status="accepted")
        )
