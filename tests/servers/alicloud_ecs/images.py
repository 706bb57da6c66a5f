"""Images: found, made of instances or snapshots, copied, shared, deleted, imported."""

from __future__ import annotations

import re

from servers.alicloud_ecs.disks import snapshot_of
from servers.alicloud_ecs.scene import Scene, action, tags_of, unknown, wrong_status
from servers.alicloud_ecs.wire import Json, Refusal, invalid, missing
from servers.alicloud_ecs.world import REGIONS, SYSTEM, Thing, image_facts

NAME = re.compile(r"[^\W\d_][\w:.\-]{1,127}")


def visible_to(scene: Scene, image: Thing) -> bool:
    return image.owner in (SYSTEM, scene.account) or scene.account in image.facts["Shares"]


def image_of_request(scene: Scene) -> Thing:
    """What an instance is made of: an image, or the newest of a family."""
    if "ImageId" not in scene.given:
        if "ImageFamily" not in scene.given:
            raise missing("ImageId")
        return _newest(scene, scene.given.text("ImageFamily"))
    image = _known(scene, scene.given.text("ImageId"))
    if image.becomes or image.status != "Available":
        scene.world.look(image)
        raise Refusal(400, "InvalidImageId.IncorrectImageStatus", "The specified image is not available.")
    return image


def _known(scene: Scene, identity: str) -> Thing:
    for image in scene.world.all("image", scene.region):
        if image.id == identity and visible_to(scene, image) and scene.world.visible(image):
            return image
    raise unknown("image")


def _own(scene: Scene, parameter: str = "ImageId") -> Thing:
    image = _known(scene, scene.given.need(parameter))
    if image.owner != scene.account:
        raise unknown("image")
    return image


def _newest(scene: Scene, family: str) -> Thing:
    found = [
        image
        for image in scene.world.all("image", scene.region)
        if visible_to(scene, image) and image.facts["ImageFamily"] == family and image.status == "Available"
    ]
    if not found:
        raise Refusal(404, "InvalidImageFamily.NotFound", "The specified ImageFamily does not exist.")
    return max(found, key=lambda image: image.created)


@action("DescribeImages")
def describe_images(scene: Scene) -> Json:
    given = scene.given
    found = [
        image
        for image in scene.world.all("image", scene.region)
        if visible_to(scene, image) and scene.world.visible(image)
    ]
    if "ImageId" in given:
        found = [image for image in found if image.id in given.listed("ImageId")]
    for name in ("ImageName", "ImageFamily", "OSType", "Architecture"):
        if name in given:
            found = [image for image in found if image.facts[name] == given.text(name)]
    if "ImageOwnerAlias" in given:
        found = [image for image in found if _alias(scene, image) == given.text("ImageOwnerAlias")]
    if "SnapshotId" in given:
        wanted = given.text("SnapshotId")
        found = [image for image in found if wanted in {each.id for each in scene.world.snapshots_of(image)}]
    for key, value in given.tags().items():
        found = [image for image in found if key in image.tags and value in ("", image.tags[key])]
    statuses = given.listed("Status") or ["Available"]
    seen = [(image.progress, scene.world.look(image), image) for image in found]
    rows = [_described(scene, *each) for each in seen if each[1] in statuses]
    rows, about = scene.page(rows)
    return {"Images": {"Image": rows}, "RegionId": scene.region, **about}


def _alias(scene: Scene, image: Thing) -> str:
    if image.owner == SYSTEM:
        return "system"
    return "self" if image.owner == scene.account else "others"


def _described(scene: Scene, progress: int, status: str, image: Thing) -> Json:
    facts = {name: value for name, value in image.facts.items() if name != "Shares"}
    used = scene.world.within("ImageId", image.id, ["instance"])
    own = image.owner == scene.account
    return {
        "ImageId": image.id,
        "Status": status,
        "Progress": f"{progress}%",
        "CreationTime": image.created,
        **facts,
        "ImageOwnerAlias": _alias(scene, image),
        "ImageOwnerId": image.owner,
        "Usage": "instance" if used else "none",
        "IsSelfShared": str(bool(image.facts["Shares"])) if own else "",
        "Tags": tags_of(image),
    }


@action("DescribeImageFromFamily")
def describe_image_from_family(scene: Scene) -> Json:
    image = _newest(scene, scene.given.need("ImageFamily"))
    return {"Image": _described(scene, 100, image.status, image)}


@action("CreateImage")
def create_image(scene: Scene) -> Json:
    """Of an instance, else of disks' snapshots, else of one snapshot."""
    given = scene.given
    name = new_name(scene, "ImageName", scene.region)
    scene.world.within_quota("image", scene.region, scene.account)
    mappings, platform = _of_instance(scene) if "InstanceId" in given else (_of_snapshots(scene), "CentOS")
    size = next((int(each["Size"]) for each in mappings if each["Type"] == "system"), 20)
    facts = image_facts(
        name, size=size, family=given.text("ImageFamily"), platform=given.text("Platform", platform), alias="self"
    )
    facts.update(
        Description=given.text("Description"),
        ImageVersion=given.text("ImageVersion"),
        BootMode=given.text("BootMode", "BIOS"),
        ResourceGroupId=given.text("ResourceGroupId"),
        DiskDeviceMappings={"DiskDeviceMapping": mappings},
    )
    image = scene.make("image", facts)
    facts["ImageName"] = name or image.id
    scene.world.move(image, "Creating", "Available")
    return {"ImageId": image.id}


def new_name(scene: Scene, parameter: str, region: str) -> str:
    name = scene.given.text(parameter)
    if name and (not NAME.fullmatch(name) or "://" in name or name.startswith(("aliyun", "acs:"))):
        raise invalid(parameter, "InvalidImageName.Malformed")
    if name and any(image.facts["ImageName"] == name for image in scene.world.all("image", region, scene.account)):
        raise Refusal(400, "InvalidImageName.Duplicated", "The specified Image name has already been used.")
    return name


def _of_instance(scene: Scene) -> tuple[list[Json], str]:
    instance = scene.find("instance", "InstanceId")
    if instance.becomes or instance.status not in ("Running", "Stopped"):
        raise wrong_status("instance", instance, scene.world)
    disks = scene.world.within("InstanceId", instance.id, ["disk"])
    snapshots = [snapshot_of(scene, disk, name=f"SnapshotForImage-{disk.id}", description="") for disk in disks]
    pairs = zip(disks, snapshots, strict=True)
    mappings = [_mapping(disk.facts["Device"], disk.facts["Type"], disk.facts["Size"], shot.id) for disk, shot in pairs]
    return mappings, instance.facts["OSName"].removesuffix(" 64")


def _mapping(device: str, kind: str, size: object, snapshot: str) -> Json:
    return {
        "Device": device,
        "Type": kind,
        "Size": str(size),
        "SnapshotId": snapshot,
        "Format": "",
        "Progress": "",
        "ImportOSSBucket": "",
        "ImportOSSObject": "",
        "RemainTime": 0,
    }


def _of_snapshots(scene: Scene) -> list[Json]:
    said = scene.given.structures("DiskDeviceMapping")
    if not said and "SnapshotId" in scene.given:
        said = [{"SnapshotId": scene.given.text("SnapshotId"), "Device": "/dev/xvda", "DiskType": "system"}]
    if not said:
        raise missing("InstanceId")
    mappings = []
    for at, each in enumerate(said):
        size, snapshot = each.get("Size", ""), each.get("SnapshotId", "")
        if snapshot:
            source = scene.named("snapshot", snapshot)
            if source.becomes:
                scene.world.look(source)
                raise Refusal(400, "InvalidSnapshotId.NotReady", "The specified snapshot has not completed yet.")
            size = size or source.facts["SourceDiskSize"]
        device = each.get("Device") or f"/dev/xvd{'abcdefghij'[at]}"
        mappings.append(_mapping(device, "system" if device == "/dev/xvda" else "data", size or 20, snapshot))
    return mappings


@action("CopyImage")
def copy_image(scene: Scene) -> Json:
    given, source = scene.given, _own(scene)
    target = given.text("DestinationRegionId", source.region)
    if target not in REGIONS:
        raise Refusal(404, "InvalidRegionId.NotFound", "The specified DestinationRegionId does not exist.")
    if source.becomes or source.status != "Available":
        scene.world.look(source)
        raise Refusal(400, "IncorrectImageStatus", "The current status of the image does not support this operation.")
    name = new_name(scene, "DestinationImageName", target)
    mappings = []
    for each in source.facts["DiskDeviceMappings"]["DiskDeviceMapping"]:
        origin = next(snapshot for snapshot in scene.world.snapshots_of(source) if snapshot.id == each["SnapshotId"])
        facts = {**origin.facts, "Encrypted": given.flag("Encrypted") or origin.facts["Encrypted"], "SourceDiskId": ""}
        copied = scene.world.make("snapshot", target, scene.account, facts)
        scene.world.move(copied, "progressing", "accomplished")
        mappings.append({**each, "SnapshotId": copied.id})
    facts = {
        **source.facts,
        "ImageName": name,
        "Description": given.text("DestinationDescription"),
        "IsCopied": True,
        "Shares": [],
        "DiskDeviceMappings": {"DiskDeviceMapping": mappings},
        "ImageFamily": "",
    }
    image = scene.world.make("image", target, scene.account, facts)
    facts["ImageName"] = name or image.id
    image.tags.update(given.tags())
    scene.world.move(image, "Creating", "Available")
    return {"ImageId": image.id}


@action("CancelCopyImage")
def cancel_copy_image(scene: Scene) -> Json:
    """A copy that is done cannot be cancelled, it can only be deleted."""
    image = _own(scene)
    if not image.facts["IsCopied"]:
        raise Refusal(400, "ImageCreatedNotFromCopy", "The specified image is not the target image of a copy action.")
    if not image.becomes:
        raise Refusal(400, "IncorrectImageStatus", "The image is copied finished.")
    _remove(scene, image, with_snapshots=True)
    return {}


@action("DeleteImage")
def delete_image(scene: Scene) -> Json:
    """One that there is not is passed over."""
    wanted = scene.given.need("ImageId")
    for image in scene.world.all("image", scene.region, scene.account):
        if image.id != wanted:
            continue
        if image.becomes:
            scene.world.look(image)
            code = "OperationDenied.ImageCopying" if image.facts["IsCopied"] else "ImageIsCreating"
            raise Refusal(403, code, "The specified image is being created.")
        if image.facts["Shares"]:
            raise Refusal(403, "ImageUseShared", "The specified image has been shared to others.")
        if scene.world.within("ImageId", image.id, ["instance"]) and not scene.given.flag("Force"):
            raise Refusal(403, "ImageUsingByInstance", "The specified image has been used to create instances.")
        _remove(scene, image)
    return {}


def _remove(scene: Scene, image: Thing, *, with_snapshots: bool = False) -> None:
    snapshots = scene.world.snapshots_of(image) if with_snapshots else []
    for thing in (*snapshots, image):
        scene.world.drop(thing)


@action("ModifyImageAttribute")
def modify_image_attribute(scene: Scene) -> Json:
    image = _own(scene)
    for name in ("Description", "ImageFamily", "BootMode"):
        if name in scene.given:
            image.facts[name] = scene.given.text(name)
    if "ImageName" in scene.given and scene.given.text("ImageName") != image.facts["ImageName"]:
        image.facts["ImageName"] = new_name(scene, "ImageName", image.region)
    if "Status" in scene.given:
        image.status = scene.given.text("Status")
    return {}


@action("ModifyImageSharePermission")
def modify_image_share_permission(scene: Scene) -> Json:
    """To name no account is fine, and so are images in the making: Packer does both."""
    image, given = _own(scene), scene.given
    added, removed = given.texts("AddAccount"), given.texts("RemoveAccount")
    for account in added:
        if not re.fullmatch(r"\d{16}", account):
            raise Refusal(404, "InvalidAccount.NotFound", "The specified Account does not exist.")
    image.facts["Shares"] = [each for each in dict.fromkeys([*image.facts["Shares"], *added]) if each not in removed]
    return {}


@action("DescribeImageSharePermission")
def describe_image_share_permission(scene: Scene) -> Json:
    image = _own(scene)
    rows, about = scene.page([{"AliyunId": each} for each in image.facts["Shares"]])
    return {
        "ImageId": image.id,
        "RegionId": image.region,
        "Accounts": {"Account": rows},
        "ShareGroups": {"ShareGroup": []},
        **about,
    }


@action("ImportImage")
def import_image(scene: Scene) -> Json:
    """Of files in object storage; a task tells how far it is."""
    given = scene.given
    if "AliyunECSImageImportRolePolicy" not in scene.world.roles.get("AliyunECSImageImportDefaultRole", ()):
        raise Refusal(403, "NoSetRoletoECSServiceAcount", "ECS service account Have no right to access your OSS.")
    name = new_name(scene, "ImageName", scene.region)
    files = given.structures("DiskDeviceMapping")
    if not files:
        raise missing("DiskDeviceMapping.1.OSSBucket")
    mappings = []
    for at, each in enumerate(files):
        for needed in ("OSSBucket", "OSSObject"):
            if not each.get(needed):
                raise missing(f"DiskDeviceMapping.{at + 1}.{needed}")
        size = each.get("DiskImageSize") or each.get("DiskImSize") or "5"
        facts = {
            "SnapshotName": "",
            "Description": "",
            "SourceDiskId": "",
            "SourceDiskSize": size,
            "Encrypted": False,
            "InstanceId": "",
            "SourceDiskType": "data" if at else "system",
            "SnapshotType": "user",
        }
        snapshot = scene.world.make("snapshot", scene.region, scene.account, facts)
        scene.world.move(snapshot, "progressing", "accomplished")
        mappings.append(
            {
                **_mapping(
                    each.get("Device") or f"/dev/xvd{'abcdefghij'[at]}", "data" if at else "system", size, snapshot.id
                ),
                "Format": each.get("Format", "RAW"),
                "ImportOSSBucket": each["OSSBucket"],
                "ImportOSSObject": each["OSSObject"],
            }
        )
    facts = image_facts(name, size=int(mappings[0]["Size"]), platform=given.text("Platform", "Ubuntu"), alias="self")
    facts.update(
        Description=given.text("Description"),
        Architecture=given.text("Architecture", "x86_64"),
        OSType=given.text("OSType", "linux"),
        DiskDeviceMappings={"DiskDeviceMapping": mappings},
    )
    image = scene.make("image", facts)
    scene.world.move(image, "Creating", "Available")
    task = scene.world.make("task", scene.region, scene.account, {"TaskAction": "ImportImage", "ImageId": image.id})
    scene.world.move(task, "Processing", "Finished")
    return {"ImageId": image.id, "RegionId": scene.region, "TaskId": task.id}
