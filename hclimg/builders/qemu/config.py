"""The settings of the qemu builder: all of Packer's keys with its rules and defaults.

Knows nothing of how they become a command line (``command``) or a running machine (``steps``).
"""

from __future__ import annotations

import re
from datetime import timedelta

from hclimg.communicators.config import CommunicatorConfig
from hclimg.config.fields import Checker, block, config, embed, setting
from hclimg.sdk.boot import BootConfig, check_boot_command, texts_of
from hclimg.sdk.cdrom import CdConfig
from hclimg.sdk.download import IsoConfig
from hclimg.sdk.floppy import FloppyConfig
from hclimg.sdk.http import HttpConfig, check_port_range
from hclimg.sdk.shutdown import ShutdownConfig
from hclimg.units import Secret

DEFAULT_DISK_SIZE = "40960M"
DEFAULT_MEMORY = 512
LEAST_MEMORY = 10
VNC_PASSWORD_LENGTH = 8
FIRST_VNC_PORT = 5900

FORMATS = ("qcow2", "raw", "vmdk", "vdi", "vhdx")
_SIZE = re.compile(r"\d+[bkmgtBKMGT]?")
_MORE_SIZE = re.compile(r"\d+(\.\d+)?[bkmgtpeBKMGTPE]?")


@config
class QemuImgArgs:
    """More arguments for the commands of qemu-img, as Packer places them."""

    convert: tuple[str, ...] = setting("For `qemu-img convert`.", default=(), example='["-o", "preallocation=full"]')
    create: tuple[str, ...] = setting("For `qemu-img create`.", default=())
    resize: tuple[str, ...] = setting("For `qemu-img resize`.", default=())


@config
class CpuConfig:
    """The processors of the machine."""

    cpus: int = setting("The number of virtual processors.", default=0, default_doc="1, or sockets × cores × threads")
    sockets: int = setting("The number of sockets.", default=0, default_doc="QEMU's")
    cores: int = setting("The number of cores in a socket.", default=0, default_doc="QEMU's")
    threads: int = setting("The number of threads of a core.", default=0, default_doc="QEMU's")
    cpu_model: str = setting(
        'The processor to emulate, such as "host" or "max".', default="", default_doc="QEMU's for the machine"
    )

    def check(self, problems: Checker) -> None:
        for name in ("cpus", "sockets", "cores", "threads"):
            if getattr(self, name) < 0:
                problems.error("Invalid number", f'"{name}" must not be negative.', name)


@config
class EfiConfig:
    """Booting with UEFI instead of BIOS."""

    efi_boot: bool = setting("Whether to boot with UEFI. Set by either of the next two.", default=False)
    efi_firmware_code: str = setting(
        "The code of the firmware.", default="", default_doc="/usr/share/OVMF/OVMF_CODE.fd, or its 4M variant"
    )
    efi_firmware_vars: str = setting(
        "The variables of the firmware, which are copied for this machine.",
        default="",
        default_doc="/usr/share/OVMF/OVMF_VARS.fd, or its 4M variant",
    )
    efi_drop_efivars: bool = setting("Whether to leave `efivars.fd` out of the result.", default=False)

    @property
    def enabled(self) -> bool:
        return bool(self.efi_boot or self.efi_firmware_code or self.efi_firmware_vars)


@config
class VncConfig:
    """The screen and the keyboard of the machine."""

    headless: bool = setting(
        "Whether to run without a window. On a host without a graphical session there is none anyway.", default=False
    )
    display: str = setting(
        'QEMU\'s -display; "none" leaves the choice to QEMU.', default="", default_doc="gtk, unless headless"
    )
    use_default_display: bool = setting("Whether to leave the display to QEMU.", default=False)
    vga: str = setting('QEMU\'s -vga, such as "virtio".', default="", default_doc="QEMU's")
    disable_vnc: bool = setting("Whether to run without VNC; then nothing can be typed.", default=False)
    boot_key_interval: timedelta = setting(
        "How long to wait after each key event.", default=timedelta(), default_doc="PACKER_KEY_INTERVAL, or 100ms"
    )
    vnc_bind_address: str = setting("The address that VNC listens on.", default="127.0.0.1")
    vnc_use_password: bool = setting("Whether VNC asks for a password.", default=False)
    vnc_password: Secret = setting(
        "The password, at most 8 characters.", default=Secret(""), default_doc="a random one"
    )
    vnc_port_min: int = setting("The lowest port that VNC may take.", default=5900)
    vnc_port_max: int = setting("The highest port that VNC may take.", default=6000)

    @property
    def asks_password(self) -> bool:
        return self.vnc_use_password or bool(self.vnc_password.reveal())

    def check(self, problems: Checker) -> None:
        low, high = self.vnc_port_min, self.vnc_port_max
        check_port_range(problems, "vnc_port_min", low, "vnc_port_max", high, floor=FIRST_VNC_PORT)
        if len(self.vnc_password.reveal()) > VNC_PASSWORD_LENGTH:
            detail = f"VNC looks at the first {VNC_PASSWORD_LENGTH} characters of a password only; shorten it."
            problems.error("Password too long", detail, "vnc_password")


@config
class NetworkConfig:
    """How the machine is connected."""

    net_device: str = setting("The network card to emulate.", default="virtio-net")
    net_bridge: str = setting("A bridge of the host to connect to, instead of QEMU's user networking.", default="")
    host_port_min: int = setting("The lowest port of the host to forward to the machine.", default=2222)
    host_port_max: int = setting("The highest port of the host to forward to the machine.", default=4444)
    skip_nat_mapping: bool = setting(
        "Whether to forward no port: then ssh_port of ssh_host (127.0.0.1) leads to the machine some other way.",
        default=False,
    )
    ssh_host_port_min: int = setting(
        "The old name of host_port_min.", default=0, deprecated="write host_port_min instead."
    )
    ssh_host_port_max: int = setting(
        "The old name of host_port_max.", default=0, deprecated="write host_port_max instead."
    )

    @property
    def host_ports(self) -> tuple[int, int]:
        return self.ssh_host_port_min or self.host_port_min, self.ssh_host_port_max or self.host_port_max

    def check(self, problems: Checker) -> None:
        low, high = self.host_ports
        low_name = "ssh_host_port_min" if self.ssh_host_port_min else "host_port_min"
        high_name = "ssh_host_port_max" if self.ssh_host_port_max else "host_port_max"
        check_port_range(problems, low_name, low, high_name, high)


@config
class DiskConfig:
    """The disks of the machine, and the image that is made of them."""

    disk_image: bool = setting(
        "Whether iso_url is a disk image that boots, rather than an ISO to install from.", default=False
    )
    disk_size: str = setting(
        "The size of the disk; a bare number counts in MiB.",
        default="",
        default_doc="40960M; larger images keep their size",
        example='"20G"',
    )
    disk_additional_size: tuple[str, ...] = setting("The sizes of more disks.", default=())
    skip_resize_disk: bool = setting("Whether to leave the size of the disk image as it is.", default=False)
    use_backing_file: bool = setting(
        "Whether the result only holds what differs from the disk image, which it then needs for ever.", default=False
    )
    format: str = setting("The format of the result.", default="qcow2", choices=FORMATS)
    disk_interface: str = setting(
        "How the disks are attached.", default="virtio", choices=("ide", "sata", "scsi", "virtio", "virtio-scsi")
    )
    disk_cache: str = setting(
        "QEMU's cache mode of the disks.",
        default="",
        choices=("writethrough", "writeback", "none", "unsafe", "directsync"),
        default_doc="writeback; unsafe for disks that are converted in the end",
    )
    disk_discard: str = setting("Whether discarded blocks are freed.", default="ignore", choices=("unmap", "ignore"))
    disk_detect_zeroes: str = setting(
        "Whether written zeroes are detected.", default="off", choices=("unmap", "on", "off")
    )
    skip_compaction: bool = setting("Whether to leave the disk as the machine wrote it.", default=False)
    disk_compression: bool = setting("Whether to compress a qcow2 image.", default=False)
    cdrom_interface: str = setting(
        "How the CDs are attached.",
        default="",
        choices=("", "ide", "scsi", "virtio", "virtio-scsi"),
        default_doc="QEMU's",
    )
    iso_skip_cache: bool = setting(
        "Whether QEMU reads iso_url itself, over HTTP, without download and check.", default=False
    )
    qemu_img_args: QemuImgArgs = block("More arguments for qemu-img.", default=QemuImgArgs())

    @property
    def size(self) -> str:
        """The size as qemu-img reads it."""
        if self.disk_size in ("", "0"):
            return DEFAULT_DISK_SIZE
        return f"{self.disk_size}M" if self.disk_size.isdigit() else self.disk_size

    def check(self, problems: Checker) -> None:
        if self.disk_size and not _SIZE.fullmatch(self.disk_size):
            detail = f'"{self.disk_size}" is not a size; write a whole number and a unit, such as "20G" or "5000M".'
            problems.error("Invalid disk size", detail, "disk_size")
        for size in self.disk_additional_size:
            if not _MORE_SIZE.fullmatch(size):
                detail = f'"{size}" is not a size; write a number and a unit, such as "20G".'
                problems.error("Invalid disk size", detail, "disk_additional_size")
        if self.use_backing_file and not (self.disk_image and self.format == "qcow2"):
            detail = '"use_backing_file" needs disk_image = true and format = "qcow2".'
            problems.error("Conflicting arguments", detail, "use_backing_file", "disk_image", "format")
        if self.skip_resize_disk and not self.disk_image:
            detail = '"skip_resize_disk" needs disk_image = true: a new disk always has the size of disk_size.'
            problems.error("Conflicting arguments", detail, "skip_resize_disk", "disk_image")
        if self.disk_compression and self.format != "qcow2":
            detail = f'"disk_compression" has no effect: an image of format "{self.format}" is not compressed.'
            problems.warn("Argument without effect", detail, "disk_compression", "format")


@config
class QemuConfig:
    """Boots a virtual machine with QEMU and makes an image of its disk."""

    iso: IsoConfig = embed(IsoConfig)
    disk: DiskConfig = embed(DiskConfig)
    cpu: CpuConfig = embed(CpuConfig)
    efi: EfiConfig = embed(EfiConfig)
    screen: VncConfig = embed(VncConfig)
    network: NetworkConfig = embed(NetworkConfig)
    boot: BootConfig = embed(BootConfig)
    http: HttpConfig = embed(HttpConfig)
    floppy: FloppyConfig = embed(FloppyConfig)
    cd: CdConfig = embed(CdConfig)
    shutdown: ShutdownConfig = embed(ShutdownConfig)
    communicator: CommunicatorConfig = embed(CommunicatorConfig)

    vm_name: str = setting("The name of the disk in the output directory.", default="", default_doc="packer-BUILDNAME")
    output_directory: str = setting(
        "Where the result goes; must not exist, or be empty.", default="", default_doc="output-BUILDNAME"
    )
    accelerator: str = setting(
        "What runs the machine's code.",
        default="",
        choices=("none", "kvm", "tcg", "xen", "hax", "hvf", "whpx", "nvmm"),
        default_doc="kvm where it works, else tcg",
    )
    machine_type: str = setting("The machine to emulate.", default="pc")
    memory: int = setting("The memory of the machine in MiB.", default=DEFAULT_MEMORY)
    firmware: str = setting("A firmware to boot with instead of QEMU's own.", default="")
    use_pflash: bool = setting("Whether the firmware is a flash drive instead of a -bios file.", default=False)
    qemu_binary: str = setting("The program to run.", default="qemu-system-x86_64")
    qemuargs: tuple[tuple[str, ...], ...] = setting(
        "Arguments for QEMU. A row replaces all arguments that hclimg would give with that switch. `{{ .HTTPIP }}`, "
        "`{{ .HTTPPort }}`, `{{ .HTTPDir }}`, `{{ .OutputDir }}`, `{{ .Name }}` and `{{ .SSHHostPort }}` "
        "are filled in.",
        default=(),
        template=True,
        example='[["-m", "1024M"], ["-device", "virtio-rng-pci"]]',
    )
    boot_steps: tuple[tuple[str, ...], ...] = setting(
        "What to type, in steps: each a text like boot_command's and a description that is shown.",
        default=(),
        template=True,
        example='[["<enter><wait5>", "Start the installer"]]',
    )
    qmp_enable: bool = setting("Whether QEMU listens for QMP commands of others, too.", default=False)
    qmp_socket_path: str = setting(
        "The socket for that.", default="", default_doc="VM_NAME.monitor in the output directory"
    )
    vtpm: bool = setting("Whether the machine has an emulated TPM (needs swtpm).", default=False)
    use_tpm1: bool = setting("Whether the TPM has version 1.2 instead of 2.0.", default=False)
    tpm_device_type: str = setting("The kind of TPM device.", default="tpm-tis")
    run_once: bool = setting("Nothing.", default=False, ignored="Packer itself does nothing with it.")

    def check(self, problems: Checker) -> None:
        self.communicator.allow(problems, "ssh", "winrm", "none")
        self.communicator.require_winrm_password(problems)
        self._check_source(problems)
        self._check_typing(problems)
        self._check_machine(problems)

    @property
    def typed(self) -> tuple[tuple[str, str], ...]:
        """What is typed: texts with their descriptions."""
        if self.boot.boot_command:
            return texts_of(self.boot)
        return tuple((row[0], row[1] if len(row) > 1 else "") for row in self.boot_steps if row)

    @property
    def memory_size(self) -> int:
        return self.memory if self.memory >= LEAST_MEMORY else DEFAULT_MEMORY

    def _check_source(self, problems: Checker) -> None:
        if self.disk.iso_skip_cache:
            local = [url for url in self.iso.urls if not url.startswith(("http://", "https://"))]
            if local:
                detail = f'"iso_skip_cache" is for http and https URLs; "{local[0]}" is used where it is anyway.'
                problems.error("Conflicting arguments", detail, "iso_skip_cache", "iso_url", "iso_urls")
        elif not self.iso.iso_checksum and problems.is_set("iso_skip_cache"):
            detail = 'The argument "iso_checksum" is required unless iso_skip_cache is true.'
            problems.error("Missing required argument", detail, "iso_checksum")

    def _check_typing(self, problems: Checker) -> None:
        if self.boot.boot_command and self.boot_steps:
            detail = 'Only one of "boot_command" and "boot_steps" can be set.'
            problems.error("Conflicting arguments", detail, "boot_steps", "boot_command")
        if problems.is_known("boot_steps"):
            for row in self.boot_steps:
                if not 1 <= len(row) <= 2:
                    detail = "Each boot step is a list of the text to type and, if you like, its description."
                    problems.error("Invalid boot step", detail, "boot_steps")
                    continue
                check_boot_command(problems, "boot_steps", row[0])
        if self.screen.disable_vnc and self.typed:
            detail = "Keys are typed over VNC, so disable_vnc must not be set together with boot_command or boot_steps."
            problems.error("Conflicting arguments", detail, "disable_vnc", "boot_command", "boot_steps")

    def _check_machine(self, problems: Checker) -> None:
        if self.memory < LEAST_MEMORY:
            detail = f"{self.memory} MiB of memory is too little; {DEFAULT_MEMORY} MiB are used."
            problems.warn("Too little memory", detail, "memory")
        for row in self.qemuargs:
            if not row or not row[0].startswith("-"):
                detail = 'Each row of qemuargs is a switch, such as "-m", and the parts of its value.'
                problems.error("Invalid QEMU argument", detail, "qemuargs")
        if "/" in self.vm_name:
            detail = '"vm_name" is the name of a file, without a directory; see output_directory.'
            problems.error("Invalid name", detail, "vm_name")
        if self.use_pflash and not self.firmware:
            detail = '"use_pflash" says how to use "firmware", which is not set.'
            problems.warn("Argument without effect", detail, "use_pflash")
        if self.firmware and self.efi.enabled:
            detail = 'Set either "firmware" or the efi_ arguments.'
            problems.error("Conflicting arguments", detail, "firmware", "efi_boot", "efi_firmware_code")
