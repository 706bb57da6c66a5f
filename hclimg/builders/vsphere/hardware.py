"""The settings of a machine's hardware, the same for both vSphere builders.

Knows the keys and their rules; ``devices`` turns them into what the API wants.
"""

from __future__ import annotations

from datetime import timedelta

from hclimg.builders.vsphere.names import CONTROLLERS
from hclimg.config.fields import Checker, block, config, setting
from hclimg.diagnostics import did_you_mean

MEGABYTE = 1 << 20
EFI = ("efi", "efi-secure")


@config
class PassthroughDevice:
    """Any PCI device of the host with these numbers, as they are written in hexadecimal."""

    vendor_id: str = setting("The vendor.", default="", example='"8086"')
    device_id: str = setting("The device.", default="", example='"100e"')
    sub_vendor_id: str = setting("The vendor of the subsystem.", default="")
    sub_device_id: str = setting("The subsystem.", default="")

    def check(self, problems: Checker) -> None:
        for name in ("vendor_id", "device_id", "sub_vendor_id", "sub_device_id"):
            text = getattr(self, name)
            try:
                int(text or "0", 16)
            except ValueError:
                detail = f'"{text}" is not a hexadecimal number, such as "8086".'
                problems.error("Invalid device number", detail, name)


@config
class HardwareConfig:
    """Processors, memory, firmware and screen of the machine."""

    CPUs: int = setting("The number of virtual processors.", default=0, default_doc="1; when cloning, the template's")
    cpu_cores: int = setting(
        "The number of cores of a socket.", default=0, default_doc="1; when cloning, the template's"
    )
    CPU_reservation: int = setting("The share of the host's processors that is kept for it, in MHz.", default=0)
    CPU_limit: int = setting("The most that it may take of them, in MHz; -1: no limit.", default=0)
    CPU_hot_plug: bool = setting("Whether processors can be added while it runs.", default=False)
    RAM: int = setting("The memory in MB.", default=0, default_doc="when cloning, the template's; else 1024")
    RAM_reservation: int = setting("The memory that is kept for it, in MB.", default=0)
    RAM_reserve_all: bool = setting("Whether all of its memory is kept for it.", default=False)
    RAM_hot_plug: bool = setting("Whether memory can be added while it runs.", default=False)
    video_ram: int = setting("The memory of the screen in KB.", default=0, default_doc="vSphere's")
    displays: int = setting("The number of screens.", default=0, default_doc="vSphere's")
    pci_passthrough_allowed_device: tuple[PassthroughDevice, ...] = block(
        "A PCI device of the host for this machine: whichever has one of these numbers is given to it.",
        many=True, default=(),
    )  # fmt: skip
    vgpu_profile: str = setting("The profile of a virtual GPU.", default="", example='"grid_m10-8q"')
    NestedHV: bool = setting("Whether the machine can run machines of its own.", default=False)
    firmware: str = setting(
        'What it boots with: "bios", "efi" or "efi-secure".',
        default="", choices=("", "bios", "efi", "efi-secure"), default_doc="bios; when cloning, the template's",
    )  # fmt: skip
    force_bios_setup: bool = setting("Whether it stops in the setup of its firmware at the first start.", default=False)
    vTPM: bool = setting("Whether it has a virtual TPM. Needs EFI and a key provider.", default=False)  # noqa: N815
    precision_clock: str = setting(
        'Where a precision clock takes the time from: "ptp" or "ntp".', default="", choices=("", "ptp", "ntp", "none")
    )

    def check(self, problems: Checker) -> None:
        for name in ("CPUs", "cpu_cores", "CPU_reservation", "RAM", "RAM_reservation", "video_ram", "displays"):
            if getattr(self, name) < 0:
                problems.error("Invalid number", f'"{name}" must not be negative.', name)
        if self.CPU_limit < -1:
            problems.error("Invalid number", '"CPU_limit" is a number of MHz, or -1 for no limit.', "CPU_limit")
        if self.RAM_reservation and self.RAM_reserve_all:
            detail = 'Only one of "RAM_reservation" and "RAM_reserve_all" can be set.'
            problems.error("Conflicting arguments", detail, "RAM_reservation", "RAM_reserve_all")
        if self.CPUs and self.cpu_cores and self.CPUs % self.cpu_cores:
            detail = f"{self.CPUs} processors cannot be divided into sockets of {self.cpu_cores} cores."
            problems.error("Invalid number", detail, "cpu_cores", "CPUs")
        if 0 < self.CPU_limit < self.CPU_reservation:
            detail = f"A limit of {self.CPU_limit} MHz is below the reservation of {self.CPU_reservation} MHz."
            problems.error("Conflicting arguments", detail, "CPU_limit", "CPU_reservation")
        if self.vTPM and self.firmware == "bios":
            problems.error("Conflicting arguments", 'A TPM needs firmware = "efi" or "efi-secure".', "vTPM", "firmware")
        if self.vgpu_profile and self.pci_passthrough_allowed_device:
            detail = 'Only one of "vgpu_profile" and "pci_passthrough_allowed_device" can be set.'
            problems.error("Conflicting arguments", detail, "vgpu_profile", "pci_passthrough_allowed_device")


@config
class FlagConfig:
    """Protection by virtualization that Windows can use."""

    vbs_enabled: bool = setting(
        "Whether Windows can protect itself by virtualization. Needs EFI with secure boot and nested virtualization.",
        default=False,
    )
    vvtd_enabled: bool = setting("Whether the machine has an I/O MMU.", default=False)


@config
class ParametersConfig:
    """More of the machine's configuration."""

    configuration_parameters: dict[str, str] = setting(
        "Entries of the machine's configuration (its VMX file).", factory=dict,
        example='{ "disk.EnableUUID" = "TRUE", "guestinfo.role" = "web" }',
    )  # fmt: skip
    tools_sync_time: bool = setting(
        "Whether VMware Tools set the guest's clock at start-up and after it was suspended.", default=False
    )
    tools_sync_time_periodically: bool = setting(
        "Whether VMware Tools set the guest's clock all the time.", default=False
    )
    tools_upgrade_policy: bool = setting("Whether VMware Tools are upgraded when the machine starts.", default=False)


@config
class Disk:
    """A disk."""

    disk_size: int = setting("The size in MB.")
    disk_thin_provisioned: bool = setting("Whether it takes space only as it is written.", default=False)
    disk_eagerly_scrub: bool = setting("Whether it is filled with zeroes when it is made.", default=False)
    disk_controller_index: int = setting("Which of disk_controller_type it is at, from 0.", default=0)

    def check(self, problems: Checker) -> None:
        if self.disk_size <= 0:
            problems.error("Invalid disk size", '"disk_size" must be a number of MB above 0.', "disk_size")
        if self.disk_thin_provisioned and self.disk_eagerly_scrub:
            detail = 'Only one of "disk_thin_provisioned" and "disk_eagerly_scrub" can be set.'
            problems.error("Conflicting arguments", detail, "disk_eagerly_scrub", "disk_thin_provisioned")


@config
class StorageConfig:
    """Disks of the machine, and what they are attached to."""

    disk_controller_type: tuple[str, ...] = setting(
        f"The disk controllers: {', '.join(CONTROLLERS)}.", default=(), default_doc='["lsilogic"]', example='["pvscsi"]'
    )
    storage: tuple[Disk, ...] = block("A disk.", many=True, default=())

    @property
    def controllers(self) -> tuple[str, ...]:
        return self.disk_controller_type or ("lsilogic",)

    def check(self, problems: Checker) -> None:
        for name in self.disk_controller_type:
            if name not in CONTROLLERS:
                detail = f'"{name}" is not one of {", ".join(CONTROLLERS)}.{did_you_mean(name, CONTROLLERS)}'
                problems.error("Unknown disk controller", detail, "disk_controller_type")
        for disk in self.storage:
            if not 0 <= disk.disk_controller_index < len(self.controllers):
                detail = (
                    f"There is no disk controller number {disk.disk_controller_index}: disk_controller_type has "
                    f"{len(self.controllers)}, counted from 0."
                )
                problems.error("Unknown disk controller", detail, "storage", "disk_controller_type")


@config
class CdromConfig:
    """CD drives of the machine."""

    cdrom_type: str = setting(
        'What the drives are attached to: "ide" or "sata".', default="ide", choices=("ide", "sata")
    )
    iso_paths: tuple[str, ...] = setting(
        "ISO images on datastores, each in a drive of its own.", default=(), example='["[nfs] iso/debian-13.iso"]'
    )
    remove_cdrom: bool = setting("Whether the drives are taken out at the end.", default=False)
    reattach_cdroms: int = setting("How many empty drives the machine has at the end.", default=0)

    def check(self, problems: Checker) -> None:
        from hclimg.clouds.vsphere.paths import parse_path

        for path in self.iso_paths:
            try:
                parse_path(path)
            except ValueError as error:
                problems.error("Invalid datastore path", f"{error}.", "iso_paths")
        if not 0 <= self.reattach_cdroms <= 4:
            problems.error("Invalid number", '"reattach_cdroms" is a number from 0 to 4.', "reattach_cdroms")
        if self.remove_cdrom and self.reattach_cdroms:
            detail = '"remove_cdrom" takes out the drives that "reattach_cdroms" asks for; set only one.'
            problems.error("Conflicting arguments", detail, "remove_cdrom", "reattach_cdroms")


@config
class AdapterConfig:
    """The network cards at the end."""

    remove_network_adapter: bool = setting("Whether the network cards are taken out at the end.", default=False)


BOOT_DEVICES = ("disk", "cdrom", "floppy", "ethernet")


@config
class BootOrderConfig:
    """What the machine boots from."""

    boot_order: str = setting(
        f"What it boots from, in order: {', '.join(BOOT_DEVICES)}; a minus stands for the rest.",
        default="", default_doc="disk,cdrom while the image is made; then vSphere's", example='"disk,cdrom"',
    )  # fmt: skip

    @property
    def order(self) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.boot_order.split(",") if part.strip())

    def check(self, problems: Checker) -> None:
        for name in self.order:
            if name not in (*BOOT_DEVICES, "-"):
                known = ", ".join(BOOT_DEVICES)
                detail = f'"{name}" is not one of {known}.{did_you_mean(name, BOOT_DEVICES)}'
                problems.error("Unknown boot device", detail, "boot_order")


@config
class IpConfig:
    """How the guest's address is waited for. VMware Tools in the guest tell it."""

    ip_wait_timeout: timedelta = setting("How long to wait for an address.", default=timedelta(minutes=30))
    ip_settle_timeout: timedelta = setting(
        "How long an address must stay the same before it is used.", default=timedelta(seconds=5)
    )
    ip_wait_address: str = setting(
        "The network that the address must be in, in CIDR notation.", default="0.0.0.0/0", example='"10.0.0.0/8"'
    )

    def check(self, problems: Checker) -> None:
        from ipaddress import ip_network

        try:
            ip_network(self.ip_wait_address, strict=False)
        except ValueError:
            detail = f'"{self.ip_wait_address}" is not a network; write it like "10.0.0.0/8" or "::/0".'
            problems.error("Invalid network", detail, "ip_wait_address")
        if self.ip_wait_timeout <= self.ip_settle_timeout and problems.is_set("ip_settle_timeout"):
            detail = '"ip_settle_timeout" must be shorter than "ip_wait_timeout".'
            problems.error("Conflicting arguments", detail, "ip_settle_timeout", "ip_wait_timeout")
