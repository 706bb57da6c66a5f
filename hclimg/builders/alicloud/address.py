"""Where the instance is reached: an elastic address, a public one, or its private one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from hclimg.builders.alicloud.config import AlicloudEcsConfig
from hclimg.builders.alicloud.network import Network
from hclimg.clouds.alicloud.ecs import Ecs, dig
from hclimg.clouds.alicloud.making import make
from hclimg.clouds.alicloud.removal import address_of, allocate, instance_of
from hclimg.errors import ApiError, BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.steps import step

READY = 180.0  # seconds


def public_address(ctx: Context, ecs: Ecs, config: AlicloudEcsConfig, network: Network, instance: str) -> str:
    """The instance gets a public address, unless the settings say no; empty then."""
    wanted = config.network
    if not network.vpc:
        return "" if wanted.ssh_private_ip else allocate_public(ctx, ecs, instance)
    if not wanted.wants_address:
        return ""
    address = wanted.eip_id or elastic_address(
        ctx, ecs, charge=wanted.internet_charge_type, bandwidth=wanted.internet_max_bandwidth_out
    )
    _wait(ecs, address, "Available")
    associate(ctx, ecs, address, instance)
    return str(_wait(ecs, address, "InUse")["IpAddress"])


@step("Allocating an elastic IP address", undo="Releasing the elastic IP address")
def elastic_address(ctx: Context, ecs: Ecs, *, charge: str, bandwidth: int) -> Iterator[str]:
    wanted = {"token": str(uuid.uuid4()), "charge": charge, "bandwidth": str(bandwidth or "")}
    made = make(ctx, ecs, "address", "AllocationId", lambda: allocate(ecs, wanted), **wanted)
    ctx.say(f"The address of the instance is {made.answer['EipAddress']}.")
    yield made.id
    made.remove()


@step("Associating the elastic IP address", undo="Dissociating the elastic IP address")
def associate(ctx: Context, ecs: Ecs, address: str, instance: str) -> Iterator[None]:
    def ask() -> dict[str, str]:
        try:
            ecs.call("AssociateEipAddress", AllocationId=address, InstanceId=instance)
        except ApiError:
            # An answer may have been lost: then the address belongs to the instance already.
            found = address_of(ecs, address)
            if found is None or found.get("InstanceId") != instance:
                raise
        return {"AllocationId": address}

    made = make(
        ctx, ecs, "association", "AllocationId",
        lambda: ecs.once_free(lambda: ecs.once_known(ask), "IncorrectInstanceStatus", "IncorrectEipStatus"),
        address=address, instance=instance,
    )  # fmt: skip
    yield None
    made.remove()


@step("Allocating a public IP address")
def allocate_public(ctx: Context, ecs: Ecs, instance: str) -> str:  # noqa: ARG001
    """In the classic network. It goes with the instance."""
    try:
        answer = ecs.once_free(
            lambda: ecs.once_known(lambda: ecs.call("AllocatePublicIpAddress", InstanceId=instance)),
            "IncorrectInstanceStatus",
        )
        return str(answer["IpAddress"])
    except ApiError as error:
        if not error.code.startswith("AllocatedAlready"):
            raise
    return _first(instance_of(ecs, instance), "PublicIpAddress.IpAddress")


def private_address(ecs: Ecs, instance: str) -> str:
    """Raises BuildError when it has none."""
    found = instance_of(ecs, instance)
    return _first(found, "VpcAttributes.PrivateIpAddress.IpAddress", "InnerIpAddress.IpAddress")


def _first(instance: dict[str, Any] | None, *paths: str) -> str:
    addresses = [address for path in paths for address in dig(instance, path) or []]
    if not addresses:
        raise BuildError("The instance has no address.", hint="Set associate_public_ip_address or ssh_private_ip.")
    return str(addresses[0])


def _wait(ecs: Ecs, address: str, status: str) -> dict[str, Any]:
    def ready() -> dict[str, Any] | None:
        found = address_of(ecs, address)
        return found if found and found.get("Status") == status else None

    return ecs.until(f"the elastic IP address {address} to be {status}", ready, timeout=READY)
