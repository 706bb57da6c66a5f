"""From a running instance to the images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hclimg.builders.alicloud.builder import AlicloudEcsBuilder, Running
from hclimg.builders.alicloud.config import AlicloudEcsConfig
from hclimg.builders.alicloud.instance import await_stop, stop
from hclimg.clouds.alicloud.artifact import images_artifact, no_image
from hclimg.clouds.alicloud.ecs import Ecs
from hclimg.clouds.alicloud.finishing import Draft, delete_duplicates, draft_image, finish, wait_for_first
from hclimg.clouds.alicloud.making import make, within
from hclimg.clouds.alicloud.removal import marked
from hclimg.communicators.connect import clear_authorized_keys
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact, Machine
from hclimg.sdk.mark import run_name
from hclimg.sdk.steps import step

COMPONENT = "builder/alicloud-ecs"


def capture(ctx: Context, config: AlicloudEcsConfig, machine: Machine) -> Artifact:
    running: Running = machine.handle
    ecs = within(ctx, running.ecs)
    if running.key:
        clear_authorized_keys(ctx, config.communicator, machine.communicator, running.key.public)
    if config.disable_stop_instance:
        await_stop(ctx, ecs, running.instance)
    else:
        stop(ctx, ecs, running.instance, force=config.force_stop_instance)
    if config.skip_create_image:
        return no_image(AlicloudEcsBuilder.builder_id, COMPONENT)
    if config.image.image_force_delete or ctx.run.force:
        delete_duplicates(ctx, ecs, config.image)
    snapshot = system_snapshot(ctx, ecs, running.instance) if config.image_ignore_data_disks else None
    if snapshot:
        wait_for_snapshot(ecs, snapshot.id, config.snapshot_timeout.total_seconds())
    name = run_name(ctx.run.id) if config.image.image_encrypted else config.image.image_name
    first = draft_image(ctx, ecs, "CreateImage", name, _wanted(config, running.instance, snapshot))
    image = wait_for_first(ctx, first, config.snapshot_timeout.total_seconds())
    found = finish(ctx, first, image, config.image, snapshot)
    return images_artifact(AlicloudEcsBuilder.builder_id, COMPONENT, config.access, found)


def _wanted(config: AlicloudEcsConfig, instance: str, snapshot: Draft | None) -> dict[str, Any]:
    """An image that will only be copied is in no family: others would find it there."""
    image = config.image
    return {
        "ImageFamily": None if image.image_encrypted else image.target_image_family,
        "ImageVersion": image.image_version,
        "Description": image.image_description,
        "BootMode": image.boot_mode,
        "ResourceGroupId": image.resource_group_id,
        "SnapshotId": snapshot.id if snapshot else None,
        "InstanceId": None if snapshot else instance,
    }


@step("Creating a snapshot of the system disk", undo="Removing what is not needed of the snapshot")
def system_snapshot(ctx: Context, ecs: Ecs, instance: str) -> Iterator[Draft]:
    disks = ecs.list("DescribeDisks", "Disks.Disk", InstanceId=instance, DiskType="system")
    if not disks:
        raise BuildError(f"The instance {instance} has no system disk.")
    name = run_name(ctx.run.id)
    tags = marked(ctx.run.id, ctx.lane)
    create = ecs.maker("CreateSnapshot", DiskId=disks[0]["DiskId"], SnapshotName=name, Tag=tags)
    draft = Draft(make(ctx, ecs, "snapshot", "SnapshotId", create, name=name))
    yield draft
    draft.drop()


def wait_for_snapshot(ecs: Ecs, snapshot: str, timeout: float) -> None:
    def ready() -> bool | None:
        rows = ecs.list("DescribeSnapshots", "Snapshots.Snapshot", SnapshotIds=f'["{snapshot}"]')
        status = rows[0].get("Status") if rows else ""
        if status == "failed":
            raise BuildError(f"Alibaba Cloud could not make the snapshot {snapshot}.")
        return True if status == "accomplished" else None

    hint = "Give it longer with wait_snapshot_ready_timeout."
    ecs.until(f"the snapshot {snapshot} to be finished", ready, timeout=timeout, hint=hint)
