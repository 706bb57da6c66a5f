"""The settings of vsphere-iso: a new machine, and the ISO that it is installed from."""

from __future__ import annotations

from hclimg.builders.vsphere.clone_config import is_mac
from hclimg.builders.vsphere.config import CommonConfig
from hclimg.builders.vsphere.names import CARDS, USB_CONTROLLERS
from hclimg.config.fields import Checker, block, config, embed, setting
from hclimg.sdk.download import SCHEME, parse_checksum


@config
class NetworkAdapter:
    """A network card."""

    network_card: str = setting("Its kind.", default="e1000", choices=tuple(CARDS))
    network: str = setting(
        "The network, by name or path.", default="", default_doc="the only one of the host or cluster"
    )
    mac_address: str = setting("Its hardware address.", default="", default_doc="vSphere makes one")
    passthrough: bool = setting("Whether it is given to the guest directly.", default=False)

    def check(self, problems: Checker) -> None:
        if self.mac_address and not is_mac(self.mac_address):
            detail = f'"{self.mac_address}" is not six hexadecimal numbers with colons.'
            problems.error("Invalid hardware address", detail, "mac_address")


@config
class InstallConfig:
    """The ISO to install from, and its copy on a datastore. Either these or iso_paths."""

    iso_url: str = setting("Where it is: a path, a `file://` or an `http(s)://` URL.", default="")
    iso_urls: tuple[str, ...] = setting("Several places of the same file, tried in order.", default=())
    iso_checksum: str = setting("What it must be, as for other builders.", default="")
    iso_target_path: str = setting("Where to save it after the download.", default="", default_doc="in the cache")
    iso_target_extension: str = setting("The extension of the file in the cache.", default="iso")
    local_cache_overwrite: bool = setting(
        "Nothing.", default=False, ignored="a file in the cache is only used when its checksum is right."
    )
    remote_cache_cleanup: bool = setting("Whether its copy on the datastore is deleted in the end.", default=False)
    remote_cache_overwrite: bool = setting("Whether a copy on the datastore is replaced.", default=False)
    remote_cache_datastore: str = setting("The datastore for the copy.", default="", default_doc="the machine's")
    remote_cache_path: str = setting("The directory for the copy.", default="packer_cache")

    @property
    def urls(self) -> tuple[str, ...]:
        return self.iso_urls or ((self.iso_url,) if self.iso_url else ())

    def check(self, problems: Checker) -> None:
        if self.iso_url and self.iso_urls:
            problems.error("Conflicting arguments", 'Only one of "iso_url" and "iso_urls" can be set.', "iso_urls")
        if not self.urls or not problems.is_known("iso_checksum"):
            return
        try:
            parse_checksum(self.iso_checksum)
        except ValueError as error:
            problems.error("Invalid checksum", str(error), "iso_checksum")
        for url in self.urls:
            found = SCHEME.match(url)
            if found and found[1].lower() not in ("file", "http", "https"):
                detail = f'"{url}" cannot be fetched: only paths and file, http and https URLs are supported.'
                problems.error("Unsupported URL", detail, "iso_url", "iso_urls")


@config
class VsphereIsoConfig:
    """Makes a new machine in a vCenter, installs it from an ISO, and makes a machine, a template or files of it."""

    common: CommonConfig = embed(CommonConfig)
    install: InstallConfig = embed(InstallConfig)

    vm_version: int = setting("The version of its virtual hardware.", default=0, default_doc="the newest of the host")
    guest_os_type: str = setting("Its operating system, as vSphere names it.", default="otherGuest")
    network_adapters: tuple[NetworkAdapter, ...] = block("A network card.", many=True, default=())
    usb_controller: tuple[str, ...] = setting("USB controllers: usb, xhci.", default=())

    def check(self, problems: Checker) -> None:
        if not self.common.disks.storage and problems.is_known("storage"):
            detail = "The machine needs a disk to be installed on: write a storage block."
            problems.error("Missing required block", detail, "storage")
        if not self.install.urls and not self.common.running.cdrom.iso_paths:
            detail = 'One of "iso_url", "iso_urls" and "iso_paths" is required: it says what to install from.'
            problems.error("Missing required argument", detail, "iso_url", "iso_urls", "iso_paths")
        for name in self.usb_controller:
            if name not in USB_CONTROLLERS:
                detail = f'"{name}" is not a USB controller; write "usb" or "xhci".'
                problems.error("Unknown USB controller", detail, "usb_controller")
        if self.vm_version < 0:
            problems.error("Invalid number", '"vm_version" is a number such as 19.', "vm_version")
