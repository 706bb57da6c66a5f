"""From the settings to a machine that one can log in to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from hclimg.builders.openstack import server as steps
from hclimg.builders.openstack.config import OpenstackConfig
from hclimg.builders.openstack.lookups import Found, free_address, look_up
from hclimg.builders.openstack.password import windows_password
from hclimg.builders.openstack.source import SourceImage, external_image, wait_for_external
from hclimg.clouds.openstack.client import OpenStack, connect
from hclimg.communicators.connect import connect as connect_machine
from hclimg.communicators.facts import machine_facts
from hclimg.communicators.loading import load_ahead
from hclimg.diagnostics import one_of
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine
from hclimg.sdk.mark import run_name
from hclimg.sdk.ssh_keys import KeyPair, temporary_key_pair


@frozen(kw_only=True)
class Running:
    """What the capture needs to know of the launch; ``volume`` and ``public_key`` may be empty."""

    cloud: OpenStack
    server: str
    volume: str
    public_key: str


def launch(ctx: Context, config: OpenstackConfig, source: SourceImage | None) -> Machine:
    load_ahead(config.communicator.communicator)
    cloud = connect(ctx, config.access)
    found = look_up(ctx, cloud, config)
    pair = _key_pair(ctx, config)
    key = steps.registered_key(ctx, cloud, pair) if pair else config.communicator.ssh_keypair_name
    image = source or _external(ctx, cloud, config)
    disk = _disk(ctx, cloud, config, image)
    server = steps.server(ctx, cloud, config, image, found, key, disk)
    running = steps.wait_for_server(ctx, cloud, server)
    floating = _floating(ctx, cloud, config, found, server)
    host = _host(ctx, config, running, floating)
    port = config.communicator.port
    password = windows_password(ctx, cloud, config.communicator, server, pair)
    private = pair.private if pair else None
    communicator = connect_machine(
        ctx, config.communicator, host=host, port=port, private_key=private, password=password
    )
    return Machine(
        id=server,
        communicator=communicator,
        facts=machine_facts(
            ctx, config.communicator, machine_id=server, host=host, port=port, key=pair, password=password
        ),
        handle=Running(cloud=cloud, server=server, volume=disk, public_key=pair.public if pair else ""),
    )


def _key_pair(ctx: Context, config: OpenstackConfig) -> KeyPair | None:
    """A key for this build, unless the user has another way in."""
    how = config.communicator
    own = how.ssh_keypair_name or how.ssh_private_key_file or how.ssh_password
    if how.communicator == "none" or (own and not how.temporary_key_pair_name):
        return None
    kind = "rsa" if how.communicator == "winrm" else how.temporary_key_pair_type
    name = how.temporary_key_pair_name or run_name(ctx.run.id)
    return temporary_key_pair(ctx, name=name, key_type=kind, bits=how.temporary_key_pair_bits)


def _external(ctx: Context, cloud: OpenStack, config: OpenstackConfig) -> SourceImage:
    image = external_image(ctx, cloud, config.source)
    return wait_for_external(ctx, cloud, image, config.source.external_source_image_url)


def _disk(ctx: Context, cloud: OpenStack, config: OpenstackConfig, image: SourceImage) -> str:
    if not config.volume.use_blockstorage_volume:
        return ""
    disk = steps.volume(ctx, cloud, config, image)
    steps.wait_for_volume(ctx, cloud, disk)
    return disk


def _floating(ctx: Context, cloud: OpenStack, config: OpenstackConfig, found: Found, server: str) -> str:
    """The floating IP that leads to the machine; empty without one."""
    network = config.network
    if not network.floating:
        return ""
    address = found.address or (free_address(cloud, found.outside) if network.reuse_ips else None)
    if address is None and not found.outside:
        raise BuildError("The floating IP that was free is in use now.", hint="Set floating_ip_network.")
    if address is None:
        address = steps.new_address(ctx, cloud, found.outside)
    steps.floating_ip(ctx, cloud, address, steps.port_of(cloud, server, network.instance_floating_ip_net))
    return str(address.floating_ip_address)


def _host(ctx: Context, config: OpenstackConfig, running: Any, floating: str) -> str:
    """Where the machine is reached. Raises BuildError when it has no address."""
    how, network = config.communicator, config.network
    addresses: Mapping[str, Any] = running.addresses or {}
    if how.host or how.communicator == "none":
        return how.host
    found = ""
    if network.ssh_interface:
        found = first_address({network.ssh_interface: addresses.get(network.ssh_interface, ())}, network.ssh_ip_version)
        if not found and floating:
            ctx.warn(f'The machine has no address on "{network.ssh_interface}"; its floating IP is used.')
    found = found or floating or running.access_ipv4 or ""
    if not found and not network.ssh_interface:
        found = first_address(addresses, network.ssh_ip_version)
    if found:
        return str(found)
    version = f" IPv{network.ssh_ip_version}" if network.ssh_ip_version else ""
    where = f' on "{network.ssh_interface}"' if network.ssh_interface else ""
    hint = "Look at networks, or set ssh_host."
    if where:
        hint = one_of(network.ssh_interface, addresses, "It is on").strip()
    raise BuildError(f"The machine has no{version} address{where}.", hint=hint)


def first_address(addresses: Mapping[str, Any], version: str) -> str:
    """The first one of this version, of any with an empty one; a floating one first. Networks in their order."""
    listed = [it for found in addresses.values() for it in found]
    fitting = [it for it in listed if not version or str(it["version"]) == version]
    floating = [it for it in fitting if it.get("OS-EXT-IPS:type") == "floating"]
    return str((floating or fitting)[0]["addr"]) if fitting else ""
