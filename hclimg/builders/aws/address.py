"""Where an instance is reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hclimg.errors import TimedOut
from hclimg.sdk.retry import wait_until
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context

FIELDS = {
    "public_ip": "PublicIpAddress",
    "private_ip": "PrivateIpAddress",
    "public_dns": "PublicDnsName",
    "private_dns": "PrivateDnsName",
    "ipv6": "Ipv6Address",
}
PATIENCE = 120.0
"""Seconds until an instance that runs has its addresses."""


def address_of(instance: Mapping[str, Any], interface: str) -> str:
    """The address of a kind, or the public one if there is one, else the private; empty when it has none (yet)."""
    if interface:
        return _field(instance, interface)
    return _field(instance, "public_ip") or _field(instance, "private_ip")


def _field(instance: Mapping[str, Any], interface: str) -> str:
    name = FIELDS[interface]
    if interface == "ipv6" and not instance.get(name):
        cards = instance.get("NetworkInterfaces", ())
        return next((str(one["Ipv6Address"]) for card in cards for one in card.get("Ipv6Addresses", ())), "")
    return str(instance.get(name) or "")


@step("Finding the address of the instance")
def address(ctx: Context, ec2: Service, instance: Mapping[str, Any], interface: str) -> str:
    """Where to connect to. Raises TimedOut when the instance has no such address."""
    known = address_of(instance, interface)
    name = str(instance["InstanceId"])

    def look() -> str | None:
        answer = ec2.call("DescribeInstances", InstanceIds=[name])
        return address_of(answer["Reservations"][0]["Instances"][0], interface) or None

    what = f"an address of instance {name}"
    hint = f'It has none of the kind "{interface or "public_ip"}": look at ssh_interface, the subnet and '
    try:
        return known or wait_until(look, what=what, timeout=PATIENCE, interval=2.0, cancel=ctx.cancel)
    except TimedOut as error:
        raise TimedOut(error.message, hint=f"{hint}associate_public_ip_address.") from error
