"""The settings of vmware-iso: a new machine, its hardware and the ISO that it is installed from."""

from __future__ import annotations

import re

from hclimg.builders.vmware.config import CommonConfig, check_hardware_version
from hclimg.config.fields import Checker, config, embed, setting
from hclimg.sdk.download import IsoConfig

DEFAULT_VERSION = 21
LEAST_MEMORY = 4
PORT_FORMS = {
    "serial": 'auto, file:PATH, device:PATH or pipe:PATH,client|server,app|vm, each with ",yield" or ",noyield"',
    "parallel": "auto:DIRECTION, file:PATH or device:PATH[,bidirectional|unidirectional]",
}
_SERIAL = re.compile(
    r"none|auto(:(yield|noyield))?|(file|device):[^,]+(,(yield|noyield))?"
    r"|pipe:[^,]+,(client|server),(app|vm)(,(yield|noyield))?",
    re.IGNORECASE,
)
_PARALLEL = re.compile(
    r"none|auto(:(bidirectional|unidirectional))?|file:[^,]+|device:[^,]+(,(bidirectional|unidirectional))?",
    re.IGNORECASE,
)


@config
class HardwareConfig:
    """The hardware of the machine."""

    guest_os_type: str = setting(
        "The operating system, as a VMX file names it.", default="other", example='"debian12-64"'
    )
    version: int = setting("The version of the virtual hardware.", default=DEFAULT_VERSION)
    firmware: str = setting(
        "What it boots with.", default="", choices=("", "bios", "efi", "efi-secure"), default_doc="VMware's choice"
    )
    cpus: int = setting("The number of processors.", default=1)
    cores: int = setting("How many of them are cores of one socket.", default=0, default_doc="VMware's choice")
    memory: int = setting("The memory in MB.", default=512)
    network: str = setting(
        'How the network card is connected: "nat", "bridged", "hostonly", or the name of a virtual network.',
        default="nat",
    )
    network_name: str = setting("The virtual network to connect to, such as vmnet10.", default="")
    network_adapter_type: str = setting("The kind of network card.", default="e1000", example='"vmxnet3"')
    sound: bool = setting("Whether it has a sound card.", default=False)
    usb: bool = setting("Whether it has USB.", default=False)
    usb_version: str = setting("The version of USB.", default="", choices=("", "2.0", "3.1", "3.2"))
    serial: str = setting(f"A serial port: {PORT_FORMS['serial']}.", default="")
    parallel: str = setting(f"A parallel port: {PORT_FORMS['parallel']}.", default="")
    vhv_enabled: bool = setting("Whether virtual machines can run in the machine.", default=False)
    disk_size: int = setting("The size of the first disk in MB.", default=40_000)
    vmx_template_path: str = setting(
        "A template for the VMX file instead of hclimg's own. `{{ .Name }}`, `{{ .GuestOS }}`, `{{ .DiskName }}`, "
        "`{{ .ISOPath }}`, `{{ .Version }}`, `{{ .CpuCount }}` and `{{ .MemorySize }}` are filled in; what other "
        "settings ask for is added.",
        default="",
    )
    vmx_disk_template_path: str = setting(
        "A template for the entries of each further disk. `{{ .DiskNumber }}` and `{{ .DiskName }}` are filled in.",
        default="",
    )

    def check(self, problems: Checker) -> None:
        for name, least in (("cpus", 1), ("cores", 0), ("memory", LEAST_MEMORY), ("disk_size", 1)):
            if getattr(self, name) < least:
                problems.error("Invalid number", f'"{name}" must be at least {least}.', name)
        if self.cores and self.cpus % self.cores:
            detail = f'"cores" ({self.cores}) does not divide "cpus" ({self.cpus}), of which they are a part.'
            problems.error("Invalid number", detail, "cores", "cpus")
        check_hardware_version(problems, self.version)
        for name, form in (("serial", _SERIAL), ("parallel", _PARALLEL)):
            value = getattr(self, name)
            if value and not form.fullmatch(value):
                detail = f'"{name}" must be {PORT_FORMS[name]}, not "{value}".'
                problems.error("Invalid port", detail, name)
        for name in ("vmx_template_path", "vmx_disk_template_path"):
            if getattr(self, name):
                problems.file_exists(name, getattr(self, name))
        if self.vmx_disk_template_path and not self.vmx_template_path:
            detail = '"vmx_disk_template_path" goes with "vmx_template_path".'
            problems.warn("Argument without effect", detail, "vmx_disk_template_path")
        if self.usb_version and not self.usb:
            problems.warn("Argument without effect", '"usb_version" needs usb = true.', "usb_version")


@config
class VmwareIsoConfig:
    """Makes a new machine in VMware Workstation, Player or Fusion on this host, installs it from an ISO, and makes an
    image of it.

    VMware's programs (vmrun, and vmware-vdiskmanager or qemu-img for disks) must be installed. hclimg's tests run
    against a stand-in for vmrun that records what it is told: it was never run with VMware itself.
    """

    iso: IsoConfig = embed(IsoConfig)
    hardware: HardwareConfig = embed(HardwareConfig)
    common: CommonConfig = embed(CommonConfig)
