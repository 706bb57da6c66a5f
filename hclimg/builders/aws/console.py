"""Why an instance cannot be reached: it may have ended, or its console says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hclimg.communicators.watched import Explain
from hclimg.errors import BuildError, Cancelled, ConnectionLost, HclimgError, TimedOut

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context

LINES = 20
ALIVE = ("pending", "running")
ENDED = ("shutting-down", "terminated")


def explainer(ctx: Context, ec2: Service, instance: str) -> Explain:
    """For the communicator of an instance, which EC2 or somebody else may end: spare capacity is taken away.

    One that stops may be meant to (Sysprep), so then the connection is lost and no more is said.
    """

    def explain(error: ConnectionLost | Cancelled) -> HclimgError | None:
        if isinstance(error, Cancelled) or ctx.cancel.cancelled:
            return None
        try:
            found = _instance(ec2, instance)
        except BuildError:
            return None
        if found["State"]["Name"] not in ENDED:
            return None
        return BuildError(f"Instance {instance} is {_state(found)}.")

    return explain


@contextmanager
def explained(ctx: Context, ec2: Service, instance: str) -> Iterator[None]:
    """When what is inside does not get through, say what EC2 knows of the instance."""
    try:
        yield
    except (TimedOut, ConnectionLost) as error:
        try:
            found = _instance(ec2, instance)
            _show_console(ctx, ec2, instance)
        except BuildError as unknown:
            ctx.warn(f"EC2 does not say more about it: {unknown.message}")
            raise error from None
        if found["State"]["Name"] not in ALIVE:
            raise ConnectionLost(f"Instance {instance} is {_state(found)}.", hint=error.hint) from error
        raise


def _instance(ec2: Service, instance: str) -> dict[str, Any]:
    found: dict[str, Any] = ec2.call("DescribeInstances", InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return found


def _state(found: dict[str, Any]) -> str:
    """``terminated: Server.SpotInstanceTermination: …``"""
    why = found.get("StateReason", {}).get("Message", "").rstrip(".")
    return f"{found['State']['Name']}{f': {why}' if why else ''}"


def _show_console(ctx: Context, ec2: Service, instance: str) -> None:
    text = ec2.call("GetConsoleOutput", InstanceId=instance).get("Output", "")
    for line in text.splitlines()[-LINES:]:
        ctx.output(f"console: {line}", "stderr")
