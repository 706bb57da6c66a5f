"""Instances: made, started, stopped, deleted, described."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from ipaddress import ip_network
from itertools import islice

from servers.alicloud_ecs.disks import CATEGORIES, make_disk
from servers.alicloud_ecs.images import image_of_request
from servers.alicloud_ecs.places import ZONES
from servers.alicloud_ecs.scene import Scene, action, tags_of, wrong_status
from servers.alicloud_ecs.wire import Json, Refusal, invalid, missing
from servers.alicloud_ecs.world import INSTANCE_TYPES, Thing, World

STEADY = ("Running", "Stopped")
PLAIN = (  # what is described as it was kept
    "InstanceName", "Description", "HostName", "ImageId", "InstanceType", "ZoneId", "KeyPairName", "InternetChargeType",
    "InternetMaxBandwidthOut", "IoOptimized", "InstanceChargeType", "ResourceGroupId", "SpotStrategy",
    "DeletionProtection", "OSType", "OSName",
)  # fmt: skip


@action("CreateInstance")
def create_instance(scene: Scene) -> Json:
    instance = _make(scene)
    scene.world.move(instance, "Pending", "Stopped")
    return {"InstanceId": instance.id, "TradePrice": 0.0, "OrderId": ""}


@action("RunInstances")
def run_instances(scene: Scene) -> Json:
    made = [_make(scene) for _ in range(scene.given.number("Amount", 1))]
    for instance in made:
        scene.world.move(instance, "Pending", "Running")
        if instance.facts["InternetMaxBandwidthOut"]:
            instance.facts["PublicIpAddress"] = [scene.world.addresses()]
        _boot(scene.world, instance)
    return {"InstanceIdSets": {"InstanceIdSet": [instance.id for instance in made]}, "TradePrice": 0.0, "OrderId": ""}


def _make(scene: Scene) -> Thing:
    given, image = scene.given, image_of_request(scene)
    switch = scene.find("vswitch", "VSwitchId") if "VSwitchId" in given else None
    groups = _groups(scene, switch)
    zone = _zone(scene, switch)
    kind = given.need("InstanceType")
    if kind not in INSTANCE_TYPES:
        raise Refusal(
            403, "InvalidInstanceType.ValueNotSupported", f"The specified InstanceType {kind} is not supported."
        )
    if (zone, kind) in scene.world.sold_out:
        raise Refusal(403, "OperationDenied.NoStock", "The requested resource is sold out in the specified zone.")
    key = scene.find("keypair", "KeyPairName").id if "KeyPairName" in given else ""
    facts = {
        "InstanceName": given.text("InstanceName"),
        "Description": given.text("Description"),
        "HostName": given.text("HostName"),
        "ImageId": image.id,
        "InstanceType": kind,
        "ZoneId": zone,
        "KeyPairName": key,
        "SecurityGroups": groups,
        "VSwitchId": switch.id if switch else "",
        "VpcId": switch.facts["VpcId"] if switch else "",
        "PrivateIpAddress": _private(scene, switch),
        "PublicIpAddress": [],
        "InnerIpAddress": [] if switch else ["10.0.0.1"],
        "InternetChargeType": given.text("InternetChargeType", "PayByTraffic"),
        "InternetMaxBandwidthOut": given.number("InternetMaxBandwidthOut"),
        "UserData": _user_data(scene),
        "IoOptimized": given.text("IoOptimized", "optimized") not in ("none", "false"),
        "RamRoleName": given.text("RamRoleName"),
        "InstanceChargeType": given.text("InstanceChargeType", "PostPaid"),
        "ResourceGroupId": given.text("ResourceGroupId"),
        "SpotStrategy": given.text("SpotStrategy", "NoSpot"),
        "DeletionProtection": given.flag("DeletionProtection"),
        "OSType": image.facts["OSType"],
        "OSName": image.facts["OSName"],
        "Password": given.text("Password"),
        "SecurityEnhancementStrategy": given.text("SecurityEnhancementStrategy"),
    }
    disks = _disks(scene, image)
    instance = scene.make("instance", facts)
    facts["InstanceName"] = facts["InstanceName"] or instance.id
    for at, disk in enumerate(disks):
        make_disk(scene, zone, disk, instance=instance, device=disk.get("Device") or f"/dev/xvd{'abcdefghij'[at]}")
    return instance


def _groups(scene: Scene, switch: Thing | None) -> list[str]:
    given = scene.given
    names = given.texts("SecurityGroupIds") or ([given.text("SecurityGroupId")] if "SecurityGroupId" in given else [])
    if not names:
        raise missing("SecurityGroupId")
    groups = [scene.named("securitygroup", name) for name in names]
    vpc = switch.facts["VpcId"] if switch else ""
    if any(group.facts["VpcId"] != vpc for group in groups):
        raise Refusal(
            400, "InvalidSecurityGroupId.VPCMismatch", "The security group and the VSwitch are not in one VPC."
        )
    return names


def _zone(scene: Scene, switch: Thing | None) -> str:
    zone = scene.given.text("ZoneId")
    if zone and zone not in {f"{scene.region}-{letter}" for letter in ZONES}:
        raise Refusal(404, "InvalidZoneId.NotFound", "The specified ZoneId does not exist.")
    if switch and zone not in ("", switch.facts["ZoneId"]):
        raise Refusal(400, "InvalidParameter.Conflict", "The specified zone and VSwitch are not in one zone.")
    return switch.facts["ZoneId"] if switch else zone or f"{scene.region}-{ZONES[0]}"


def _private(scene: Scene, switch: Thing | None) -> list[str]:
    if switch is None:
        return []
    if "PrivateIpAddress" in scene.given:
        return [scene.given.text("PrivateIpAddress")]
    taken = {
        ip
        for other in scene.world.within("VSwitchId", switch.id, ["instance"])
        for ip in other.facts["PrivateIpAddress"]
    }
    hosts = islice(ip_network(switch.facts["CidrBlock"]).hosts(), 1, None)
    return [next(str(host) for host in hosts if str(host) not in taken)]


def _user_data(scene: Scene) -> str:
    data = scene.given.text("UserData")
    try:
        raw = base64.b64decode(data, validate=True)
    except (ValueError, binascii.Error):
        raise invalid("UserData", "InvalidUserData.Base64FormatInvalid") from None
    if len(raw) > 32 * 1024:
        raise invalid("UserData", "InvalidUserData.SizeExceeded")
    return data


def _disks(scene: Scene, image: Thing) -> list[dict[str, str]]:
    """The system's, those of the image, and those of the request, checked before anything is made."""
    given = scene.given
    prefix = "SystemDisk."
    system = {name.removeprefix(prefix): value for name, value in given.given.items() if name.startswith(prefix)}
    least = int(image.facts["Size"])
    if system.get("Size") and int(system["Size"]) < least:
        raise invalid("SystemDisk.Size", "InvalidSystemDiskSize.LessThanImageSize")
    if system.get("Category") and system["Category"] not in CATEGORIES:
        raise invalid("SystemDisk.Category", "InvalidSystemDiskCategory.ValueNotSupported")
    own = [
        {"Size": str(each["Size"]), "SnapshotId": each["SnapshotId"], "Device": each["Device"]}
        for each in image.facts["DiskDeviceMappings"]["DiskDeviceMapping"]
        if each["Type"] == "data"
    ]
    asked = given.structures("DataDisk")
    for each in asked:
        if each.get("Category") and each["Category"] not in CATEGORIES:
            raise invalid("DataDisk.Category", "InvalidDataDiskCategory.NotSupported")
        if not each.get("Size") and not each.get("SnapshotId"):
            raise missing("DataDisk.1.Size")
        if each.get("SnapshotId"):
            scene.named("snapshot", each["SnapshotId"])
    replaced = {each.get("Device") for each in asked}
    kept = [each for each in own if each["Device"] not in replaced]
    return [{"Size": str(least), **system, "Type": "system"}, *kept, *asked]


def _boot(world: World, instance: Thing) -> None:
    for told in world.booted:
        told(instance)


def _one(source: str, via: str, target: str) -> Callable[[Scene], Json]:
    def changed(scene: Scene) -> Json:
        instance = scene.find("instance", "InstanceId")
        _move(scene, instance, source, via, target)
        return {}

    return changed


def _move(scene: Scene, instance: Thing, source: str, via: str, target: str) -> None:
    if instance.becomes or instance.status != source:
        raise wrong_status("instance", instance, scene.world)
    scene.world.move(instance, via, target)
    if via == "Starting":
        _boot(scene.world, instance)


action("StartInstance")(_one("Stopped", "Starting", "Running"))
action("StopInstance")(_one("Running", "Stopping", "Stopped"))
action("RebootInstance")(_one("Running", "Starting", "Running"))


@action("DeleteInstance")
def delete_instance(scene: Scene) -> Json:
    _delete(scene, scene.find("instance", "InstanceId"))
    return {}


@action("DeleteInstances")
def delete_instances(scene: Scene) -> Json:
    for instance in [scene.named("instance", each) for each in scene.given.texts("InstanceId")]:
        _delete(scene, instance)
    return {}


def _several(source: str, via: str, target: str) -> Callable[[Scene], Json]:
    def changed(scene: Scene) -> Json:
        """Each by itself: those that cannot are told of, the others go on."""
        rows = []
        for instance in [scene.named("instance", each) for each in scene.given.texts("InstanceId")]:
            row = {"InstanceId": instance.id, "PreviousStatus": instance.status, "Code": "200", "Message": "success"}
            try:
                _move(scene, instance, source, via, target)
            except Refusal as refusal:
                row |= {"Code": refusal.code, "Message": refusal.message}
            rows.append({**row, "CurrentStatus": instance.status})
        return {"InstanceResponses": {"InstanceResponse": rows}}

    return changed


action("StartInstances")(_several("Stopped", "Starting", "Running"))
action("StopInstances")(_several("Running", "Stopping", "Stopped"))


def _delete(scene: Scene, instance: Thing) -> None:
    if instance.facts["DeletionProtection"]:
        raise Refusal(403, "InvalidOperation.DeletionProtection", "The instance is protected against deletion.")
    if instance.becomes:
        raise wrong_status("instance", instance, scene.world, ".Initializing")
    if instance.status != "Stopped" and not scene.given.flag("Force"):
        raise wrong_status("instance", instance, scene.world)
    world = scene.world
    for disk in world.within("InstanceId", instance.id, ["disk"]):
        if disk.facts["DeleteWithInstance"]:
            world.drop(disk)
        else:
            disk.facts["InstanceId"], disk.status = "", "Available"
    for eip in world.within("InstanceId", instance.id, ["eip"]):
        eip.facts["InstanceId"], eip.facts["InstanceType"] = "", ""
        world.move(eip, "Unassociating", "Available")
    for kind, ids in (("securitygroup", instance.facts["SecurityGroups"]), ("vswitch", [instance.facts["VSwitchId"]])):
        for each in world.all(kind):
            if each.id in ids:
                each.busy = world.linger
    world.drop(instance)


@action("DescribeInstances")
def describe_instances(scene: Scene) -> Json:
    given = scene.given
    ids = given.listed("InstanceIds") if "InstanceIds" in given else None
    same = {
        name: name
        for name in ("VpcId", "VSwitchId", "ZoneId", "ImageId", "KeyPairName", "InstanceName", "InstanceType")
    }
    found = scene.seen("instance", ids=ids, **same)
    if "SecurityGroupId" in given:
        found = [each for each in found if given.text("SecurityGroupId") in each.facts["SecurityGroups"]]
    rows = [(scene.world.look(each), each) for each in found]
    rows = [row for row in rows if given.text("Status", row[0]) == row[0]]
    page, about = scene.page([_described(scene, *row) for row in rows])
    return {"Instances": {"Instance": page}, **about}


def _described(scene: Scene, status: str, instance: Thing) -> Json:
    facts = instance.facts
    eips = scene.world.within("InstanceId", instance.id, ["eip"])
    eip = {
        "AllocationId": eips[0].id if eips else "",
        "IpAddress": eips[0].facts["IpAddress"] if eips else "",
        "InternetChargeType": "",
        "Bandwidth": 0,
        "IsSupportUnassociate": True,
    }
    cores, memory = INSTANCE_TYPES[facts["InstanceType"]]
    address = {"IpAddress": facts["PrivateIpAddress"]}
    return {
        "InstanceId": instance.id,
        "RegionId": instance.region,
        "Status": status,
        "CreationTime": instance.created,
        **{name: facts[name] for name in PLAIN},
        "Cpu": cores,
        "Memory": memory * 1024,
        "InstanceNetworkType": "vpc" if facts["VpcId"] else "classic",
        "VpcAttributes": {
            "VpcId": facts["VpcId"],
            "VSwitchId": facts["VSwitchId"],
            "NatIpAddress": "",
            "PrivateIpAddress": address,
        },
        "PublicIpAddress": {"IpAddress": facts["PublicIpAddress"]},
        "InnerIpAddress": {"IpAddress": facts["InnerIpAddress"]},
        "SecurityGroupIds": {"SecurityGroupId": facts["SecurityGroups"]},
        "EipAddress": eip,
        "Tags": tags_of(instance),
        "OperationLocks": {"LockReason": []},
        "NetworkInterfaces": {"NetworkInterface": [{"PrimaryIpAddress": ip} for ip in facts["PrivateIpAddress"]]},
    }


@action("DescribeInstanceStatus")
def describe_instance_status(scene: Scene) -> Json:
    ids = scene.given.texts("InstanceId") or None
    rows = [{"InstanceId": each.id, "Status": scene.world.look(each)} for each in scene.seen("instance", ids=ids)]
    page, about = scene.page(rows, largest=50)
    return {"InstanceStatuses": {"InstanceStatus": page}, **about}


@action("DescribeInstanceAttribute")
def describe_instance_attribute(scene: Scene) -> Json:
    instance = scene.find("instance", "InstanceId")
    return _described(scene, scene.world.look(instance), instance)


@action("ModifyInstanceAttribute")
def modify_instance_attribute(scene: Scene) -> Json:
    instance = scene.find("instance", "InstanceId")
    for name in ("InstanceName", "Description", "HostName", "Password", "UserData"):
        if name in scene.given:
            instance.facts[name] = scene.given.text(name)
    if "DeletionProtection" in scene.given:
        instance.facts["DeletionProtection"] = scene.given.flag("DeletionProtection")
    return {}


@action("DescribeUserData")
def describe_user_data(scene: Scene) -> Json:
    instance = scene.find("instance", "InstanceId")
    return {"RegionId": instance.region, "InstanceId": instance.id, "UserData": instance.facts["UserData"]}


def _roles(change: Callable[[Thing, str], None]) -> Callable[[Scene], Json]:
    def changed(scene: Scene) -> Json:
        instances = [scene.named("instance", each) for each in scene.given.listed("InstanceIds")]
        for instance in instances:
            change(instance, scene.given.text("RamRoleName"))
        return {"TotalCount": len(instances), "FailCount": 0, "RamRoleName": scene.given.text("RamRoleName")}

    return changed


action("AttachInstanceRamRole")(_roles(lambda instance, role: instance.facts.update(RamRoleName=role)))
action("DetachInstanceRamRole")(_roles(lambda instance, role: instance.facts.update(RamRoleName="")))


@action("DescribeInstanceRamRole")
def describe_instance_ram_role(scene: Scene) -> Json:
    instances = [scene.named("instance", each) for each in scene.given.listed("InstanceIds")]
    rows = [{"InstanceId": each.id, "RamRoleName": each.facts["RamRoleName"]} for each in instances]
    return {"RegionId": scene.region, "InstanceRamRoleSets": {"InstanceRamRoleSet": rows}, "TotalCount": len(rows)}


@action("JoinSecurityGroup")
def join_security_group(scene: Scene) -> Json:
    instance, group = scene.find("instance", "InstanceId"), scene.find("securitygroup", "SecurityGroupId")
    if group.id in instance.facts["SecurityGroups"]:
        raise Refusal(
            403, "InvalidInstanceId.AlreadyExists", "The specified instance is already in the security group."
        )
    instance.facts["SecurityGroups"].append(group.id)
    return {}


@action("LeaveSecurityGroup")
def leave_security_group(scene: Scene) -> Json:
    instance, group = scene.find("instance", "InstanceId"), scene.find("securitygroup", "SecurityGroupId")
    if group.id not in instance.facts["SecurityGroups"]:
        raise Refusal(403, "InstanceNotInSecurityGroup", "The instance is not in the security group.")
    if len(instance.facts["SecurityGroups"]) == 1:
        raise Refusal(403, "InstanceLastSecurityGroup", "The instance would be in no security group.")
    instance.facts["SecurityGroups"].remove(group.id)
    return {}
