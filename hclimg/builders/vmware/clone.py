"""What is special to vmware-vmx: a clone of a machine that exists."""

from __future__ import annotations

from pathlib import Path

from hclimg.builders.vmware.hardware import add_disks, disks_of
from hclimg.builders.vmware.launch import check, names, new_disks, read, run
from hclimg.builders.vmware.vmrun import Vmware, find_vmware
from hclimg.builders.vmware.vmx_config import VmwareVmxConfig
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.disk import output_directory
from hclimg.sdk.machine import Machine
from hclimg.sdk.steps import step


def source_files(source: Path) -> tuple[Path, ...]:
    """The machine to clone: its VMX file and its disks."""
    path = source.expanduser().absolute()
    if not path.is_file():
        return ()
    disks = (path.parent / name for name in disks_of(read(path)))
    return (path, *(disk for disk in disks if disk.is_file()))


def find_source(ctx: Context, config: VmwareVmxConfig) -> str:
    """The VMX file. Raises BuildError when it is not there, or its machine runs."""
    vmware = check(ctx, config.common, new_disks=False)
    source = config.source_path.expanduser().absolute().resolve()
    if not source.is_file():
        raise BuildError(f"The machine to clone, {source}, does not exist.")
    if not config.attach_snapshot and vmware.is_running(ctx, source):
        hint = "Shut it down, or name a snapshot of it with attach_snapshot."
        raise BuildError(f"The machine to clone, {source}, is running.", hint=hint)
    return str(source)


def launch(ctx: Context, config: VmwareVmxConfig, source: str) -> Machine:
    common = config.common
    called = names(ctx, common)
    output = output_directory(ctx, called.output)
    vmware = find_vmware(common.fusion_app_path)
    _clone(ctx, config, vmware, Path(source), called.vmx)
    vmx = read(called.vmx)
    if config.guest_os_type:
        vmx["guestOS"] = config.guest_os_type
    if config.version:
        vmx["virtualHW.version"] = str(config.version)
    more = new_disks(ctx, common, vmware, output.path, common.disks.disk_additional_size)
    add_disks(vmx, common.disks.disk_adapter_type, more)
    return run(ctx, common, vmware, output, vmx, ())


@step("Cloning the machine")
def _clone(ctx: Context, config: VmwareVmxConfig, vmware: Vmware, source: Path, target: Path) -> None:
    vmware.clone(ctx, source, target, linked=config.linked, snapshot=config.attach_snapshot)
    if not target.is_file():
        raise BuildError(f"vmrun said that it cloned {source}, but there is no {target}.")
