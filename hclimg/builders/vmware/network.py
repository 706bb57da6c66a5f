"""Where the guest is, and where the guest finds this host: VMware's virtual networks as its own files describe them."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from pathlib import Path

from hclimg.errors import BuildError
from hclimg.sdk.vmx import Vmx

SETTINGS = ("/etc/vmware/networking", "/Library/Preferences/VMware Fusion/networking")
LEASES = (
    "/etc/vmware/{vnet}/dhcpd/dhcpd.leases", "/var/db/vmware/vmnet-dhcpd-{vnet}.leases",
)  # fmt: skip
VNETS = {"nat": "vmnet8", "hostonly": "vmnet1", "bridged": "vmnet0"}
DOCUMENTATION = ("192.0.2.1", 9)  # an address that nobody has: nothing is sent to learn from where one would send

_LEASE = re.compile(r"lease\s+(\S+)\s*\{(.*?)\}", re.DOTALL)
_HARDWARE = re.compile(r"hardware\s+ethernet\s+([0-9a-fA-F:]+)\s*;")


def vnet_of(vmx: Vmx) -> str:
    """The virtual network of the first card, such as ``vmnet8``."""
    return vmx.get("ethernet0.vnet") or VNETS.get(vmx.get("ethernet0.connectionType", "nat"), "")


def host_address(vnet: str, settings: Iterable[str] = SETTINGS) -> str:
    """This host's address in a virtual network; in one that is bridged, the address that leads out."""
    if vnet == "vmnet0":
        return _outward()
    key = f"VNET_{vnet.removeprefix('vmnet')}_HOSTONLY_SUBNET"
    for path in map(Path, settings):
        if path.is_file() and (found := re.search(rf"answer\s+{key}\s+(\S+)", path.read_text("utf-8", "replace"))):
            return str(ipaddress.ip_address(found[1]) + 1)  # VMware gives itself the first address
    hint = "Set http_bind_address to the address of this host that the guest can reach."
    raise BuildError(f"This host's address in the virtual network {vnet} is not known.", hint=hint)


def _outward() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(DOCUMENTATION)
        except OSError as error:
            hint = "Set http_bind_address to the address of this host that the guest can reach."
            raise BuildError(f"This host has no address that leads out: {error.strerror}.", hint=hint) from error
        return str(probe.getsockname()[0])


def leased_address(vnet: str, mac: str, leases: Iterable[str] = LEASES) -> str:
    """The address that VMware's DHCP server gave to a card last; empty when it gave none."""
    found = ""
    for place in leases:
        path = Path(place.format(vnet=vnet))
        if not mac or not path.is_file():
            continue
        for address, body in _LEASE.findall(path.read_text("utf-8", "replace")):
            card = _HARDWARE.search(body)
            if card and card[1].lower() == mac.lower():
                found = address
    return found


def card_address(vmx: Vmx) -> str:
    """The MAC address of the first card; VMware writes it into the VMX file when the machine starts."""
    return vmx.get("ethernet0.address") or vmx.get("ethernet0.generatedAddress")
