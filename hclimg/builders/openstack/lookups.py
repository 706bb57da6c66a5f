"""What the template names and the cloud has: flavor, networks, security groups, key pairs. All looked up before
anything is made, so that a wrong name costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from hclimg.builders.openstack.config import NetworkConfig, OpenstackConfig
from hclimg.clouds.openstack.client import OpenStack
from hclimg.clouds.openstack.names import choose
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.steps import step


@frozen(kw_only=True)
class Found:
    """``networks`` are what nova connects the machine to; ``outside`` is the network of a new floating IP, if any."""

    flavor: str
    networks: tuple[Mapping[str, str], ...]
    outside: str


@step("Looking up flavor and networks")
def look_up(ctx: Context, cloud: OpenStack, config: OpenstackConfig) -> Found:
    """Raises BuildError that names the candidates."""
    flavors = cloud.ask("the flavors", lambda sdk: list(sdk.compute.flavors()))
    flavor = choose("flavor", config.flavor, flavors, setting="flavor")
    _check_security_groups(cloud, config.server.security_groups)
    _check_key_pair(cloud, config.communicator.ssh_keypair_name)
    network = config.network
    outside = ""
    if network.floating_network:
        outside = _outside(cloud, network)
    return Found(flavor=flavor.id, networks=_networks(ctx, cloud, network), outside=outside)


def _check_security_groups(cloud: OpenStack, wanted: tuple[str, ...]) -> None:
    if wanted:
        groups = cloud.ask(
            "the security groups", lambda sdk: list(sdk.network.security_groups(project_id=sdk.current_project_id))
        )
        for name in wanted:
            choose("security group", name, groups, setting="security_groups")


def _check_key_pair(cloud: OpenStack, name: str) -> None:
    if name:
        pairs = cloud.ask("the key pairs", lambda sdk: list(sdk.compute.keypairs()))
        choose("key pair", name, pairs, setting="ssh_keypair_name", key=lambda pair: str(pair.name))


def _outside(cloud: OpenStack, network: NetworkConfig) -> str:
    setting = "floating_ip_network" if network.floating_ip_network else "floating_ip_pool"
    networks = cloud.ask("the external networks", lambda sdk: list(sdk.network.networks(is_router_external=True)))
    return str(choose("external network", network.floating_network, networks, setting=setting).id)


def _networks(ctx: Context, cloud: OpenStack, network: NetworkConfig) -> tuple[Mapping[str, str], ...]:
    if network.networks or network.ports:
        found = _named(cloud, "network", network.networks, lambda sdk: list(sdk.network.networks()))
        ports = _named(cloud, "port", network.ports, lambda sdk: list(sdk.network.ports()))
        return (*({"uuid": key} for key in found), *({"port": key} for key in ports))
    if network.network_discovery_cidrs:
        discovered = _discovered(cloud, network.network_discovery_cidrs)
        ctx.say(f"Discovered the network {discovered.name} ({discovered.id})")
        return ({"uuid": discovered.id},)
    return ()


def _named(cloud: OpenStack, kind: str, wanted: tuple[str, ...], question: Any) -> list[str]:
    if not wanted:
        return []
    things = cloud.ask(f"the {kind}s", question)
    return [str(choose(kind, name, things, setting=f"{kind}s").id) for name in wanted]


def _discovered(cloud: OpenStack, ranges: tuple[str, ...]) -> Any:
    """The first network with a subnet inside one of the ranges, ranges in their order."""
    subnets = cloud.ask("the subnets", lambda sdk: list(sdk.network.subnets()))
    networks = {network.id: network for network in cloud.ask("the networks", lambda sdk: list(sdk.network.networks()))}
    for text in ranges:
        for subnet in subnets:
            if subnet.network_id in networks and _inside(subnet.cidr, text):
                return networks[subnet.network_id]
    known = ", ".join(f"{subnet.cidr} ({networks[subnet.network_id].name})" for subnet in subnets[:10]
                      if subnet.network_id in networks)  # fmt: skip
    raise BuildError(
        f"No network has a subnet in {' or '.join(ranges)}.", hint=f"There are {known}." if known else ""
    )


def _inside(narrow: str, wide: str) -> bool:
    from ipaddress import ip_network

    inner, outer = ip_network(narrow), ip_network(wide, strict=False)
    return (
        inner.version == outer.version
        and int(inner.network_address) >= int(outer.network_address)
        and int(inner.broadcast_address) <= int(outer.broadcast_address)
    )
