"""How the guest and the host reach each other."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hclimg.builders.qemu.command import NETDEV
from hclimg.builders.qemu.config import QemuConfig
from hclimg.builders.qemu.guest import Guest
from hclimg.errors import TimedOut
from hclimg.sdk.context import Context
from hclimg.sdk.http import interface_address
from hclimg.sdk.steps import step
from hclimg.units import show_duration

HOST_IN_USER_NETWORK = "10.0.2.2"
CARD_POLL = 5.0  # seconds between two looks at the guest's network card, should QEMU not tell of a change
CARD_PATIENCE = 120.0  # seconds after which a driver that tells nothing is not waited for any longer
COMPLETE = 0x2  # flag of an entry of the ARP table that has an answer
CARD = re.compile(rf"macaddr=([0-9a-fA-F:]+)[^\n]*\n \\ {re.escape(NETDEV)}:")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def host_address(config: QemuConfig, bound_to: str) -> str:
    """The address under which the guest reaches the host; ``bound_to`` is the HTTP server's own, if it has one."""
    if config.network.net_bridge:
        return interface_address(config.network.net_bridge)
    return bound_to if bound_to and bound_to not in LOOPBACK else HOST_IN_USER_NETWORK


@step("Waiting for the guest's network")
def wait_for_card(ctx: Context, guest: Guest, patience: float = CARD_PATIENCE) -> None:
    """Return when the guest's system has set up its network card, or when that cannot be seen.

    QEMU's user network accepts connections at once and keeps them for the guest, even those that were given up. A
    server that finally listens would have to serve them all before ours; so none is made before somebody can answer.
    """
    deadline = time.monotonic() + patience
    with guest.watched(ctx), guest.token.closing(guest.card_changed.set):
        while card_is_idle(guest.qmp.execute("query-rx-filter")) and (left := deadline - time.monotonic()) > 0:
            guest.card_changed.wait(min(CARD_POLL, left))
            guest.card_changed.clear()
            guest.token.check()


def card_is_idle(cards: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a card takes every packet, as it does until a driver says which it wants. Only virtio cards tell."""
    return bool(cards) and all(card["promiscuous"] for card in cards)


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
