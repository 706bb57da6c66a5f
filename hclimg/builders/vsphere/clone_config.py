"""The settings of vsphere-clone: the template, and what the guest is told by customization and vApp properties."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from hclimg.builders.vsphere.config import CommonConfig
from hclimg.config.fields import Checker, block, config, embed, setting
from hclimg.units import Secret


@config
class VappConfig:
    """Properties of the machine's OVF environment, which cloud-init and others read in the guest."""

    properties: dict[str, str] = setting("Values of properties that the template declares.", factory=dict)


@config
class LinuxOptions:
    """Identity of a Linux guest."""

    domain: str = setting("The DNS domain.", default="")
    host_name: str = setting("The host name.", default="", default_doc="vm_name")
    hw_clock_utc: bool = setting("Whether the hardware clock is in UTC.", default=True)
    time_zone: str = setting("The time zone.", default="UTC", example='"Europe/Paris"')

    def check(self, problems: Checker) -> None:
        if not self.domain:
            problems.error("Missing required argument", 'The argument "domain" is required.', "domain")


@config
class WindowsOptions:
    """Identity of a Windows guest, for Sysprep."""

    run_once_command_list: tuple[str, ...] = setting("Commands that run at the first login.", default=())
    auto_logon: bool = setting("Whether the administrator is logged in automatically.", default=False)
    auto_logon_count: int = setting("How many times.", default=1)
    admin_password: Secret = setting("The administrator's password.", default=Secret(""))
    time_zone: int = setting("The number of the time zone, as Microsoft counts them.", default=85)
    workgroup: str = setting("The workgroup to join.", default="")
    computer_name: str = setting("The name of the computer, at most 15 characters.", default="")
    full_name: str = setting("The user's full name.", default="Administrator")
    organization_name: str = setting("The organization.", default="Built by Packer")
    product_key: Secret = setting("The product key.", default=Secret(""))

    def check(self, problems: Checker) -> None:
        if not self.computer_name:
            problems.error("Missing required argument", 'The argument "computer_name" is required.', "computer_name")
        if len(self.computer_name) > 15:
            problems.error("Invalid name", "A computer name has at most 15 characters.", "computer_name")


@config
class GuestInterface:
    """A network card of the guest; without an address it uses DHCP."""

    dns_server_list: tuple[str, ...] = setting("DNS servers (Windows).", default=())
    dns_domain: str = setting("The DNS domain (Windows).", default="")
    ipv4_address: str = setting("The IPv4 address.", default="", default_doc="DHCP")
    ipv4_netmask: int = setting("The length of its prefix.", default=0, example="24")
    ipv6_address: str = setting("The IPv6 address.", default="")
    ipv6_netmask: int = setting("The length of its prefix.", default=0, example="64")

    def check(self, problems: Checker) -> None:
        for version, most in ((4, 32), (6, 128)):
            name, mask = f"ipv{version}_address", f"ipv{version}_netmask"
            text, bits = getattr(self, name), getattr(self, mask)
            if not text:
                continue
            try:
                right = ip_address(text).version == version
            except ValueError:
                right = False
            if not right:
                problems.error("Invalid address", f'"{text}" is not an IPv{version} address.', name)
            if not 0 < bits <= most:
                problems.error("Invalid netmask", f'"{mask}" is the length of a prefix, from 1 to {most}.', mask, name)


@config
class CustomizeConfig:
    """What vSphere tells the guest about itself at the first start."""

    linux_options: LinuxOptions | None = block("A Linux guest.", default=None)
    windows_options: WindowsOptions | None = block("A Windows guest.", default=None)
    windows_sysprep_file: str = setting("A Sysprep answer file of this host.", default="")
    windows_sysprep_text: str = setting("The text of a Sysprep answer file.", default="", sensitive=True)
    network_interface: tuple[GuestInterface, ...] = block("A network card, in order.", many=True, default=())
    ipv4_gateway: str = setting("The IPv4 gateway.", default="")
    ipv6_gateway: str = setting("The IPv6 gateway.", default="")
    dns_server_list: tuple[str, ...] = setting("DNS servers.", default=())
    dns_suffix_list: tuple[str, ...] = setting("Domains to look host names up in.", default=())

    def check(self, problems: Checker) -> None:
        names = ("linux_options", "windows_options", "windows_sysprep_file", "windows_sysprep_text")
        problems.exactly_one(*names)
        if self.windows_sysprep_file:
            problems.file_exists("windows_sysprep_file", self.windows_sysprep_file)

    @property
    def sysprep(self) -> str:
        if self.windows_sysprep_file:
            return Path(self.windows_sysprep_file).expanduser().read_text()
        return self.windows_sysprep_text


@config
class VsphereCloneConfig:
    """Clones a template (or machine) of a vCenter, changes it, and makes a machine, a template or files of it."""

    common: CommonConfig = embed(CommonConfig)

    template: str = setting("The template or machine to clone, by name or path.")
    disk_size: int = setting("The size of the first disk in MB.", default=0, default_doc="the template's")
    linked_clone: bool = setting(
        "Whether its disks only hold what differs from the template's snapshot.", default=False
    )
    network: str = setting("The network of its first card.", default="", default_doc="the template's")
    mac_address: str = setting("The hardware address of its first card.", default="", example='"00:50:56:00:00:01"')
    vapp: VappConfig | None = block("Properties of the OVF environment.", default=None)
    customize: CustomizeConfig | None = block("What the guest is told about itself.", default=None)

    def check(self, problems: Checker) -> None:
        if self.linked_clone and self.disk_size:
            detail = "The disk of a linked clone has the size of the template's."
            problems.error("Conflicting arguments", detail, "disk_size", "linked_clone")
        if self.disk_size < 0:
            problems.error("Invalid disk size", '"disk_size" must be a number of MB above 0.', "disk_size")
        if self.mac_address and not is_mac(self.mac_address):
            detail = f'"{self.mac_address}" is not six hexadecimal numbers with colons.'
            problems.error("Invalid hardware address", detail, "mac_address")


def is_mac(text: str) -> bool:
    import re

    return re.fullmatch(r"([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}", text) is not None
