"""From a running instance to one that can be imaged."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context

PATIENCE = timedelta(minutes=30)


@step("Stopping the instance")
def stop_instance(ctx: Context, ec2: Service, instance: str, *, by_itself: bool) -> None:
    """``by_itself``: a provisioner has told the instance to stop, and it is only waited for."""
    if by_itself:
        ctx.say(f"Waiting until instance {instance} stops by itself (disable_stop_instance).")
    else:
        ec2.call("StopInstances", InstanceIds=[instance])
    ec2.wait("instance_stopped", f"instance {instance} to stop", usual=PATIENCE, InstanceIds=[instance])


@step("Setting the network features of the instance")
def set_features(_ctx: Context, ec2: Service, instance: str, *, sriov: bool, ena: bool | None) -> None:
    """An image has the features of its instance."""
    if sriov:
        ec2.call("ModifyInstanceAttribute", InstanceId=instance, SriovNetSupport={"Value": "simple"})
    if ena is not None:
        ec2.call("ModifyInstanceAttribute", InstanceId=instance, EnaSupport={"Value": ena})
