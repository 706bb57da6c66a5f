"""What VMware Tools tell of a guest and do in it: its address, its shutdown."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from hclimg.builders.vsphere.config import RunConfig
from hclimg.builders.vsphere.hardware import IpConfig
from hclimg.clouds.vsphere.machines import OFF, power_state
from hclimg.clouds.vsphere.site import Site
from hclimg.errors import ApiError, BuildError, ConnectionLost, TimedOut
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from hclimg.sdk.steps import step
from hclimg.units import show_duration

LOOK = 1.0  # seconds between two looks
TOOLS = "guest.toolsRunningStatus"
VERSION = "guest.toolsVersionStatus2"


@step("Waiting for the guest's address")
def wait_for_address(ctx: Context, site: Site, ref: Any, config: IpConfig) -> str:
    """The first address in the wanted network, once it has stayed the same for a while."""
    network = ip_network(config.ip_wait_address, strict=False)
    ctx.say(_awaited(site, ref, config))
    every = config.ip_wait_address == "0.0.0.0/0"
    deadline = time.monotonic() + config.ip_wait_timeout.total_seconds()
    settle = config.ip_settle_timeout.total_seconds()
    known, since, seen = "", 0.0, dict[str, None]()
    while True:
        found = site.api.get(ref, "guest.net", "guest.ipAddress", TOOLS, "runtime.powerState")
        addresses = list(_addresses(found))
        seen.update(dict.fromkeys(addresses))
        fit = [a for a in addresses if _usable(a) and (ip_address(a) in network or (every and ":" in a))]
        best = next((a for a in fit if ":" not in a), fit[0] if fit else "")
        if best != known:
            known, since = best, time.monotonic()
            if best:
                ctx.say(f"The guest has the address {best}.")
        if known and time.monotonic() - since >= settle:
            return known
        if str(found.get("runtime.powerState", "poweredOn")) == OFF:
            raise BuildError("The machine went off while its address was waited for.")
        if time.monotonic() >= deadline:
            raise _no_address(config, found, seen)
        ctx.sleep(min(LOOK, settle - (time.monotonic() - since) if known else LOOK, deadline - time.monotonic()))


def _awaited(site: Site, ref: Any, config: IpConfig) -> str:
    """What is waited for, and whether there is much hope. ``toolsVersionStatus2`` is known before the guest is up."""
    long = f"up to {show_duration(config.ip_wait_timeout)}"
    text = f"VMware Tools in the guest tell its address ({config.ip_wait_address}); it is waited for {long}."
    if str(site.api.get(ref, VERSION).get(VERSION, "")) == "guestToolsNotInstalled":
        return f"{text} The vCenter does not know of Tools in it: without open-vm-tools, set ssh_host."
    return text


def _addresses(found: dict[str, Any]) -> Iterator[str]:
    for card in found.get("guest.net", ()):
        yield from card.ipAddress or ()
    if found.get("guest.ipAddress"):
        yield str(found["guest.ipAddress"])


def _usable(address: str) -> bool:
    try:
        return not ip_address(address.partition("%")[0]).is_link_local
    except ValueError:
        return False


def _no_address(config: IpConfig, found: dict[str, Any], seen: Iterable[str]) -> TimedOut:
    state = str(found.get(TOOLS, "unknown"))
    others = ", ".join(seen)
    told = f"they told of {others} only" if others else f"they told of none (state of the Tools: {state})"
    return TimedOut(
        f"VMware Tools told of no address of the guest in {config.ip_wait_address} within "
        f"{show_duration(config.ip_wait_timeout)}: {told}.",
        hint="Install open-vm-tools in the guest and check its network, set ip_wait_address, or set ssh_host.",
    )


@step("Shutting down the machine")
def shut_down(ctx: Context, site: Site, ref: Any, config: RunConfig, communicator: Communicator) -> None:
    """Leave the machine off. Raises TimedOut when it stays on."""
    timeout = config.shutdown.shutdown_timeout
    command = ctx.render(config.shutdown.shutdown_command)
    deadline = time.monotonic() + timeout.total_seconds()
    if power_state(site.api, ref) == OFF:
        ctx.say("The machine is off already.")
        return
    if config.disable_shutdown:
        ctx.say("Waiting for the machine to go off by itself.")
        hint = "Check what shuts the guest down, or raise shutdown_timeout."
    elif command and communicator.kind != "none":
        _run_command(ctx, communicator, command, timeout)
        hint = "Check shutdown_command, or raise shutdown_timeout."
    else:
        ctx.say("VMware Tools shut the guest down.")
        _ask_tools(site, ref)
        hint = "Set shutdown_command, or raise shutdown_timeout."
    while power_state(site.api, ref) != OFF:
        if time.monotonic() >= deadline:
            raise TimedOut(f"The machine did not go off within {show_duration(timeout)}.", hint=hint)
        ctx.sleep(min(LOOK, max(0.05, deadline - time.monotonic())))


def _run_command(ctx: Context, communicator: Communicator, command: str, timeout: timedelta) -> None:
    ctx.say("Running the shutdown command.")
    try:
        communicator.run(command, on_output=ctx.output, timeout=timeout)
    except (ConnectionLost, TimedOut):
        return  # it went down before it could answer, or hangs: the wait tells which


def _ask_tools(site: Site, ref: Any) -> None:
    try:
        site.api.call("shut the guest down", ref.ShutdownGuest)
    except ApiError as error:
        if error.code != "InvalidPowerState" or power_state(site.api, ref) != OFF:
            raise
