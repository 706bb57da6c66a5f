"""The network of the instance: its VPC, its VSwitch with the zone, its security group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network
from typing import Any

from attrs import frozen

from hclimg.builders.alicloud.config import AlicloudEcsConfig
from hclimg.builders.alicloud.given import Given
from hclimg.clouds.alicloud.ecs import Ecs, dig
from hclimg.clouds.alicloud.making import make
from hclimg.clouds.alicloud.removal import described, marked
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.mark import run_name
from hclimg.sdk.steps import step

DEFAULT_BLOCK = "172.16.0.0/16"
SWITCH_PREFIX = 24
READY = 180.0  # seconds
EVERYWHERE = "0.0.0.0/0"
ALL_PORTS = "-1/-1"


@frozen(kw_only=True)
class Network:
    """Empty ``vpc`` and ``vswitch``: the classic network. ``zone`` may be empty there: the API chooses."""

    vpc: str = ""
    vswitch: str = ""
    zone: str = ""


def connect_network(ctx: Context, ecs: Ecs, config: AlicloudEcsConfig, given: Given) -> Network:
    """Where the settings say, and for the rest something temporary."""
    if given.vswitch:
        return Network(vpc=given.vpc, vswitch=given.vswitch, zone=given.zone)
    if not (config.in_vpc or given.vpc):
        return Network(zone=given.zone)
    wanted = config.network
    zone = given.zone or zone_in_stock(ctx, ecs, config)
    block = given.block or IPv4Network(wanted.vpc_cidr_block or DEFAULT_BLOCK)
    vpc = given.vpc or temporary_vpc(ctx, ecs, name=wanted.vpc_name, block=str(block))
    if not given.vpc:
        _wait(ecs, "VPC", vpc, "DescribeVpcs", "Vpcs.Vpc", VpcId=vpc)
    part = _switch_block(ecs, vpc, block, given, wanted.vpc_cidr_block)
    vswitch = temporary_vswitch(ctx, ecs, vpc=vpc, zone=zone, name=wanted.vswitch_name, block=str(part))
    _wait(ecs, "VSwitch", vswitch, "DescribeVSwitches", "VSwitches.VSwitch", VSwitchId=vswitch)
    return Network(vpc=vpc, vswitch=vswitch, zone=zone)


@step("Creating a temporary VPC", undo="Deleting the temporary VPC")
def temporary_vpc(ctx: Context, ecs: Ecs, *, name: str, block: str) -> Iterator[str]:
    name = name or run_name(ctx.run.id)
    about = described(ctx.run.id, ctx.lane)
    create = ecs.maker("CreateVpc", CidrBlock=block, VpcName=name, Description=about)
    made = make(ctx, ecs, "vpc", "VpcId", create, name=name)
    yield made.id
    made.remove()


@step("Creating a temporary VSwitch", undo="Deleting the temporary VSwitch")
def temporary_vswitch(ctx: Context, ecs: Ecs, *, vpc: str, zone: str, name: str, block: str) -> Iterator[str]:
    name = name or run_name(ctx.run.id)
    about = described(ctx.run.id, ctx.lane)
    create = ecs.maker("CreateVSwitch", VpcId=vpc, ZoneId=zone, CidrBlock=block, VSwitchName=name, Description=about)
    made = make(ctx, ecs, "vswitch", "VSwitchId", create, name=name, vpc=vpc)
    yield made.id
    made.remove()


@step("Finding a zone that has the instance type in stock")
def zone_in_stock(ctx: Context, ecs: Ecs, config: AlicloudEcsConfig) -> str:
    optimized = {None: None, True: "optimized", False: "none"}[config.io_optimized]
    answer = ecs.call(
        "DescribeAvailableResource", DestinationResource="InstanceType", InstanceType=config.instance_type,
        IoOptimized=optimized,
    )  # fmt: skip
    zones = dig(answer, "AvailableZones.AvailableZone") or []
    stock = [str(zone["ZoneId"]) for zone in zones if _has(zone, config.instance_type)]
    if not stock:
        known = any(_named(zone, config.instance_type) for zone in zones)
        why = "is sold out" if known else "does not exist"
        raise BuildError(
            f"The instance type {config.instance_type} {why} in {ecs.region}.",
            hint="Take another instance_type, or another region.",
        )
    ctx.say(f"The instance will be in the zone {stock[0]}.")
    return stock[0]


def _named(zone: dict[str, Any], instance_type: str) -> list[dict[str, Any]]:
    """What a zone says about an instance type."""
    resources = dig(zone, "AvailableResources.AvailableResource") or []
    kinds = [kind for resource in resources for kind in dig(resource, "SupportedResources.SupportedResource") or []]
    return [kind for kind in kinds if kind.get("Value") == instance_type]


def _has(zone: dict[str, Any], instance_type: str) -> bool:
    ready = zone.get("Status") == "Available" and zone.get("StatusCategory") != "WithoutStock"
    return ready and any(
        kind.get("Status") == "Available" and kind.get("StatusCategory") != "WithoutStock"
        for kind in _named(zone, instance_type)
    )


def _switch_block(ecs: Ecs, vpc: str, block: IPv4Network, given: Given, asked: str) -> IPv4Network:
    """The addresses of the VSwitch: in the user's VPC those that the settings name, or else some that are free."""
    if given.vpc and asked:
        return IPv4Network(asked)
    taken: Iterable[IPv4Network] = ()
    if given.vpc:
        rows = ecs.list("DescribeVSwitches", "VSwitches.VSwitch", VpcId=vpc)
        taken = [IPv4Network(str(row["CidrBlock"])) for row in rows]
    found = free_part(block, taken)
    if found is None:
        raise BuildError(
            f"The VPC {vpc} ({block}) has no addresses left for a VSwitch.", hint="Set vswitch_id to one that exists."
        )
    return found


def free_part(block: IPv4Network, taken: Iterable[IPv4Network]) -> IPv4Network | None:
    """The first part of a block, of the size of a VSwitch, that overlaps nothing that is taken."""
    taken = tuple(taken)
    parts = block.subnets(new_prefix=max(SWITCH_PREFIX, block.prefixlen))
    return next((part for part in parts if not any(part.overlaps(other) for other in taken)), None)


def _wait(ecs: Ecs, what: str, name: str, action: str, path: str, **restriction: str) -> None:
    def ready() -> bool | None:
        rows = ecs.list(action, path, **restriction)
        return True if rows and rows[0].get("Status") == "Available" else None

    ecs.until(f"the {what} {name} to be ready", ready, timeout=READY)


# -- the security group -----------------------------------------------------------------


def security_group(ctx: Context, ecs: Ecs, config: AlicloudEcsConfig, network: Network, port: int) -> str:
    """The group that the settings name, or a temporary one that lets in whoever connects to ``port``."""
    wanted = config.network
    if wanted.security_group_id:
        return wanted.security_group_id
    group = temporary_security_group(ctx, ecs, name=wanted.security_group_name, vpc=network.vpc)
    open_port(ctx, ecs, group, network, port)
    return group


@step("Creating a temporary security group", undo="Deleting the temporary security group")
def temporary_security_group(ctx: Context, ecs: Ecs, *, name: str, vpc: str) -> Iterator[str]:
    name = name or run_name(ctx.run.id)
    tags = marked(ctx.run.id, ctx.lane)
    create = ecs.maker("CreateSecurityGroup", SecurityGroupName=name, VpcId=vpc, Tag=tags)
    made = make(ctx, ecs, "security-group", "SecurityGroupId", create, name=name)
    yield made.id
    made.remove()


@step("Opening the security group for the connection")
def open_port(ctx: Context, ecs: Ecs, group: str, network: Network, port: int) -> None:  # noqa: ARG001
    """Out goes everything; in come connections to ``port``, if there is one."""
    common: dict[str, Any] = {"SecurityGroupId": group, "NicType": None if network.vpc else "internet"}
    outwards = {**common, "IpProtocol": "all", "PortRange": ALL_PORTS, "DestCidrIp": EVERYWHERE}
    ecs.maker("AuthorizeSecurityGroupEgress", **outwards)()
    if port:
        inwards = {**common, "IpProtocol": "tcp", "PortRange": f"{port}/{port}", "SourceCidrIp": EVERYWHERE}
        ecs.maker("AuthorizeSecurityGroup", **inwards)()
