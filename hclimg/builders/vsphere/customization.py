"""What a guest is told at its first start: data objects made of settings. Makes no requests."""

from __future__ import annotations

from typing import Any

from hclimg.builders.vsphere.clone_config import CustomizeConfig, GuestInterface
from hclimg.clouds.vsphere.client import new


def customization(config: CustomizeConfig, name: str, cards: int) -> Any:
    """For a machine with a name and so many cards; those that nothing is said of use DHCP."""
    interfaces = [*config.network_interface, *[GuestInterface()] * (cards - len(config.network_interface))]
    spec = new(
        "vm.customization.Specification",
        identity=_identity(config, name),
        globalIPSettings=new(
            "vm.customization.GlobalIPSettings", dnsServerList=list(config.dns_server_list),
            dnsSuffixList=list(config.dns_suffix_list),
        ),
        nicSettingMap=[new("vm.customization.AdapterMapping", adapter=_adapter(config, one)) for one in interfaces],
    )  # fmt: skip
    if config.windows_options:
        spec.options = new("vm.customization.WinOptions", changeSID=True, deleteAccounts=False)
    return spec


def _adapter(config: CustomizeConfig, one: GuestInterface) -> Any:
    adapter = new("vm.customization.IPSettings", ip=new("vm.customization.DhcpIpGenerator"))
    if one.ipv4_address:
        adapter.ip = new("vm.customization.FixedIp", ipAddress=one.ipv4_address)
        adapter.subnetMask = _mask(one.ipv4_netmask)
        if config.ipv4_gateway:
            adapter.gateway = [config.ipv4_gateway]
    if one.ipv6_address:
        fixed = new("vm.customization.FixedIpV6", ipAddress=one.ipv6_address, subnetMask=one.ipv6_netmask)
        adapter.ipV6Spec = new("vm.customization.IPSettings.IpV6AddressSpec", ip=[fixed])
        if config.ipv6_gateway:
            adapter.ipV6Spec.gateway = [config.ipv6_gateway]
    if one.dns_server_list:
        adapter.dnsServerList = list(one.dns_server_list)
    if one.dns_domain:
        adapter.dnsDomain = one.dns_domain
    return adapter


def _mask(bits: int) -> str:
    from ipaddress import ip_network

    return str(ip_network(f"0.0.0.0/{bits}").netmask)


def _identity(config: CustomizeConfig, name: str) -> Any:
    if config.linux_options:
        linux = config.linux_options
        return new(
            "vm.customization.LinuxPrep", domain=linux.domain, timeZone=linux.time_zone, hwClockUTC=linux.hw_clock_utc,
            hostName=new("vm.customization.FixedName", name=linux.host_name or name),
        )  # fmt: skip
    if config.windows_options is None:
        return new("vm.customization.SysprepText", value=config.sysprep)
    windows = config.windows_options
    unattended = new(
        "vm.customization.GuiUnattended", timeZone=windows.time_zone, autoLogon=windows.auto_logon,
        autoLogonCount=windows.auto_logon_count,
    )  # fmt: skip
    if windows.admin_password.reveal():
        unattended.password = new("vm.customization.Password", value=windows.admin_password.reveal(), plainText=True)
    user = new(
        "vm.customization.UserData", fullName=windows.full_name, orgName=windows.organization_name,
        productId=windows.product_key.reveal(),
        computerName=new("vm.customization.FixedName", name=windows.computer_name),
    )  # fmt: skip
    sysprep = new(
        "vm.customization.Sysprep", guiUnattended=unattended, userData=user,
        identification=new("vm.customization.Identification", joinWorkgroup=windows.workgroup or "WORKGROUP"),
    )  # fmt: skip
    if windows.run_once_command_list:
        sysprep.guiRunOnce = new("vm.customization.GuiRunOnce", commandList=list(windows.run_once_command_list))
    return sysprep
