"""How the guest and the host reach each other."""

from __future__ import annotations

import re
import time
from pathlib import Path

from hclimg.builders.qemu.command import NETDEV
from hclimg.builders.qemu.config import QemuConfig
from hclimg.builders.qemu.guest import Guest
from hclimg.errors import TimedOut
from hclimg.sdk.context import Context
from hclimg.sdk.http import interface_address
from hclimg.sdk.steps import step
from hclimg.units import show_duration

HOST_IN_USER_NETWORK = "10.0.2.2"
COMPLETE = 0x2  # flag of an entry of the ARP table that has an answer
CARD = re.compile(rf"macaddr=([0-9a-fA-F:]+)[^\n]*\n \\ {re.escape(NETDEV)}:")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def host_address(config: QemuConfig, bound_to: str) -> str:
    """The address under which the guest reaches the host; ``bound_to`` is the HTTP server's own, if it has one."""
    if config.network.net_bridge:
        return interface_address(config.network.net_bridge)
    return bound_to if bound_to and bound_to not in LOOPBACK else HOST_IN_USER_NETWORK


@step("Waiting for the guest's address")
def guest_address(ctx: Context, guest: Guest, config: QemuConfig, arp: Path = Path("/proc/net/arp")) -> str:
    """The address that the guest got on the bridge, once the host has seen it there."""
    deadline = time.monotonic() + config.communicator.timeout.total_seconds()
    bridge = config.network.net_bridge
    with guest.watched(ctx) as watched:
        mac = _card(guest)
        while not (found := address_of(mac, bridge, arp.read_text())):
            if time.monotonic() > deadline:
                raise TimedOut(
                    f"The guest did not show up on the bridge {bridge} within "
                    f"{show_duration(config.communicator.timeout)}.",
                    hint="The bridge needs a DHCP server on this host. Or set ssh_host to the guest's address.",
                )
            watched.sleep(1.0)
    return found


def _card(guest: Guest) -> str:
    """The hardware address of the guest's network card. No QMP command tells it for every kind of card."""
    return card_of(guest.qmp.execute("human-monitor-command", command_line="info network"))


def card_of(listing: str) -> str:
    """Find the card in what `info network` prints: a line for each card, then a line for what it is plugged into."""
    found = CARD.search(listing)
    return found[1] if found else ""


def new_card_address() -> str:
    """A random address from the range of QEMU, whose guests all have the same one otherwise."""
    import secrets

    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in secrets.token_bytes(3))


def address_of(mac: str, device: str, table: str) -> str:
    """Look a hardware address up in the text of /proc/net/arp."""
    for line in table.splitlines()[1:]:
        address, _, flags, hardware, _, on = line.split()
        if hardware.lower() == mac.lower() and on == device and int(flags, 16) & COMPLETE:
            return address
    return ""
