"""A port of this host that leads to the instance through AWS Systems Manager's Session Manager."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from hclimg.builders.aws.settings.run import ConnectionConfig
from hclimg.builders.aws.site import Site
from hclimg.clouds.aws.making import once_known
from hclimg.errors import ApiError, MissingProgram
from hclimg.sdk.ports import reserved_port
from hclimg.sdk.process import find_program, running_program
from hclimg.sdk.steps import step
from hclimg.units import show_duration

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context

PLUGIN = "session-manager-plugin"
DOCUMENT = "AWS-StartPortForwardingSession"
RESPONSE = "AWS_SSM_START_SESSION_RESPONSE"
"""The environment variable in which the plugin looks for the session, which has a secret, when it is given its name."""
PORTS = 8000, 9000


def find_plugin() -> str:
    """Raises MissingProgram."""
    try:
        return find_program(PLUGIN)
    except MissingProgram as error:
        hint = (
            "Install AWS's Session Manager plugin (version 1.2.497 or later): "
            "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html"
        )
        raise MissingProgram(error.message, hint=hint) from error


def session_tunnel(
    ctx: Context, site: Site, instance: str, config: ConnectionConfig, port: int, patience: timedelta
) -> int:
    """The port of 127.0.0.1 that leads to the port of the instance, for as long as the scope is open."""
    plugin = find_plugin()
    pause = config.pause_before_ssm
    if pause > timedelta():
        ctx.say(f"Waiting {show_duration(pause)} before the session.")
        ctx.sleep(pause.total_seconds())
    local = config.session_manager_port or reserved_port(ctx, *PORTS, what="the session")
    ssm = site.aws.service("ssm")
    wanted = {"portNumber": [str(port)], "localPortNumber": [str(local)]}
    session = started_session(ctx, ssm, instance, wanted, patience)
    asked = json.dumps({"Target": instance, "DocumentName": DOCUMENT, "Parameters": wanted})
    profile = site.aws.identity.get("profile", "")
    argv = [plugin, RESPONSE, ssm.region, "StartSession", profile, asked, session.endpoint]
    log = ctx.run.directory / f"session-{instance}.log"
    running_program(ctx, argv, name=PLUGIN, log=log, env={RESPONSE: session.response})
    ctx.say(f"Port {local} of this host leads to port {port} of {instance}.")
    return local


@frozen
class Session:
    """``response`` is what the plugin needs, with a secret in it."""

    response: str
    endpoint: str


@step("Starting the session", undo="Ending the session")
def started_session(
    ctx: Context, ssm: Service, instance: str, wanted: dict[str, list[str]], patience: timedelta
) -> Iterator[Session]:
    """A session that is left ends when its plugin does. The agent of a new instance takes a minute to come."""
    answer = once_known(
        ctx, lambda: ssm.call("StartSession", Target=instance, DocumentName=DOCUMENT, Parameters=wanted),
        "TargetNotConnected", timeout=patience.total_seconds(),
    )  # fmt: skip
    ctx.redact.add(answer["TokenValue"])
    told = {name: answer[name] for name in ("SessionId", "TokenValue", "StreamUrl")}
    yield Session(json.dumps(told), ssm.endpoint)
    try:
        ssm.call("TerminateSession", SessionId=answer["SessionId"])
    except ApiError as error:
        if error.code != "DoesNotExistException":
            raise
