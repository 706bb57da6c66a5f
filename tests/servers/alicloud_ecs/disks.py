"""Disks and their snapshots."""

from __future__ import annotations

from servers.alicloud_ecs.scene import Scene, action, tags_of, wrong_status
from servers.alicloud_ecs.wire import Json, Refusal, invalid, missing
from servers.alicloud_ecs.world import Thing

CATEGORIES = ("cloud", "cloud_efficiency", "cloud_ssd", "cloud_essd", "cloud_auto", "ephemeral_ssd")


def make_disk(
    scene: Scene, zone: str, said: dict[str, str], *, instance: Thing | None = None, device: str = ""
) -> Thing:
    """``said``: Category, Size, DiskName …, as requests name them."""
    source = said.get("SnapshotId", "")
    size = said.get("Size") or scene.named("snapshot", source).facts["SourceDiskSize"]
    facts = {
        "Type": said.get("Type", "data"),
        "Category": said.get("Category") or "cloud_efficiency",
        "Size": int(size),
        "DiskName": said.get("DiskName", ""),
        "Description": said.get("Description", ""),
        "Device": device,
        "ZoneId": zone,
        "InstanceId": instance.id if instance else "",
        "SourceSnapshotId": source,
        "KMSKeyId": said.get("KMSKeyId", ""),
        "Encrypted": said.get("Encrypted", "false").lower() == "true",
        "Portable": said.get("Type") != "system",
        "DeleteWithInstance": instance is not None and said.get("DeleteWithInstance", "true").lower() == "true",
    }
    return scene.world.make("disk", scene.region, scene.account, facts, status="In_use" if instance else "Available")


@action("CreateDisk")
def create_disk(scene: Scene) -> Json:
    if "Size" not in scene.given and "SnapshotId" not in scene.given:
        raise missing("Size")
    category = scene.given.text("DiskCategory", "cloud_efficiency")
    if category not in CATEGORIES:
        raise invalid("DiskCategory", "InvalidDataDiskCategory.NotSupported")
    disk = make_disk(scene, scene.given.text("ZoneId"), {**scene.given.given, "Category": category})
    disk.tags.update(scene.given.tags())
    return {"DiskId": disk.id, "OrderId": ""}


@action("DeleteDisk")
def delete_disk(scene: Scene) -> Json:
    disk = scene.find("disk", "DiskId")
    if disk.status != "Available":
        raise wrong_status("disk", disk, scene.world)
    scene.world.drop(disk)
    return {}


@action("DescribeDisks")
def describe_disks(scene: Scene) -> Json:
    given = scene.given
    ids = given.listed("DiskIds") if "DiskIds" in given else None
    found = scene.seen(
        "disk", ids=ids, InstanceId="InstanceId", SourceSnapshotId="SnapshotId", DiskName="DiskName", ZoneId="ZoneId"
    )
    kind, category = given.text("DiskType", "all"), given.text("Category", "all")
    found = [
        each for each in found if kind in ("all", each.facts["Type"]) and category in ("all", each.facts["Category"])
    ]
    rows = [
        {
            "DiskId": each.id,
            "RegionId": each.region,
            "Status": each.status,
            "CreationTime": each.created,
            **each.facts,
            "Tags": tags_of(each),
        }
        for each in found
    ]
    rows, about = scene.page(rows)
    return {"Disks": {"Disk": rows}, **about}


@action("AttachDisk")
def attach_disk(scene: Scene) -> Json:
    disk, instance = scene.find("disk", "DiskId"), scene.find("instance", "InstanceId")
    if disk.status != "Available":
        raise wrong_status("disk", disk, scene.world)
    disk.facts.update(InstanceId=instance.id, Device=scene.given.text("Device", "/dev/xvdb"))
    disk.status = "In_use"
    return {}


@action("DetachDisk")
def detach_disk(scene: Scene) -> Json:
    disk = scene.find("disk", "DiskId")
    if disk.status != "In_use" or disk.facts["Type"] == "system":
        raise wrong_status("disk", disk, scene.world)
    disk.facts.update(InstanceId="", Device="")
    disk.status = "Available"
    return {}


@action("CreateSnapshot")
def create_snapshot(scene: Scene) -> Json:
    disk = scene.find("disk", "DiskId")
    name = scene.given.text("SnapshotName")
    if name.startswith("auto"):
        raise invalid("SnapshotName", "InvalidSnapshotName.Malformed")
    if any(each.becomes for each in scene.world.within("SourceDiskId", disk.id, ["snapshot"])):
        raise Refusal(403, "IncorrectDiskStatus.CreatingSnapshot", "A previous snapshot creation is in process.")
    snapshot = snapshot_of(scene, disk, name=name, description=scene.given.text("Description"))
    snapshot.tags.update(scene.given.tags())
    return {"SnapshotId": snapshot.id}


def snapshot_of(scene: Scene, disk: Thing, *, name: str, description: str) -> Thing:
    facts = {
        "SnapshotName": name,
        "Description": description,
        "SourceDiskId": disk.id,
        "SourceDiskSize": str(disk.facts["Size"]),
        "SourceDiskType": disk.facts["Type"],
        "Encrypted": disk.facts["Encrypted"],
        "InstanceId": disk.facts["InstanceId"],
        "SnapshotType": "user",
        "ProductCode": "",
        "RetentionDays": 0,
    }
    snapshot = scene.world.make("snapshot", disk.region, scene.account, facts)
    scene.world.move(snapshot, "progressing", "accomplished")
    return snapshot


@action("DescribeSnapshots")
def describe_snapshots(scene: Scene) -> Json:
    given = scene.given
    ids = given.listed("SnapshotIds") if "SnapshotIds" in given else None
    found = scene.seen("snapshot", ids=ids, SourceDiskId="DiskId", InstanceId="InstanceId", SnapshotName="SnapshotName")
    wanted = given.text("Status", "all")
    rows = []
    for each in found:
        progress, status = each.progress, scene.world.look(each)
        if wanted in ("all", status):
            used = any(each in scene.world.snapshots_of(image) for image in scene.world.all("image", each.region))
            rows.append(
                {
                    "SnapshotId": each.id,
                    "Status": status,
                    "Progress": f"{progress}%",
                    "CreationTime": each.created,
                    **each.facts,
                    "Usage": "image" if used else "none",
                    "Tags": tags_of(each),
                    "RegionId": each.region,
                    "Available": status == "accomplished",
                }
            )
    rows, about = scene.page(rows)
    return {"Snapshots": {"Snapshot": rows}, **about}


@action("DeleteSnapshot")
def delete_snapshot(scene: Scene) -> Json:
    """One that there is not is passed over."""
    wanted = scene.given.need("SnapshotId")
    for snapshot in scene.world.all("snapshot", scene.region, scene.account):
        if snapshot.id == wanted:
            if any(snapshot in scene.world.snapshots_of(image) for image in scene.world.all("image", snapshot.region)):
                raise Refusal(
                    403, "SnapshotCreatedImage", "The snapshot has been used to create user defined image(s)."
                )
            if scene.world.within("SourceSnapshotId", snapshot.id, ["disk"]) and not scene.given.flag("Force"):
                raise Refusal(403, "SnapshotCreatedDisk", "The snapshot has been used to create disk(s).")
            scene.world.drop(snapshot)
    return {}


@action("ModifySnapshotAttribute")
def modify_snapshot_attribute(scene: Scene) -> Json:
    snapshot = scene.find("snapshot", "SnapshotId")
    for name in ("SnapshotName", "Description"):
        if name in scene.given:
            snapshot.facts[name] = scene.given.text(name)
    return {}
