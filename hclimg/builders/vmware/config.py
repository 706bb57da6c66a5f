"""The settings that vmware-iso and vmware-vmx share: everything but where the machine comes from."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from hclimg.communicators.config import CommunicatorConfig
from hclimg.config.fields import Checker, config, embed, setting
from hclimg.sdk.boot import BootConfig
from hclimg.sdk.cdrom import CdConfig
from hclimg.sdk.floppy import FloppyConfig
from hclimg.sdk.http import HttpConfig, check_port_range
from hclimg.sdk.shutdown import ShutdownConfig

SCSI = ("lsilogic", "lsisas1068", "buslogic", "pvscsi", "scsi")
"""Kinds of disk adapters that are a SCSI controller; ``scsi`` leaves the kind to VMware."""

DISK_TYPES = {
    "0": "monolithicSparse", "1": "twoGbMaxExtentSparse", "2": "monolithicFlat", "3": "twoGbMaxExtentFlat",
    "5": "streamOptimized",
}  # fmt: skip
"""VMware's numbers of the kinds of VMDK files, with the names that the format itself gives them."""

OLDEST_HARDWARE = 4
FLAVORS = ("darwin", "linux", "windows")


@config
class ScreenConfig:
    """The screen and the keyboard of the machine."""

    headless: bool = setting("Whether to run without a window.", default=False)
    disable_vnc: bool = setting("Whether to run without VNC; then nothing can be typed.", default=False)
    boot_key_interval: timedelta = setting(
        "How long to wait after each key event.", default=timedelta(), default_doc="PACKER_KEY_INTERVAL, or 100ms"
    )
    vnc_bind_address: str = setting("The address that VNC listens on.", default="127.0.0.1")
    vnc_port_min: int = setting("The lowest port that VNC may take.", default=5900)
    vnc_port_max: int = setting("The highest port that VNC may take.", default=6000)
    vnc_disable_password: bool = setting("Whether VNC asks for no password.", default=False)

    def check(self, problems: Checker) -> None:
        check_port_range(problems, "vnc_port_min", self.vnc_port_min, "vnc_port_max", self.vnc_port_max)


@config
class VmxEntriesConfig:
    """What stands in the machine's VMX file besides."""

    vmx_data: dict[str, str] = setting(
        "Entries for the VMX file before the machine starts.", factory=dict, example='{ "svga.vramSize" = "8388608" }'
    )
    vmx_data_post: dict[str, str] = setting("Entries for the VMX file of the result.", factory=dict)
    vmx_remove_ethernet_interfaces: bool = setting(
        "Whether the result has no network cards, as a Vagrant box wants it.", default=False
    )
    display_name: str = setting("The name that VMware shows.", default="", default_doc="vm_name")


@config
class DisksConfig:
    """The disks of the machine."""

    disk_additional_size: tuple[int, ...] = setting("The sizes of more disks, in MB.", default=())
    disk_adapter_type: str = setting(
        "What the disks are attached to.", default="lsilogic", choices=(*SCSI, "ide", "sata", "nvme")
    )
    vmdk_name: str = setting("The name of the disks' files.", default="disk")
    disk_type_id: str = setting(
        "The kind of the disks' files: 0 grows in one file, 1 in files of 2 GB; 2 and 3 are the same at their full "
        "size from the start.",
        default="1",
    )
    cdrom_adapter_type: str = setting(
        "What the CDs are attached to.", default="", choices=("", "ide", "sata", "scsi"), default_doc="ide, or sata"
    )
    skip_compaction: bool = setting("Whether to leave the disks as the machine wrote them.", default=False)

    def check(self, problems: Checker) -> None:
        if self.disk_type_id == "4":
            detail = "Disks of type 4 are for ESXi. vsphere-iso and vsphere-clone build there."
            problems.error("Unsupported disk type", detail, "disk_type_id")
        elif self.disk_type_id not in DISK_TYPES:
            detail = f'"{self.disk_type_id}" is not the number of a type of disks: write 0, 1, 2, 3 or 5.'
            problems.error("Invalid disk type", detail, "disk_type_id")
        for size in self.disk_additional_size:
            if size < 1:
                problems.error("Invalid disk size", "A disk has at least 1 MB.", "disk_additional_size")
        if "/" in self.vmdk_name:
            detail = '"vmdk_name" is the name of files, without a directory; see output_directory.'
            problems.error("Invalid name", detail, "vmdk_name")


@config
class ToolsConfig:
    """VMware's tools for the guest: an image of a CD that comes with VMware."""

    tools_mode: str = setting(
        'How the guest gets them: "upload" copies the image, "attach" puts it into a drive.',
        default="", choices=("", "upload", "attach", "disable"),
        default_doc="upload when the next or the third setting is set, else disable",
    )  # fmt: skip
    tools_source_path: Path | None = setting(
        "The image.", default=None, default_doc="VMware's own for tools_upload_flavor"
    )
    tools_upload_flavor: str = setting(
        "Which of VMware's images it is.", default="", choices=("", *FLAVORS), example='"linux"'
    )
    tools_upload_path: str = setting(
        "Where it goes in the guest. `{{ .Flavor }}` is tools_upload_flavor.",
        default="{{ .Flavor }}.iso",
        template=True,
    )

    @property
    def mode(self) -> str:
        return self.tools_mode or ("upload" if self.tools_upload_flavor or self.tools_source_path else "disable")

    def check(self, problems: Checker) -> None:
        if self.mode != "disable" and not (self.tools_upload_flavor or self.tools_source_path):
            detail = f'tools_mode = "{self.mode}" needs "tools_upload_flavor" or "tools_source_path": which tools?'
            problems.error("Missing required argument", detail, "tools_mode")
        if self.tools_source_path is not None:
            problems.file_exists("tools_source_path", str(self.tools_source_path))


@config
class ResultConfig:
    """What becomes of the machine."""

    vm_name: str = setting("The name of the machine and of its VMX file.", default="", default_doc="packer-BUILDNAME")
    output_directory: str = setting(
        "Where the result goes; must not exist, or be empty.", default="", default_doc="output-BUILDNAME"
    )
    snapshot_name: str = setting("The name of a snapshot of the result.", default="", default_doc="no snapshot")
    format: str = setting(
        'What the result is: "vmx" is the machine itself; "ovf" and "ova" are written by VMware\'s ovftool besides.',
        default="vmx", choices=("vmx", "ovf", "ova"),
    )  # fmt: skip
    ovftool_options: tuple[str, ...] = setting("More arguments for ovftool.", default=())
    skip_export: bool = setting("Whether ovftool is left out.", default=False)

    @property
    def exports(self) -> bool:
        return self.format != "vmx" and not self.skip_export

    def check(self, problems: Checker) -> None:
        if "/" in self.vm_name:
            detail = '"vm_name" is the name of a file, without a directory; see output_directory.'
            problems.error("Invalid name", detail, "vm_name")
        if self.ovftool_options and not self.exports:
            detail = '"ovftool_options" needs format = "ovf" or "ova".'
            problems.warn("Argument without effect", detail, "ovftool_options")


@config
class CommonConfig:
    """Everything but the source of the machine."""

    boot: BootConfig = embed(BootConfig)
    http: HttpConfig = embed(HttpConfig)
    floppy: FloppyConfig = embed(FloppyConfig)
    cd: CdConfig = embed(CdConfig)
    screen: ScreenConfig = embed(ScreenConfig)
    vmx: VmxEntriesConfig = embed(VmxEntriesConfig)
    disks: DisksConfig = embed(DisksConfig)
    tools: ToolsConfig = embed(ToolsConfig)
    result: ResultConfig = embed(ResultConfig)
    shutdown: ShutdownConfig = embed(ShutdownConfig)
    communicator: CommunicatorConfig = embed(CommunicatorConfig)

    fusion_app_path: str = setting(
        "Where VMware Fusion is, on a Mac.", default="", default_doc="/Applications/VMware Fusion.app"
    )
    remote_type: str = setting("Refused: a machine on ESXi is built by vsphere-iso or vsphere-clone.", default="")

    def check(self, problems: Checker) -> None:
        self.communicator.allow(problems, "ssh", "winrm", "none")
        self.communicator.require_winrm_password(problems)
        if self.remote_type:
            detail = (
                f'remote_type = "{self.remote_type}" would build on an ESXi host, which this builder does not do (nor '
                "does Packer's any more). The builders vsphere-iso and vsphere-clone do it through a vCenter."
            )
            problems.error("Unsupported argument", detail, "remote_type")
        if self.screen.disable_vnc and self.boot.boot_command:
            detail = "Keys are typed over VNC, so disable_vnc must not be set together with boot_command."
            problems.error("Conflicting arguments", detail, "disable_vnc", "boot_command")
        if self.tools.mode == "upload" and self.communicator.communicator == "none":
            detail = 'tools_mode = "upload" needs a communicator.'
            problems.error("Conflicting arguments", detail, "tools_mode", "tools_upload_flavor", "communicator")


def check_hardware_version(problems: Checker, version: int) -> None:
    if version and version < OLDEST_HARDWARE:
        detail = f'"version" is the version of the virtual hardware, {OLDEST_HARDWARE} or newer.'
        problems.error("Invalid hardware version", detail, "version")
