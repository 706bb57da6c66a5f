"""Networks, switches, security groups with their rules."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network

from servers.alicloud_ecs.scene import Scene, action, tags_of
from servers.alicloud_ecs.wire import Json, Refusal, invalid
from servers.alicloud_ecs.world import ZONES, Thing


@action("CreateVpc")
def create_vpc(scene: Scene) -> Json:
    block = scene.given.text("CidrBlock", "172.16.0.0/12")
    _network(block)
    facts = {
        "VpcName": scene.given.text("VpcName"),
        "Description": scene.given.text("Description"),
        "CidrBlock": block,
        "IsDefault": False,
        "VRouterId": "vrt-1",
    }
    vpc = scene.make("vpc", facts)
    scene.world.move(vpc, "Pending", "Available")
    return {"VpcId": vpc.id, "VRouterId": "vrt-1", "RouteTableId": "vtb-1"}


@action("DescribeVpcs")
def describe_vpcs(scene: Scene) -> Json:
    ids = scene.given.listed("VpcId") if "VpcId" in scene.given else None
    vpcs = scene.seen("vpc", ids=ids, VpcName="VpcName")
    rows, about = scene.page([_vpc(scene, vpc) for vpc in vpcs], largest=50)
    return {"Vpcs": {"Vpc": rows}, **about}


def _vpc(scene: Scene, vpc: Thing) -> Json:
    switches = [each.id for each in scene.world.within("VpcId", vpc.id, ["vswitch"])]
    return {
        "VpcId": vpc.id,
        "RegionId": vpc.region,
        "Status": scene.world.look(vpc),
        **vpc.facts,
        "CreationTime": vpc.created,
        "VSwitchIds": {"VSwitchId": switches},
        "UserCidrs": {"UserCidr": []},
        "Tags": tags_of(vpc),
    }


@action("DeleteVpc")
def delete_vpc(scene: Scene) -> Json:
    vpc = scene.find("vpc", "VpcId")
    if vpc.becomes:
        scene.world.look(vpc)
        raise Refusal(400, "IncorrectVpcStatus", "Current VPC status does not support this operation.")
    for kind, code in (
        ("vswitch", "DependencyViolation.VSwitch"),
        ("securitygroup", "DependencyViolation.SecurityGroup"),
    ):
        left = scene.world.within("VpcId", vpc.id, [kind])
        if left:
            for each in left:
                scene.world.look(each)
            raise Refusal(400, code, f"Specified VPC has a dependent {kind}.")
    _release(vpc)
    scene.world.drop(vpc)
    return {}


@action("CreateVSwitch")
def create_vswitch(scene: Scene) -> Json:
    vpc, zone, block = scene.find("vpc", "VpcId"), scene.given.need("ZoneId"), _network(scene.given.need("CidrBlock"))
    if zone not in {f"{vpc.region}-{letter}" for letter in ZONES}:
        raise Refusal(404, "InvalidZoneId.NotFound", "The specified ZoneId does not exist.")
    if vpc.becomes:
        scene.world.look(vpc)
        raise Refusal(400, "IncorrectVpcStatus", "Current VPC status does not support this operation.")
    if not block.subnet_of(_network(vpc.facts["CidrBlock"])):
        raise invalid("CidrBlock", "InvalidCidrBlock.Malformed")
    for other in scene.world.within("VpcId", vpc.id, ["vswitch"]):
        if block.overlaps(_network(other.facts["CidrBlock"])):
            raise invalid("CidrBlock", "InvalidCidrBlock.Overlapped")
    facts = {
        "VpcId": vpc.id,
        "ZoneId": zone,
        "CidrBlock": str(block),
        "VSwitchName": scene.given.text("VSwitchName"),
        "Description": scene.given.text("Description"),
        "IsDefault": False,
        "AvailableIpAddressCount": block.num_addresses - 4,
    }
    switch = scene.make("vswitch", facts)
    scene.world.move(switch, "Pending", "Available")
    return {"VSwitchId": switch.id}


@action("DescribeVSwitches")
def describe_vswitches(scene: Scene) -> Json:
    if "RegionId" not in scene.given and "VpcId" not in scene.given:
        raise Refusal(400, "MissingParameter", 'Either "RegionId" or "VpcId" has to be given.')
    ids = scene.given.listed("VSwitchId") if "VSwitchId" in scene.given else None
    found = scene.seen("vswitch", ids=ids, VpcId="VpcId", ZoneId="ZoneId", VSwitchName="VSwitchName")
    rows = [
        {
            "VSwitchId": each.id,
            "Status": scene.world.look(each),
            **each.facts,
            "CreationTime": each.created,
            "Tags": tags_of(each),
        }
        for each in found
    ]
    rows, about = scene.page(rows, largest=50)
    return {"VSwitches": {"VSwitch": rows}, **about}


@action("DeleteVSwitch")
def delete_vswitch(scene: Scene) -> Json:
    switch = scene.find("vswitch", "VSwitchId")
    if switch.becomes:
        scene.world.look(switch)
        raise Refusal(
            400, "IncorrectVSwitchStatus", "The current virtual switch status does not support this operation."
        )
    if scene.world.within("VSwitchId", switch.id, ["instance"]):
        raise Refusal(400, "DependencyViolation", "Specified object has dependent resources.")
    _release(switch)
    scene.world.move(switch, "Pending", "Deleted")
    return {}


@action("CreateSecurityGroup")
def create_security_group(scene: Scene) -> Json:
    vpc = scene.find("vpc", "VpcId").id if "VpcId" in scene.given else ""
    facts = {
        "VpcId": vpc,
        "SecurityGroupName": scene.given.text("SecurityGroupName"),
        "Rules": [],
        "Description": scene.given.text("Description"),
        "SecurityGroupType": scene.given.text("SecurityGroupType", "normal"),
    }
    return {"SecurityGroupId": scene.make("securitygroup", facts).id}


@action("DescribeSecurityGroups")
def describe_security_groups(scene: Scene) -> Json:
    ids = [scene.given.text("SecurityGroupId")] if "SecurityGroupId" in scene.given else None
    ids = scene.given.listed("SecurityGroupIds") if "SecurityGroupIds" in scene.given else ids
    found = scene.seen("securitygroup", ids=ids, VpcId="VpcId", SecurityGroupName="SecurityGroupName")
    rows = [
        {
            "SecurityGroupId": each.id,
            "CreationTime": each.created,
            "Tags": tags_of(each),
            **{name: value for name, value in each.facts.items() if name != "Rules"},
        }
        for each in found
    ]
    rows, about = scene.page(rows)
    return {"SecurityGroups": {"SecurityGroup": rows}, "RegionId": scene.region, **about}


@action("DescribeSecurityGroupAttribute")
def describe_security_group_attribute(scene: Scene) -> Json:
    group = scene.find("securitygroup", "SecurityGroupId")
    direction = scene.given.text("Direction", "all")
    rules = [rule for rule in group.facts["Rules"] if direction in ("all", rule["Direction"])]
    return {
        "SecurityGroupId": group.id,
        "SecurityGroupName": group.facts["SecurityGroupName"],
        "VpcId": group.facts["VpcId"],
        "RegionId": group.region,
        "Description": group.facts["Description"],
        "Permissions": {"Permission": rules},
    }


@action("AuthorizeSecurityGroup", "AuthorizeSecurityGroupEgress")
def authorize(scene: Scene) -> Json:
    """In which direction is told by the other end: a source, or a destination."""
    group = scene.find("securitygroup", "SecurityGroupId")
    for rule in _rules(scene):
        if rule not in group.facts["Rules"]:
            group.facts["Rules"].append(rule)
    return {}


@action("RevokeSecurityGroup", "RevokeSecurityGroupEgress")
def revoke(scene: Scene) -> Json:
    group = scene.find("securitygroup", "SecurityGroupId")
    gone = _rules(scene)
    group.facts["Rules"] = [rule for rule in group.facts["Rules"] if rule not in gone]
    return {}


def _rules(scene: Scene) -> list[Json]:
    listed = scene.given.structures("Permissions") or [dict(scene.given.given)]
    return [_rule(each) for each in listed]


def _rule(said: dict[str, str]) -> Json:
    protocol, ports = said.get("IpProtocol", "").upper(), said.get("PortRange", "")
    if protocol not in {"TCP", "UDP", "ICMP", "GRE", "ALL"}:
        raise invalid("IpProtocol", "InvalidIpProtocol.Malformed")
    first, slash, last = ports.partition("/")
    if not slash or not first.lstrip("-").isdigit() or not last.lstrip("-").isdigit() or int(first) > int(last):
        raise invalid("PortRange", "InvalidPortRange.Malformed")
    ends = {name: said.get(name, "") for name in ("SourceCidrIp", "SourceGroupId", "DestCidrIp", "DestGroupId")}
    if not any(ends.values()):
        raise Refusal(400, "MissingParameter.Source", "One of the parameters SourceCidrIp and SourceGroupId is needed.")
    outward = ends["DestCidrIp"] or ends["DestGroupId"]
    return {
        "IpProtocol": protocol,
        "PortRange": ports,
        "Policy": said.get("Policy", "accept").capitalize(),
        **ends,
        "NicType": said.get("NicType", "internet"),
        "Priority": said.get("Priority", "1"),
        "Direction": "egress" if outward else "ingress",
    }


@action("DeleteSecurityGroup")
def delete_security_group(scene: Scene) -> Json:
    group = scene.find("securitygroup", "SecurityGroupId")
    if scene.world.within("SecurityGroups", group.id, ["instance"]):
        raise Refusal(403, "DependencyViolation", "There is still instance(s) in the specified security group.")
    _release(group)
    scene.world.drop(group)
    return {}


def _release(thing: Thing) -> None:
    if thing.busy:
        thing.busy -= 1
        raise Refusal(403, "DependencyViolation", f"There is still instance(s) in the specified {thing.kind}.")


def _network(block: str) -> IPv4Network:
    try:
        found = ip_network(block)
    except ValueError:
        raise invalid("CidrBlock", "InvalidCidrBlock.Malformed") from None
    if not isinstance(found, IPv4Network):
        raise invalid("CidrBlock", "InvalidCidrBlock.Malformed")
    return found
