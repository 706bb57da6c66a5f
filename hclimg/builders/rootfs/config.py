"""The settings of the rootfs builder, with their rules.

Knows nothing of how a system or an image is made of them (``base``, ``system``, ``disk``).
"""

from __future__ import annotations

import re
from datetime import timedelta

from hclimg.config.fields import Checker, config, embed, setting
from hclimg.units import Secret, size

FORMATS = ("raw", "qcow2", "vmdk", "vhdx", "tar")
DISK_FORMATS = ("raw", "qcow2", "vmdk", "vhdx")
BIOS_ARCHITECTURES = ("amd64", "i386")
LEAST_DISK = 64 << 20

BASE_PACKAGES = (
    "systemd", "systemd-sysv", "udev", "dbus", "kmod", "iproute2", "openssh-server", "ca-certificates", "e2fsprogs",
)  # fmt: skip
"""What a machine needs to boot, to be on the network and to be logged in to."""

INITRAMFS_MODULES = (
    "virtio_pci", "virtio_mmio", "virtio_blk", "virtio_scsi", "sd_mod", "ahci", "ata_piix", "nvme",
    "xen-blkfront", "hv_storvsc", "vmw_pvscsi", "mptspi", "ext4", "crc32c",
)  # fmt: skip
"""The disks of the hypervisors in use. Modules that a kernel does not have, or has built in, are passed over."""

MASKED_UNITS = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service",
    "fstrim.timer", "systemd-pstore.service", "sys-kernel-debug.mount", "sys-kernel-tracing.mount",
    "sys-fs-fuse-connections.mount",
)  # fmt: skip
"""What a machine that lives shortly has no use for, and what only costs time when it starts."""

_SUITE = re.compile(r"[a-z][a-z0-9._-]*")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?")
_HOSTNAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]+\.[a-z]+")
_OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_./-]*")
_PUBLIC_KEY = re.compile(r"(?:\S.* )?(?:ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/]+=*(?: .*)?")


@config
class BaseConfig:
    """The packages that the system is made of, and where they come from."""

    suite: str = setting(
        'The release to install, such as "bookworm".', default="", default_doc="this machine's, or bookworm"
    )
    variant: str = setting(
        "How much of the release to install, as mmdebstrap calls it.",
        default="minbase",
        choices=("essential", "apt", "minbase", "required", "buildd", "important", "standard"),
    )
    architecture: str = setting(
        'The architecture to install, such as "arm64". Foreign ones need qemu-user-static.',
        default="",
        default_doc="this machine's",
    )
    sources: tuple[str, ...] = setting(
        "Where packages come from, as lines of apt's sources.list.",
        default=(),
        default_doc="the Debian sources in this machine's apt configuration, without those of third parties",
        example='["deb http://deb.debian.org/debian bookworm main"]',
    )
    mirror: str = setting(
        "The URL of an archive with the suite: short for one line of `sources`.",
        default="",
        example='"http://10.0.0.5/debian"',
    )
    components: tuple[str, ...] = setting("The components of `mirror` to use.", default=("main",))
    apt_options: dict[str, str] = setting(
        "Options of apt, for the build and in the image.",
        factory=dict,
        default_doc="with this machine's sources, its options about valid dates and (for the build) its proxies",
        example='{ "Acquire::Retries" = "3" }',
    )
    packages: tuple[str, ...] = setting("More packages to install.", default=(), aliases=("include",))
    base_packages: tuple[str, ...] = setting(
        "What is installed besides the kernel to make the system boot, and be reached over the network.",
        default=BASE_PACKAGES,
    )
    kernel_package: str = setting(
        'The kernel; empty for none. "linux-image-amd64" has drivers for real hardware, too.',
        default="",
        default_doc="linux-image-cloud-amd64, or that of the architecture",
    )
    kernel: bool = setting("Whether to install a kernel.", default=True)
    initramfs_modules: tuple[str, ...] = setting(
        "The modules that the initramfs has; an empty list: all that some machine might need.",
        default=INITRAMFS_MODULES,
        default_doc="those for the disks of hypervisors",
    )
    install_recommends: bool = setting("Whether to install what packages recommend.", default=False)
    install_docs: bool = setting("Whether to install documentation, manual pages and translations.", default=False)
    base_max_age: timedelta = setting(
        "How long the installed base is used again, instead of being made anew from the sources; 0: never.",
        default=timedelta(hours=24),
    )

    def check(self, problems: Checker) -> None:
        problems.at_most_one("sources", "mirror")
        _check_match(problems, "suite", self.suite, _SUITE, 'is no name of a release; write one such as "bookworm"')
        for name in ("packages", "base_packages"):
            for package in getattr(self, name):
                _check_match(problems, name, package, _PACKAGE, "is no name of a package")
        _check_match(problems, "kernel_package", self.kernel_package, _PACKAGE, "is no name of a package")
        for option, value in self.apt_options.items():
            _check_match(problems, "apt_options", option, _OPTION, "is no option of apt")
            _check_line(problems, "apt_options", value)
        self._check_sources(problems)

    def _check_sources(self, problems: Checker) -> None:
        from hclimg.builders.rootfs.apt import parse_lines

        if self.mirror and "://" not in self.mirror:
            detail = f'"{self.mirror}" is no URL; write one such as "http://deb.debian.org/debian".'
            problems.error("Invalid mirror", detail, "mirror")
        if not self.components:
            problems.error("Invalid components", "Name at least one component, such as main.", "components")
        for line in self.sources:
            try:
                parse_lines(line)
            except ValueError as error:
                problems.error("Invalid package source", f'"{line}": {error}.', "sources")


@config
class SystemConfig:
    """What the system is like when it starts."""

    hostname: str = setting("The name of the machine.", default="", default_doc="vm_name, as far as it can be one")
    root_password: Secret = setting(
        "The password of root, who may then also log in with it over SSH.", default=Secret(""), default_doc="none"
    )
    authorized_keys: tuple[str, ...] = setting("Public SSH keys with which root can log in.", default=())
    accept_hypervisor_key: bool = setting(
        "Whether root can also log in with a key that the hypervisor hands to the machine while it runs: hclimg's "
        "qemu builder does (fw_cfg), and systemd's credential `ssh.authorized_keys.root`.",
        default=True,
    )
    network: str = setting(
        'How the machine is connected: "dhcp" on every network card, or "none" to leave it to packages.',
        default="dhcp",
        choices=("dhcp", "none"),
    )
    nameservers: tuple[str, ...] = setting(
        "Fixed name servers, instead of those that DHCP names.", default=(), example='["10.0.2.3"]'
    )
    kernel_command_line: str = setting(
        "What the kernel is told besides its root filesystem.", default="console=tty0 console=ttyS0 quiet"
    )
    masked_units: tuple[str, ...] = setting(
        "Units of systemd that never start.", default=MASKED_UNITS, default_doc="timers, and mounts for debugging"
    )
    keep_apt_lists: bool = setting(
        "Whether the image keeps the lists of packages: it is larger, and its first `apt-get update` is quicker.",
        default=False,
    )

    def check(self, problems: Checker) -> None:
        if self.hostname:
            _check_match(problems, "hostname", self.hostname, _HOSTNAME, "is no name that a machine can have")
        for key in self.authorized_keys:
            if not _PUBLIC_KEY.fullmatch(key.strip()):
                detail = f'"{key[:40]}" is no public SSH key; such a line starts like "ssh-ed25519 AAAA".'
                problems.error("Invalid SSH key", detail, "authorized_keys")
        for unit in self.masked_units:
            _check_match(problems, "masked_units", unit, _UNIT, "is no unit of systemd")
        for address in self.nameservers:
            if not _is_address(address):
                problems.error("Invalid name server", f'"{address}" is no IP address.', "nameservers")
        _check_line(problems, "kernel_command_line", self.kernel_command_line)


@config
class ImageConfig:
    """The image that is made of the system."""

    vm_name: str = setting("The name of the image's files, without the format.", default="", default_doc="BUILDNAME")
    output_directory: str = setting(
        "Where the result goes; must not exist, or be empty.", default="", default_doc="output-BUILDNAME"
    )
    formats: tuple[str, ...] = setting(
        "What to make; the first is the artifact's `path`. A tar holds the files only, without disk and boot loader.",
        default=("qcow2",),
        choices=FORMATS,
    )
    disk_size: str = setting("The size of the disk; a bare number counts in MiB.", default="2G")
    disk_compression: bool = setting("Whether to compress a qcow2 image.", default=False)
    bootloader: str = setting(
        'How the disk boots: "grub" from its BIOS boot sector, "none" only with the kernel that is beside the image.',
        default="",
        choices=("grub", "none"),
        default_doc="grub where there is a BIOS (amd64, i386) and a kernel",
    )
    filesystem_label: str = setting("The label of the root filesystem.", default="root")
    filesystem_features: tuple[str, ...] = setting(
        "More features of ext4 for the root filesystem, or with ^ fewer.", default=(), example='["^has_journal"]'
    )
    mount_options: tuple[str, ...] = setting("How the root filesystem is mounted.", default=("defaults", "noatime"))

    @property
    def size(self) -> int:
        """Of the disk, in bytes: whole MiB."""
        return size(self.disk_size, default_unit="M") >> 20 << 20

    @property
    def has_disk(self) -> bool:
        return any(kind in DISK_FORMATS for kind in self.formats)

    def check(self, problems: Checker) -> None:
        if "/" in self.vm_name or self.vm_name in (".", ".."):
            detail = '"vm_name" is the name of files, without a directory; see output_directory.'
            problems.error("Invalid name", detail, "vm_name")
        if not self.formats or len(set(self.formats)) < len(self.formats):
            problems.error("Invalid formats", "Name at least one format, and none of them twice.", "formats")
        self._check_disk(problems)
        self._check_filesystem(problems)

    def _check_disk(self, problems: Checker) -> None:
        try:
            too_small = self.size < LEAST_DISK
        except ValueError as error:
            problems.error("Invalid disk size", f"{error}.", "disk_size")
        else:
            if too_small:
                problems.error("Invalid disk size", "A disk has at least 64M.", "disk_size")
        if self.disk_compression and "qcow2" not in self.formats:
            detail = '"disk_compression" has no effect: only images of format "qcow2" are compressed.'
            problems.warn("Argument without effect", detail, "disk_compression", "formats")

    def _check_filesystem(self, problems: Checker) -> None:
        if len(self.filesystem_label.encode()) > 16:
            detail = f'"{self.filesystem_label}" is too long: a label has at most 16 bytes.'
            problems.error("Invalid filesystem label", detail, "filesystem_label")
        for name in ("filesystem_features", "mount_options"):
            for item in getattr(self, name):
                if not item or re.search(r"[\s,]", item):
                    detail = f'"{item}" must be one word without commas; the argument is a list.'
                    problems.error("Invalid option", detail, name)


@config
class RootfsConfig:
    """Makes a bootable Debian disk image from packages, without a hypervisor."""

    base: BaseConfig = embed(BaseConfig)
    system: SystemConfig = embed(SystemConfig)
    image: ImageConfig = embed(ImageConfig)
    communicator: str = setting(
        "How provisioners reach the system: by commands in its directory.", default="chroot", choices=("chroot",)
    )

    def check(self, problems: Checker) -> None:
        if self.image.bootloader != "grub":
            return
        if self.base.architecture and self.base.architecture not in BIOS_ARCHITECTURES:
            detail = f'"grub" boots from a BIOS, which {self.base.architecture} does not have; set bootloader = "none".'
            problems.error("Conflicting arguments", detail, "bootloader", "architecture")
        if not self.base.kernel:
            detail = 'There is no kernel to boot; set bootloader = "none", or kernel = true.'
            problems.error("Conflicting arguments", detail, "bootloader", "kernel")


def _check_match(problems: Checker, name: str, text: str, pattern: re.Pattern[str], what: str) -> None:
    if text and not pattern.fullmatch(text):
        problems.error(f"Invalid {name.replace('_', ' ')}", f'"{text}" {what}.', name)


def _check_line(problems: Checker, name: str, text: str) -> None:
    if "\n" in text or '"' in text:
        problems.error(f"Invalid {name.replace('_', ' ')}", "The text must be one line, without quotation marks.", name)


def _is_address(text: str) -> bool:
    """Whether it is an address, without importing ipaddress while validating."""
    from socket import AF_INET, AF_INET6, inet_pton

    for family in (AF_INET, AF_INET6):
        try:
            inet_pton(family, text)
        except OSError:
            continue
        return True
    return False
