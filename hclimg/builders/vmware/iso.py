"""What is special to vmware-iso: a new machine."""

from __future__ import annotations

from pathlib import Path

from hclimg.builders.vmware.hardware import add_disks, from_template, new_machine
from hclimg.builders.vmware.iso_config import VmwareIsoConfig
from hclimg.builders.vmware.launch import check, names, new_disks, run
from hclimg.builders.vmware.vmrun import find_vmware
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.disk import output_directory
from hclimg.sdk.download import fetch_image
from hclimg.sdk.machine import Machine
from hclimg.sdk.vmx import Vmx


def find_source(ctx: Context, config: VmwareIsoConfig) -> str:
    """The ISO; what would stop the build later is looked at first, because a download is long."""
    check(ctx, config.common, new_disks=True)
    return str(fetch_image(ctx, config.iso))


def launch(ctx: Context, config: VmwareIsoConfig, iso: str) -> Machine:
    common = config.common
    called = names(ctx, common)
    output = output_directory(ctx, called.output)
    vmware = find_vmware(common.fusion_app_path)
    sizes = (config.hardware.disk_size, *common.disks.disk_additional_size)
    disks = new_disks(ctx, common, vmware, output.path, sizes)
    vmx = _machine(ctx, config, called.vm, disks, iso)
    return run(ctx, common, vmware, output, vmx, () if iso in vmx.text() else (iso,))


def _machine(ctx: Context, config: VmwareIsoConfig, name: str, disks: list[str], iso: str) -> Vmx:
    hardware, adapter = config.hardware, config.common.disks.disk_adapter_type
    if not hardware.vmx_template_path:
        vmx = new_machine(hardware, name)
        add_disks(vmx, adapter, disks)
        return vmx
    vmx = from_template(_text(hardware.vmx_template_path), hardware, ctx.render, name=name, disk=disks[0], iso=iso)
    first = [] if disks[0] in vmx.text() else disks[:1]
    more = disks[1:]
    if hardware.vmx_disk_template_path:
        template = _text(hardware.vmx_disk_template_path)
        for number, disk in enumerate(more, 1):
            vmx.update(_entries(ctx.render(template, DiskNumber=number, DiskName=disk)))
        more = []
    add_disks(vmx, adapter, [*first, *more])
    return vmx


def _entries(text: str) -> dict[str, str]:
    found = Vmx.parse(text)
    return {key: found[key] for key in found}


def _text(path: str) -> str:
    try:
        return Path(path).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"The template {path} cannot be read: {error}.") from error
