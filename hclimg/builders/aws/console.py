"""Why an instance cannot be reached: it may have ended, or its console says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hclimg.errors import BuildError, ConnectionLost, TimedOut

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context

LINES = 20


@contextmanager
def explained(ctx: Context, ec2: Service, instance: str) -> Iterator[None]:
    """When what is inside does not get through, say what EC2 knows of the instance."""
    try:
        yield
    except (TimedOut, ConnectionLost) as error:
        try:
            found = ec2.call("DescribeInstances", InstanceIds=[instance])["Reservations"][0]["Instances"][0]
            _show_console(ctx, ec2, instance)
        except BuildError as unknown:
            ctx.warn(f"EC2 does not say more about it: {unknown.message}")
            raise error from None
        if found["State"]["Name"] not in ("pending", "running"):
            raise ConnectionLost(f"Instance {instance} is {_state(found)}.", hint=error.hint) from error
        raise


def _state(found: dict[str, Any]) -> str:
    """``terminated: Server.SpotInstanceTermination: …``"""
    why = found.get("StateReason", {}).get("Message", "").rstrip(".")
    return f"{found['State']['Name']}{f': {why}' if why else ''}"


def _show_console(ctx: Context, ec2: Service, instance: str) -> None:
    text = ec2.call("GetConsoleOutput", InstanceId=instance).get("Output", "")
    for line in text.splitlines()[-LINES:]:
        ctx.output(f"console: {line}", "stderr")
