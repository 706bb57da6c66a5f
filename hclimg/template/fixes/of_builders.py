"""Fixes of what stands in builders."""

from __future__ import annotations

import re
from typing import Final

from hclimg.template.fixes.model import (
    Block,
    Json,
    builders,
    post_processors,
    provisioners,
    removing,
    rename,
    renaming,
    replace_texts,
)

AMAZON: Final = ("amazon-*",)
VIRTUALBOX: Final = ("virtualbox*",)
PARALLELS: Final = ("parallels-iso", "parallels-pvm")

_CREATE_TIME = re.compile(r"\{\{\s*\.CreateTime\s*\}\}")
_CLEAN_NAME = re.compile(r"\bclean_(?:image|ami)_name\b")
_TRUE: Final = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE: Final = frozenset(("0", "f", "F", "FALSE", "false", "False"))


def flag(value: Json) -> bool | None:
    """A bool, or a string that Packer takes for one."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (value in _TRUE or value in _FALSE):
        return value in _TRUE
    return None


# -- disks and their checksums ----------------------------------------------------


def iso_md5(template: Block) -> None:
    for builder in builders(template):
        if "iso_md5" in builder:
            rename(builder, "iso_checksum", "iso_md5")
            rename(builder, "iso_md5", "iso_checksum")
            builder["iso_checksum_type"] = "md5"


def iso_checksum(template: Block) -> None:
    for builder in builders(template):
        kind, url = builder.pop("iso_checksum_type", None), builder.get("iso_checksum_url")
        if kind == "none":
            builder.pop("iso_checksum_url", None)
            builder["iso_checksum"] = "none"
        elif isinstance(url, str) and url:
            builder.pop("iso_checksum", None)
            rename(builder, "iso_checksum_url", "iso_checksum")
            builder["iso_checksum"] = f"file:{url}"
        else:
            builder.pop("iso_checksum_url", None)
            _name_checksum(builder, kind)


def _name_checksum(builder: Block, kind: Json) -> None:
    checksum = builder.get("iso_checksum")
    if isinstance(kind, str) and kind and isinstance(checksum, str) and checksum:
        builder["iso_checksum"] = checksum if checksum.startswith(f"{kind}:") else f"{kind}:{checksum}"


def qemu_disk_size(template: Block) -> None:
    for builder in builders(template, "qemu"):
        size = builder.get("disk_size")
        if isinstance(size, int | float) and not isinstance(size, bool):
            builder["disk_size"] = f"{int(size)}M"


# -- texts ------------------------------------------------------------------------


def create_time(template: Block) -> None:
    for builder in builders(template):
        replace_texts(builder, lambda text: _CREATE_TIME.sub("{{timestamp}}", text))


def clean_image_name(template: Block) -> None:
    for builder in builders(template):
        replace_texts(builder, lambda text: _CLEAN_NAME.sub("clean_resource_name", text) if "{{" in text else text)


# -- names of builders --------------------------------------------------------------


def rename_type(template: Block, old: str, new: str) -> None:
    """A builder's type, and where provisioners and post-processors call the builder by it."""
    for builder in builders(template, old):
        builder["type"] = new
    if any(builder.get("name") == old for builder in builders(template)):
        return
    for provisioner in provisioners(template):
        override = provisioner.get("override")
        if isinstance(override, dict):
            rename(override, old, new)
    for step in (*provisioners(template), *post_processors(template)):
        for key in ("only", "except"):
            if isinstance(step.get(key), list):
                step[key] = [new if name == old else name for name in step[key]]


def virtualbox_rename(template: Block) -> None:
    rename_type(template, "virtualbox", "virtualbox-iso")


def vmware_rename(template: Block) -> None:
    rename_type(template, "vmware", "vmware-iso")


def proxmox_type(template: Block) -> None:
    rename_type(template, "proxmox", "proxmox-iso")


# -- clouds -----------------------------------------------------------------------


def amazon_private_ip(template: Block) -> None:
    for builder in builders(template, *AMAZON):
        private = flag(builder.get("ssh_private_ip"))
        if private is not None:
            rename(builder, "ssh_private_ip", "ssh_interface")
            builder["ssh_interface"] = "private_ip" if private else "public_ip"


def amazon_source_cidrs(template: Block) -> None:
    old, new = "temporary_security_group_source_cidr", "temporary_security_group_source_cidrs"
    for builder in builders(template, *AMAZON):
        cidr = builder.get(old)
        rename(builder, old, new)
        if isinstance(cidr, str) and builder[new] == cidr:
            builder[new] = [cidr]


def azure_exclude(template: Block) -> None:
    old, new = "exlude_from_latest", "exclude_from_latest"
    for builder in builders(template, "azure-chroot", "azure-arm"):
        for value in builder.values():
            if isinstance(value, dict):
                rename(value, old, new)
        rename(builder, old, new)


# -- hypervisors --------------------------------------------------------------------


def guest_additions(template: Block) -> None:
    for builder in builders(template, *VIRTUALBOX):
        attach = builder.get("guest_additions_attach")
        if isinstance(attach, bool):
            del builder["guest_additions_attach"]
            builder["guest_additions_mode"] = "attach" if attach else "upload"


def parallels_deprecations(template: Block) -> None:
    for builder in builders(template, *PARALLELS):
        builder.pop("parallels_tools_host_path", None)
        if "guest_os_distribution" in builder:
            builder["guest_os_type"] = builder.pop("guest_os_distribution")


def vmware_compaction(template: Block) -> None:
    """A disk that ESXi keeps whole cannot be compacted."""
    for builder in builders(template, "vmware-iso"):
        if builder.get("remote_type") != "esx5":
            continue
        if builder.setdefault("disk_type_id", "zeroedthick") == "zeroedthick":
            builder["skip_compaction"] = True


def vsphere_devices(template: Block) -> None:
    """One network and one disk became lists of them."""
    for builder in builders(template, "vsphere-iso"):
        rename(builder, "networkCard", "network_card")
        _first(builder, "network_adapters", ("network", "network_card"))
        _first(builder, "storage", ("disk_size", "disk_thin_provisioned", "disk_eagerly_scrub"))


def _first(builder: Block, new: str, keys: tuple[str, ...]) -> None:
    """Move some keys into an object that comes first in a list."""
    device = {key: builder.pop(key) for key in keys if key in builder}
    others = builder.get(new)
    if device:
        builder[new] = [device, *(others if isinstance(others, list) else [])]


# -- nothing but other names ----------------------------------------------------------

shutdown_behavior = renaming(builders, AMAZON, shutdown_behaviour="shutdown_behavior")
enhanced_networking = renaming(builders, AMAZON, enhanced_networking="ena_support")
spot_price_auto_product = removing(builders, AMAZON, "spot_price_auto_product")
scaleway_access_key = renaming(builders, ("scaleway",), access_key="organization_id")
parallels_headless = removing(builders, PARALLELS, "headless")
hyperv_deprecations = removing(builders, ("hyperv-iso",), "vhd_temp_path")
hyperv_typo = renaming(builders, ("hyperv-vmcx",), clone_from_vmxc_path="clone_from_vmcx_path")
hyperv_memory = renaming(builders, ("hyperv-iso", "hyperv-vmcx"), cpu="cpus", ram_size="memory")
ssh_key_path = renaming(builders, (), ssh_key_path="ssh_private_key_file")
ssh_agent = renaming(builders, (), ssh_disable_agent="ssh_disable_agent_forwarding")
ssh_timeout = renaming(builders, (), ssh_wait_timeout="ssh_timeout")
qemu_host_port = renaming(
    builders, ("qemu",), ssh_host_port_min="host_port_min", ssh_host_port_max="host_port_max"
)  # fmt: skip
forwarded_ports = renaming(
    builders,
    VIRTUALBOX,
    ssh_host_port_min="host_port_min",
    ssh_host_port_max="host_port_max",
    ssh_skip_nat_mapping="skip_nat_mapping",
)
