"""The instance: created, started, stopped."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

from hclimg.builders.alicloud.config import LARGEST_USER_DATA, AlicloudEcsConfig
from hclimg.builders.alicloud.network import Network
from hclimg.clouds.alicloud.ecs import Ecs
from hclimg.clouds.alicloud.making import make
from hclimg.clouds.alicloud.removal import instance_of, marked
from hclimg.errors import ApiError, BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.mark import run_name
from hclimg.sdk.steps import step
from hclimg.units import Secret

READY = 1800.0  # seconds


@step("Creating the instance", undo="Deleting the instance")
def temporary_instance(
    ctx: Context,
    ecs: Ecs,
    config: AlicloudEcsConfig,
    *,
    image: str,
    network: Network,
    group: str,
    password: Secret | None = None,
) -> Iterator[str]:
    name = config.instance_name or run_name(ctx.run.id)
    wanted = {
        **request(config, image=image, network=network, group=group, password=password),
        "InstanceName": name, "Tag": marked(ctx.run.id, ctx.lane, config.run_tags),
    }  # fmt: skip
    create = ecs.maker("CreateInstance", **wanted)
    made = make(ctx, ecs, "instance", "InstanceId", create, name=name)
    ctx.say(f"The instance is {made.id}.")
    yield made.id
    if config.disks.staying:
        ctx.warn(f"{config.disks.staying} data disks stay, because of disk_delete_with_instance = false. They cost.")
    made.remove()


def request(
    config: AlicloudEcsConfig, *, image: str, network: Network, group: str, password: Secret | None
) -> dict[str, Any]:
    """What CreateInstance is asked for, without names and marks."""
    wanted = config.network
    classic = {
        "InternetChargeType": wanted.internet_charge_type or "PayByTraffic",
        "InternetMaxBandwidthOut": wanted.internet_max_bandwidth_out or 5,
    }
    return {
        "ImageId": image,
        "InstanceType": config.instance_type,
        "SecurityGroupId": group,
        "VSwitchId": network.vswitch,
        "ZoneId": network.zone,
        "Description": config.description,
        "RamRoleName": config.ecs_ram_role_name,
        "SecurityEnhancementStrategy": config.security_enhancement_strategy,
        "IoOptimized": {None: None, True: "optimized", False: "none"}[config.io_optimized],
        "UserData": user_data(config),
        "Password": password.reveal() if password else None,
        "SystemDisk": config.disks.system_disk_mapping.request,
        "DataDisk": [disk.data_request for disk in config.disks.image_disk_mappings],
        **({} if network.vswitch else classic),
    }


def user_data(config: AlicloudEcsConfig) -> str:
    """Encoded as the API wants it. Raises BuildError when the file cannot be read or is too large."""
    data = config.user_data.encode()
    if config.user_data_file:
        try:
            data = config.user_data_file.expanduser().read_bytes()
        except OSError as error:
            raise BuildError(f"user_data_file {config.user_data_file} cannot be read: {error.strerror}.") from error
    if len(data) > LARGEST_USER_DATA:
        raise BuildError(f"User data has at most {LARGEST_USER_DATA // 1024} KiB, but this is {len(data)} bytes.")
    return base64.b64encode(data).decode()


def wait_for_status(ecs: Ecs, instance: str, status: str) -> dict[str, Any]:
    """What the API says of the instance when it has the status."""

    def ready() -> dict[str, Any] | None:
        found = instance_of(ecs, instance)
        return found if found and found.get("Status") == status else None

    hint = "With disable_stop_instance = true, the last provisioner has to shut it down." if status == "Stopped" else ""
    return ecs.until(f"the instance {instance} to be {status}", ready, timeout=READY, hint=hint)


@step("Starting the instance")
def start(ctx: Context, ecs: Ecs, instance: str) -> dict[str, Any]:  # noqa: ARG001
    """What the API says of the running instance."""
    _change(ecs, instance, ("Starting", "Running"), lambda: ecs.call("StartInstance", InstanceId=instance))
    return wait_for_status(ecs, instance, "Running")


@step("Stopping the instance")
def stop(ctx: Context, ecs: Ecs, instance: str, *, force: bool) -> None:  # noqa: ARG001
    _change(
        ecs, instance, ("Stopping", "Stopped"), lambda: ecs.call("StopInstance", InstanceId=instance, ForceStop=force)
    )
    wait_for_status(ecs, instance, "Stopped")


@step("Waiting for the instance to stop")
def await_stop(ctx: Context, ecs: Ecs, instance: str) -> None:  # noqa: ARG001
    wait_for_status(ecs, instance, "Stopped")


def _change(ecs: Ecs, instance: str, done: tuple[str, ...], ask: Callable[[], object]) -> None:
    """A request whose answer was lost is refused the second time, because it has been carried out already."""

    def attempt() -> None:
        try:
            ask()
        except ApiError as error:
            found = instance_of(ecs, instance) if error.code.startswith("IncorrectInstanceStatus") else None
            if found is None or found.get("Status") not in done:
                raise

    ecs.once_free(lambda: ecs.once_known(attempt), "IncorrectInstanceStatus")
