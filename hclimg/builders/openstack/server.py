"""The machine and what it needs: key pair, volume, server, floating IP. Each step makes one thing and removes it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from hclimg.builders.openstack.config import OpenstackConfig
from hclimg.builders.openstack.lookups import Found
from hclimg.builders.openstack.source import SourceImage
from hclimg.clouds.openstack import things
from hclimg.clouds.openstack.client import OpenStack, id_of
from hclimg.clouds.openstack.making import make_recorded
from hclimg.clouds.openstack.names import choose
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.mark import RUN_TAG, run_name
from hclimg.sdk.ssh_keys import KeyPair
from hclimg.sdk.steps import step

PATIENCE = timedelta(minutes=30)
COPY_PATIENCE = timedelta(hours=12)
NO_HOST_HINT = "Try another flavor or availability_zone; the cloud's administrators can tell where there is room."


@step("Handing the public key to the cloud", undo="Deleting key pair")
def registered_key(ctx: Context, cloud: OpenStack, pair: KeyPair) -> Iterator[str]:
    """The name of the key pair."""
    _, record = make_recorded(
        ctx, cloud, "key-pair", f"key pair {pair.name}",
        lambda sdk: sdk.compute.create_keypair(name=pair.name, public_key=pair.public), lambda _: pair.name,
        name=pair.name, fingerprint=things.fingerprint(pair.public),
    )  # fmt: skip
    yield pair.name
    things.delete_key_pair(cloud, pair.name)
    record.gone()


@step("Creating volume", undo="Deleting volume")
def volume(ctx: Context, cloud: OpenStack, config: OpenstackConfig, image: SourceImage) -> Iterator[str]:
    """Its id. It is not ready yet."""
    wanted = config.volume
    name = wanted.volume_name or run_name(ctx.run.id)
    given = {
        "name": name,
        "size": wanted.volume_size or image.disk,
        "image_id": image.id,
        "volume_type": wanted.volume_type,
        "availability_zone": wanted.volume_availability_zone or config.server.availability_zone,
        "metadata": {RUN_TAG: ctx.run.id},
    }
    settings = {key: value for key, value in given.items() if value}
    made, record = make_recorded(
        ctx, cloud, "volume", "the volume", lambda sdk: sdk.block_storage.create_volume(**settings), id_of, name=name
    )
    yield id_of(made)
    things.delete_volume(cloud, id_of(made))
    record.gone()


@step("Waiting for the volume")
def wait_for_volume(_ctx: Context, cloud: OpenStack, key: str) -> None:
    def ready() -> bool | None:
        found = cloud.ask("the volume", lambda sdk: sdk.block_storage.get_volume(key))
        if found.status.startswith("error"):
            hint = "Look at volume_size and volume_type; the source image must fit on the volume."
            raise BuildError(f"The volume {key} could not be made: its state is {found.status}.", hint=hint)
        return True if found.status == "available" else None

    cloud.wait(f"volume {key}", ready, COPY_PATIENCE)


@step("Creating server", undo="Deleting server")
def server(
    ctx: Context, cloud: OpenStack, config: OpenstackConfig, image: SourceImage, found: Found, key: str, disk: str
) -> Iterator[str]:
    """Its id. ``key`` names a key pair, ``disk`` is the id of its volume; each may be empty. It does not run yet."""
    settings = _server_settings(ctx, config, image, found, key, disk)
    made, record = make_recorded(
        ctx, cloud, "server", "the server", lambda sdk: sdk.compute.create_server(**settings), id_of,
        name=config.machine_name,
    )  # fmt: skip
    ctx.say(f"Server {made.id} is being made")
    yield id_of(made)
    things.delete_server(cloud, id_of(made), force=config.server.force_delete)
    record.gone()


def _server_settings(
    ctx: Context, config: OpenstackConfig, image: SourceImage, found: Found, key: str, disk: str
) -> dict[str, Any]:
    wanted = config.server
    given: dict[str, Any] = {
        "name": config.machine_name,
        "flavor_id": found.flavor,
        "image_id": "" if disk else image.id,
        "networks": list(found.networks),
        "key_name": key,
        "availability_zone": wanted.availability_zone,
        "security_groups": [{"name": name} for name in wanted.security_groups],
        "user_data": _user_data(wanted.user_data, wanted.user_data_file),
        "has_config_drive": wanted.config_drive,
        "metadata": {**wanted.instance_metadata, RUN_TAG: ctx.run.id},
    }
    if disk:
        given["block_device_mapping"] = [{
            "boot_index": 0, "uuid": disk, "source_type": "volume", "destination_type": "volume",
            "delete_on_termination": False,
        }]  # fmt: skip
    return {name: value for name, value in given.items() if value}


def _user_data(text: str, file: str) -> str:
    if file:
        try:
            content = Path(file).expanduser().read_bytes()
        except OSError as error:
            raise BuildError(f'Cannot read user_data_file "{file}": {error.strerror}.') from error
    else:
        content = text.encode()
    return b64encode(content).decode()


@step("Waiting for the server to run")
def wait_for_server(_ctx: Context, cloud: OpenStack, key: str) -> Any:
    """The running server. Raises BuildError with nova's reason when it cannot run."""

    def running() -> Any:
        found = cloud.ask("the server", lambda sdk: sdk.compute.get_server(key))
        if found.status == "ERROR":
            fault = found.fault or {}
            said = str(fault.get("message", "nova does not say why")).rstrip(".")
            hint = NO_HOST_HINT if "No valid host" in said else ""
            raise BuildError(f"The server {key} cannot run: {said}.", hint=hint)
        return found if found.status == "ACTIVE" else None

    return cloud.wait(f"server {key} to run", running, PATIENCE)


@step("Attaching floating IP", undo="Detaching floating IP")
def floating_ip(ctx: Context, cloud: OpenStack, address: Any, port: str) -> Iterator[None]:
    """Lead an address to a port of the server."""
    cloud.make("the floating IP", lambda sdk: sdk.network.update_ip(address.id, port_id=port))
    ctx.say(f"The floating IP {address.floating_ip_address} leads to the machine")
    yield
    cloud.remove("the floating IP", lambda sdk: sdk.network.update_ip(address.id, port_id=None))


@step("Allocating floating IP", undo="Releasing floating IP")
def new_address(ctx: Context, cloud: OpenStack, network: str) -> Iterator[Any]:
    mark = things.run_mark(ctx.run.id)
    made, record = make_recorded(
        ctx, cloud, "floating-ip", "a floating IP",
        lambda sdk: sdk.network.create_ip(floating_network_id=network, description=mark), id_of, name=mark,
    )  # fmt: skip
    yield made
    things.delete_floating_ip(cloud, id_of(made))
    record.gone()


def port_of(cloud: OpenStack, key: str, network: str) -> str:
    """The port of the server that a floating IP leads to: on the network of this id or name, or else its first."""
    ports = cloud.ask("the server's ports", lambda sdk: list(sdk.network.ports(device_id=key)))
    if not ports:
        raise BuildError(f"The server {key} is connected to no network, so no floating IP can lead to it.")
    if not network:
        return str(ports[0].id)
    known = {port.network_id for port in ports}
    networks = cloud.ask("the networks", lambda sdk: [it for it in sdk.network.networks() if it.id in known])
    chosen = choose("network of the server", network, networks, setting="instance_floating_ip_net")
    return next(str(port.id) for port in ports if port.network_id == chosen.id)
