"""Public addresses: an instance's own, and elastic ones that are allocated, associated and released."""

from __future__ import annotations

from servers.alicloud_ecs.instances import STEADY
from servers.alicloud_ecs.scene import Scene, action, tags_of, wrong_status
from servers.alicloud_ecs.wire import Json, Refusal
from servers.alicloud_ecs.world import Thing


@action("AllocatePublicIpAddress")
def allocate_public_ip_address(scene: Scene) -> Json:
    instance = scene.find("instance", "InstanceId")
    if instance.becomes or instance.status not in STEADY:
        raise wrong_status("instance", instance, scene.world)
    if instance.facts["PublicIpAddress"]:
        raise Refusal(400, "AllocatedAlready", "The specified instance has already allocated a public IP address.")
    instance.facts["PublicIpAddress"] = [scene.world.addresses()]
    return {"IpAddress": instance.facts["PublicIpAddress"][0]}


@action("AllocateEipAddress")
def allocate_eip_address(scene: Scene) -> Json:
    facts = {
        "IpAddress": scene.world.addresses(),
        "Bandwidth": scene.given.text("Bandwidth", "5"),
        "InstanceId": "",
        "InstanceType": "",
        "InternetChargeType": scene.given.text("InternetChargeType", "PayByBandwidth"),
        "ChargeType": "PostPaid",
        "Name": scene.given.text("Name"),
        "Description": scene.given.text("Description"),
    }
    eip = scene.make("eip", facts, status="Available")
    return {"AllocationId": eip.id, "EipAddress": facts["IpAddress"], "ResourceGroupId": "", "OrderId": ""}


@action("DescribeEipAddresses")
def describe_eip_addresses(scene: Scene) -> Json:
    given = scene.given
    ids = given.listed("AllocationId") if "AllocationId" in given else None
    found = scene.seen("eip", ids=ids, InstanceId="AssociatedInstanceId", IpAddress="EipAddress", Name="EipName")
    seen = [(scene.world.look(eip), eip) for eip in found]
    rows = [_described(status, eip) for status, eip in seen if given.text("Status", status) == status]
    rows, about = scene.page(rows)
    return {"EipAddresses": {"EipAddress": rows}, **about}


def _described(status: str, eip: Thing) -> Json:
    return {
        "AllocationId": eip.id,
        "RegionId": eip.region,
        "Status": status,
        "AllocationTime": eip.created,
        **eip.facts,
        "Tags": tags_of(eip),
        "OperationLocks": {"LockReason": []},
        "AvailableRegions": {"AvailableRegion": [eip.region]},
    }


@action("AssociateEipAddress")
def associate_eip_address(scene: Scene) -> Json:
    eip, instance = scene.find("eip", "AllocationId"), scene.find("instance", "InstanceId")
    if eip.becomes or eip.status != "Available":
        raise wrong_status("eip", eip, scene.world)
    if instance.becomes or instance.status not in STEADY:
        raise wrong_status("instance", instance, scene.world)
    if instance.facts["PublicIpAddress"] or scene.world.within("InstanceId", instance.id, ["eip"]):
        raise Refusal(400, "InvalidInstance.AlreadyAssociated", "The specified instance already has a public address.")
    eip.facts.update(InstanceId=instance.id, InstanceType="EcsInstance")
    scene.world.move(eip, "Associating", "InUse")
    return {}


@action("UnassociateEipAddress")
def unassociate_eip_address(scene: Scene) -> Json:
    eip = scene.find("eip", "AllocationId")
    if eip.becomes or eip.status != "InUse":
        raise wrong_status("eip", eip, scene.world)
    eip.facts.update(InstanceId="", InstanceType="")
    scene.world.move(eip, "Unassociating", "Available")
    return {}


@action("ReleaseEipAddress")
def release_eip_address(scene: Scene) -> Json:
    eip = scene.find("eip", "AllocationId")
    if eip.becomes or eip.status != "Available":
        raise wrong_status("eip", eip, scene.world)
    scene.world.drop(eip)
    return {}
