"""What the settings name in the cloud: looked up before anything is made, so that a mistake costs nothing."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

from attrs import frozen

from hclimg.builders.alicloud.config import AlicloudEcsConfig, NetworkConfig
from hclimg.clouds.alicloud.ecs import Ecs
from hclimg.clouds.alicloud.removal import address_of
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.steps import step


@frozen(kw_only=True)
class Given:
    """Where the instance has to be because of what the settings name; empty: anywhere. ``block`` is the VPC's."""

    vpc: str = ""
    block: IPv4Network | None = None
    vswitch: str = ""
    zone: str = ""


def look_up(ctx: Context, ecs: Ecs, config: AlicloudEcsConfig) -> Given:
    """Raises BuildError when something does not exist, is in use, or is not where the rest is."""
    wanted, key_pair = config.network, config.communicator.ssh_keypair_name
    named = (wanted.vpc_id, wanted.vswitch_id, wanted.security_group_id, wanted.eip_id, key_pair)
    return _look_up(ctx, ecs, wanted, key_pair) if any(named) else Given(zone=wanted.zone_id)


@step("Looking up what the settings name")
def _look_up(ctx: Context, ecs: Ecs, wanted: NetworkConfig, key_pair: str) -> Given:  # noqa: ARG001
    if key_pair:
        _one(
            ecs, "key pair", key_pair, "ssh_keypair_name", "DescribeKeyPairs", "KeyPairs.KeyPair", KeyPairName=key_pair
        )
    if wanted.eip_id:
        _check_free(ecs, wanted.eip_id)
    switch = _vswitch(ecs, wanted)
    vpc = str(switch["VpcId"]) if switch else wanted.vpc_id
    if wanted.security_group_id:
        vpc = _vpc_of_group(ecs, wanted.security_group_id, vpc)
    return Given(
        vpc=vpc,
        block=_block(ecs, vpc) if vpc and not switch else None,
        vswitch=wanted.vswitch_id,
        zone=str(switch["ZoneId"]) if switch else wanted.zone_id,
    )


def _vswitch(ecs: Ecs, wanted: NetworkConfig) -> dict[str, Any] | None:
    name = wanted.vswitch_id
    if not name:
        return None
    found = _one(ecs, "VSwitch", name, "vswitch_id", "DescribeVSwitches", "VSwitches.VSwitch", VSwitchId=name)
    for setting, given, key in (("vpc_id", wanted.vpc_id, "VpcId"), ("zone_id", wanted.zone_id, "ZoneId")):
        if given and given != found[key]:
            raise BuildError(f"The VSwitch {name} is in {found[key]}, not in {given}.", hint=f"Look at {setting}.")
    return found


def _vpc_of_group(ecs: Ecs, group: str, vpc: str) -> str:
    found = _one(
        ecs, "security group", group, "security_group_id", "DescribeSecurityGroups", "SecurityGroups.SecurityGroup",
        SecurityGroupId=group,
    )  # fmt: skip
    there = str(found.get("VpcId") or "")
    if vpc and there != vpc:
        raise BuildError(
            f"The security group {group} is in {there or 'the classic network'}, the instance in {vpc}.",
            hint="Set vpc_id or vswitch_id to where the security group is, or leave them out.",
        )
    return there


def _block(ecs: Ecs, vpc: str) -> IPv4Network:
    found = _one(ecs, "VPC", vpc, "vpc_id", "DescribeVpcs", "Vpcs.Vpc", VpcId=vpc)
    return IPv4Network(str(found["CidrBlock"]))


def _check_free(ecs: Ecs, address: str) -> None:
    found = address_of(ecs, address)
    if found is None:
        raise BuildError(f"There is no elastic IP address {address} in {ecs.region}.", hint="Look at eip_id.")
    if found.get("InstanceId"):
        message = f"The elastic IP address {address} is used by {found['InstanceId']} already."
        raise BuildError(message, hint="Take another eip_id, or none for a temporary address.")


def _one(ecs: Ecs, what: str, name: str, setting: str, action: str, path: str, **restriction: str) -> dict[str, Any]:
    rows = ecs.list(action, path, **restriction)
    if not rows:
        raise BuildError(f"There is no {what} {name} in {ecs.region}.", hint=f"Look at {setting}.")
    return rows[0]
