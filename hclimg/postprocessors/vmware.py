"""Post-processor ``vmware`` (ours): makes VMware files of a disk image, without a vCenter or VMware's programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hclimg.config.fields import Checker, config, setting
from hclimg.sdk.components import PostProcessor

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact


@config
class VmwareConfig:
    """Makes VMware files of the disk images of an artifact: a VMDK with a VMX, or an OVF or OVA."""

    format: str = setting(
        'What to make: "vmx" is a machine for VMware Workstation, Fusion and Player; "ovf" (files) and "ova" '
        "(one file) can be imported everywhere.",
        default="vmx", choices=("vmx", "ovf", "ova"),
    )  # fmt: skip
    output_directory: str = setting("Where the files go.", default="", default_doc="output-BUILDNAME-vmware")
    vm_name: str = setting("The name of the machine and of its files.", default="", default_doc="the build's name")
    guest_os_type: str = setting(
        "The operating system, as a VMX file names it.", default="otherlinux-64", example='"debian12-64"'
    )
    cpus: int = setting("The number of processors.", default=1)
    memory: int = setting("The memory in MB.", default=1024)
    firmware: str = setting("What it boots with.", default="bios", choices=("bios", "efi"))
    disk_adapter_type: str = setting(
        "What the disks are attached to.", default="lsilogic", choices=("lsilogic", "buslogic", "ide")
    )
    network_adapter_type: str = setting(
        "The kind of network card.", default="vmxnet3", choices=("vmxnet3", "e1000", "e1000e")
    )
    network: str = setting(
        'How the card is connected: "nat", "bridged" or "hostonly" in a VMX file, a network\'s name in an OVF file.',
        default="nat",
    )
    hardware_version: int = setting("The version of the virtual hardware.", default=14)

    def check(self, problems: Checker) -> None:
        for name in ("cpus", "memory", "hardware_version"):
            if getattr(self, name) < 1:
                problems.error("Invalid number", f'"{name}" must be at least 1.', name)
        if self.format == "vmx" and self.network not in ("nat", "bridged", "hostonly"):
            detail = f'In a VMX file a card is connected by "nat", "bridged" or "hostonly", not "{self.network}".'
            problems.error("Invalid network", detail, "network")
        if "/" in self.vm_name:
            detail = '"vm_name" is the name of files, without a directory; see output_directory.'
            problems.error("Invalid name", detail, "vm_name")


class VmwarePostProcessor(PostProcessor[VmwareConfig]):
    Config: ClassVar[type] = VmwareConfig
    keeps_input: ClassVar[bool] = False

    def summary(self) -> str:
        return self.config.format

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        from hclimg.postprocessors.vmware_files import make
        from hclimg.sdk.machine import Artifact as Made

        name = self.config.vm_name or ctx.build_name
        folder = Path(self.config.output_directory or f"output-{ctx.build_name}-vmware").expanduser()
        files = make(ctx, self.config, artifact, name, folder)
        return Made(
            builder="hclimg.post-processor.vmware", component="post-processor/vmware", id=name,
            description=f"VMware files in directory: {folder}", files=files, state={"format": self.config.format},
        )  # fmt: skip
