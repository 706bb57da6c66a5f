"""Writes VMware's files: disks by qemu-img, a VMX, an OVF descriptor with its manifest, an OVA."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from attrs import frozen

from hclimg.postprocessors.disk_images import disk_images, image_info, qemu_img
from hclimg.postprocessors.vmware import VmwareConfig
from hclimg.sdk.context import Context
from hclimg.sdk.disk import disk_space, output_directory
from hclimg.sdk.machine import Artifact
from hclimg.sdk.vmx import Vmx

BLOCK = 1 << 20
OS_TYPES = {"debian": 96, "ubuntu": 94, "centos": 107, "rhel": 80, "windows": 103}
"""Numbers of operating systems in CIM, as an OVF descriptor wants them; 101 is a Linux of 64 bits."""


@frozen
class Disk:
    """``size`` is what the machine sees, in bytes; ``stored`` the size of the file."""

    name: str
    size: int
    stored: int


def make(ctx: Context, config: VmwareConfig, artifact: Artifact, name: str, folder: Path) -> tuple[str, ...]:
    """The files that were made, of which one is what VMware opens. Raises BuildError when there is no disk image."""
    sources = disk_images(ctx, artifact)
    output = output_directory(ctx, folder)
    path = output.path
    kind = "monolithicSparse" if config.format == "vmx" else "streamOptimized"
    disks = []
    for number, (source, source_format) in enumerate(sources):
        target = path / (f"{name}.vmdk" if number == 0 else f"{name}-{number}.vmdk")
        ctx.say(f"Writing {target.name} ({kind}).")
        disks.append(convert_disk(ctx, config, source, source_format, target, kind))
    if config.format == "vmx":
        _write(path / f"{name}.vmx", vmx(config, name, disks))
    else:
        _write(path / f"{name}.ovf", ovf(config, name, disks))
        _write(path / f"{name}.mf", _manifest(ctx, path, [f"{name}.ovf", *[disk.name for disk in disks]]))
        if config.format == "ova":
            _pack(path, name, disks)
    output.keep()
    return tuple(str(folder / entry.name) for entry in sorted(path.iterdir()))


def convert_disk(ctx: Context, config: VmwareConfig, source: Path, have: str, target: Path, kind: str) -> Disk:
    options = f"subformat={kind},adapter_type={config.disk_adapter_type}"
    qemu_img(ctx, ["convert", "-f", have, "-O", "vmdk", "-o", options, str(source), str(target)], target)
    return Disk(target.name, int(image_info(ctx, target)["virtual-size"]), target.stat().st_size)


def _write(target: Path, text: str) -> None:
    with disk_space(target):
        target.write_text(text, encoding="utf-8")


# -- VMX --------------------------------------------------------------------------


def vmx(config: VmwareConfig, name: str, disks: list[Disk]) -> str:
    """The configuration of a machine, a line for each entry."""
    ide = config.disk_adapter_type == "ide"
    bus = "ide0" if ide else "scsi0"
    entries = {
        ".encoding": "UTF-8", "config.version": "8", "virtualHW.version": str(config.hardware_version),
        "displayName": name, "guestOS": config.guest_os_type, "numvcpus": str(config.cpus),
        "memsize": str(config.memory), "nvram": f"{name}.nvram",
        "pciBridge0.present": "TRUE",
        **{f"pciBridge{n}.present": "TRUE" for n in (4, 5, 6, 7)},
        **{f"pciBridge{n}.virtualDev": "pcieRootPort" for n in (4, 5, 6, 7)},
        **{f"pciBridge{n}.functions": "8" for n in (4, 5, 6, 7)},
        "vmci0.present": "TRUE", "floppy0.present": "FALSE", "tools.syncTime": "FALSE",
    }  # fmt: skip
    if config.firmware != "bios":
        entries["firmware"] = config.firmware  # without the entry it is bios
    if not ide:
        entries |= {"scsi0.present": "TRUE", "scsi0.virtualDev": config.disk_adapter_type}
    for number, disk in enumerate(disks):
        place = f"{bus}:{number + (not ide and number >= 7)}"
        entries |= {f"{place}.present": "TRUE", f"{place}.fileName": disk.name}
    entries |= {
        "ethernet0.present": "TRUE", "ethernet0.virtualDev": config.network_adapter_type,
        "ethernet0.connectionType": config.network, "ethernet0.addressType": "generated",
        "ethernet0.startConnected": "TRUE",
    }  # fmt: skip
    return Vmx(entries).text()


# -- OVF --------------------------------------------------------------------------

ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" \
xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" \
xmlns:vmw="http://www.vmware.com/schema/ovf" \
xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
  <References>
{files}  </References>
  <DiskSection>
    <Info>The disks of the machine</Info>
{disks}  </DiskSection>
  <NetworkSection>
    <Info>The networks that the machine is connected to</Info>
    <Network ovf:name={network}/>
  </NetworkSection>
  <VirtualSystem ovf:id={name}>
    <Info>A machine</Info>
    <Name>{text}</Name>
    <OperatingSystemSection ovf:id="{number}" vmw:osType={guest}>
      <Info>The operating system</Info>
    </OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>The hardware</Info>
      <System>
        <vssd:ElementName>Virtual Hardware Family</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>{text}</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>vmx-{version:02}</vssd:VirtualSystemType>
      </System>
{items}      <vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="{firmware}"/>
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
"""
STREAM = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"
CARDS = {"vmxnet3": "VmxNet3", "e1000": "E1000", "e1000e": "E1000e"}


def ovf(config: VmwareConfig, name: str, disks: list[Disk]) -> str:
    """The descriptor, as version 1 of the OVF standard (DSP0243) says; the elements of an item go by the alphabet."""
    number = next((n for word, n in OS_TYPES.items() if config.guest_os_type.lower().startswith(word)), 101)
    files = "".join(
        f'    <File ovf:href={quoteattr(disk.name)} ovf:id="file{n}" ovf:size="{disk.stored}"/>\n'
        for n, disk in enumerate(disks, 1)
    )
    listing = "".join(
        f'    <Disk ovf:capacity="{disk.size}" ovf:capacityAllocationUnits="byte" ovf:diskId="disk{n}" '
        f'ovf:fileRef="file{n}" ovf:format="{STREAM}"/>\n'
        for n, disk in enumerate(disks, 1)
    )
    return ENVELOPE.format(
        files=files, disks=listing, network=quoteattr(config.network), name=quoteattr(name), text=escape(name),
        number=number, guest=quoteattr(vim_guest(config.guest_os_type)), version=config.hardware_version,
        items="".join(_item(item) for item in _items(config, len(disks))), firmware=config.firmware,
    )  # fmt: skip


def vim_guest(name: str) -> str:
    """A VMX file's name of an operating system as vSphere writes it: ``debian12-64`` is ``debian12_64Guest``."""
    if name.startswith("otherlinux"):
        return "otherLinux64Guest" if name.endswith("-64") else "otherLinuxGuest"
    return f"{name.replace('-', '_')}Guest"


def _items(config: VmwareConfig, disks: int) -> list[dict[str, str]]:
    ide = config.disk_adapter_type == "ide"
    controller = {"ElementName": "IDE controller 0", "InstanceID": "3", "ResourceType": "5"} if ide else {
        "ElementName": "SCSI controller 0", "InstanceID": "3", "ResourceSubType": config.disk_adapter_type,
        "ResourceType": "6",
    }  # fmt: skip
    return [
        {"AllocationUnits": "hertz * 10^6", "ElementName": f"{config.cpus} virtual CPU(s)", "InstanceID": "1",
         "ResourceType": "3", "VirtualQuantity": str(config.cpus)},
        {"AllocationUnits": "byte * 2^20", "ElementName": f"{config.memory} MB of memory", "InstanceID": "2",
         "ResourceType": "4", "VirtualQuantity": str(config.memory)},
        {"Address": "0", **controller},
        *[{"AddressOnParent": str(n), "ElementName": f"disk{n + 1}", "HostResource": f"ovf:/disk/disk{n + 1}",
           "InstanceID": str(10 + n), "Parent": "3", "ResourceType": "17"} for n in range(disks)],
        {"AddressOnParent": "7", "AutomaticAllocation": "true", "Connection": config.network,
         "ElementName": "Network adapter 1", "InstanceID": "4", "ResourceSubType": CARDS[config.network_adapter_type],
         "ResourceType": "10"},
    ]  # fmt: skip


def _item(values: dict[str, str]) -> str:
    lines = "".join(f"        <rasd:{key}>{escape(values[key])}</rasd:{key}>\n" for key in sorted(values))
    return f"      <Item>\n{lines}      </Item>\n"


def _manifest(ctx: Context, folder: Path, names: list[str]) -> str:
    lines = []
    for name in names:
        digest = hashlib.sha256()
        with (folder / name).open("rb") as file:
            while data := file.read(BLOCK):
                ctx.cancel.check()
                digest.update(data)
        lines.append(f"SHA256({name})= {digest.hexdigest()}\n")
    return "".join(lines)


def _pack(folder: Path, name: str, disks: list[Disk]) -> None:
    """One file of all: a tar with the descriptor first, then the manifest, then the disks in their order."""
    target = folder / f"{name}.ova"
    members = [folder / f"{name}.ovf", folder / f"{name}.mf", *[folder / disk.name for disk in disks]]
    with disk_space(target), tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
        for member in members:
            info = archive.gettarinfo(member, arcname=member.name)
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            with member.open("rb") as file:
                archive.addfile(info, file)
    for member in members:
        member.unlink()
