"""What the template names and the cloud has: flavor, networks, security groups, key pairs. All looked up before
anything is made, so that a wrong name costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from hclimg.builders.openstack.config import NetworkConfig, OpenstackConfig
from hclimg.clouds.openstack.client import OpenStack
from hclimg.clouds.openstack.names import choose
from hclimg.diagnostics import one_of
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.steps import step


@frozen(kw_only=True)
class Found:
    """``networks`` are what nova connects the machine to; ``outside`` is the network of a new floating IP, if any, and
    ``address`` the floating IP that the template names, if any.
    """

    flavor: str
    networks: tuple[Mapping[str, str], ...]
    outside: str
    address: Any


@step("Looking up flavor and networks")
def look_up(ctx: Context, cloud: OpenStack, config: OpenstackConfig) -> Found:
    """Raises BuildError that names the candidates."""
    flavors = cloud.ask("the flavors", lambda sdk: list(sdk.compute.flavors()))
    flavor = choose("flavor", config.flavor, flavors, setting="flavor")
    _check_security_groups(cloud, config.server.security_groups)
    _check_key_pair(cloud, config.communicator.ssh_keypair_name)
    _check_zone(cloud, config.server.availability_zone)
    if config.volume.use_blockstorage_volume:
        _check_volume_type(cloud, config.volume.volume_type)
    network = config.network
    outside = _outside(cloud, network) if network.floating_network else ""
    address = _named_address(cloud, network.floating_ip) if network.floating_ip else None
    if network.reuse_ips and not outside and free_address(cloud, outside) is None:
        hint = "Set floating_ip_network to have one made."
        raise BuildError("reuse_ips is set, but the project has no floating IP that is free.", hint=hint)
    return Found(flavor=flavor.id, networks=_networks(ctx, cloud, network), outside=outside, address=address)


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


def _check_zone(cloud: OpenStack, wanted: str) -> None:
    """An administrator may also name a host of the zone."""
    name = wanted.partition(":")[0]
    if not name:
        return
    zones = cloud.ask("the availability zones", lambda sdk: [it.name for it in sdk.compute.availability_zones()])
    if name not in zones:
        hint = one_of(name, zones, "There are").strip()
        raise BuildError(f'There is no availability zone "{name}".', hint=hint)


def _check_volume_type(cloud: OpenStack, wanted: str) -> None:
    if wanted:
        types = cloud.ask("the volume types", lambda sdk: list(sdk.block_storage.types()))
        choose("volume type", wanted, types, setting="volume_type")


def _named_address(cloud: OpenStack, wanted: str) -> Any:
    """A floating IP of the project by its address or id, which nothing may use."""
    addresses = cloud.ask("the floating IPs", lambda sdk: list(sdk.network.ips()))
    found = next((it for it in addresses if wanted in (it.floating_ip_address, it.id)), None)
    if found is None:
        known = ", ".join(sorted(it.floating_ip_address for it in addresses))
        hint = f"It has {known}." if known else "It has none; floating_ip_network has one made."
        raise BuildError(f'The project has no floating IP "{wanted}".', hint=hint)
    if found.port_id:
        raise BuildError(f"The floating IP {wanted} is in use: it leads to port {found.port_id}.")
    return found


def free_address(cloud: OpenStack, outside: str) -> Any:
    """A floating IP that nothing uses, of this network if one is given; None when there is none."""
    addresses = cloud.ask("the floating IPs", lambda sdk: list(sdk.network.ips()))
    free = [it for it in addresses if not it.port_id and (not outside or it.floating_network_id == outside)]
    return free[0] if free else None


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


def _named(
    cloud: OpenStack, kind: str, wanted: tuple[str, ...], question: Callable[[Any], list[Any]]
) -> list[str]:
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
