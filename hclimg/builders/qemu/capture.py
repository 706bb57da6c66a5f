"""From a running machine to the image."""

from __future__ import annotations

from hclimg.builders.qemu.builder import QemuBuilder, Running
from hclimg.builders.qemu.config import QemuConfig
from hclimg.builders.qemu.disks import finish_disks
from hclimg.builders.qemu.guest import shut_down
from hclimg.builders.qemu.prepare import EFI_VARS
from hclimg.communicators.connect import clear_authorized_keys
from hclimg.sdk.context import Context
from hclimg.sdk.disk import shown
from hclimg.sdk.download import described
from hclimg.sdk.machine import Artifact, Machine


def capture(ctx: Context, config: QemuConfig, machine: Machine) -> Artifact:
    running: Running = machine.handle
    if running.public_key and not running.guest.ended.is_set():
        clear_authorized_keys(ctx, config.communicator, machine.communicator, running.public_key)
    command, timeout = config.shutdown.shutdown_command, config.shutdown.shutdown_timeout
    shut_down(ctx, running.guest, machine.communicator, ctx.render(command), timeout)
    finish_disks(ctx, config, running.source, running.disks)
    directory = running.output.path
    if config.efi.efi_drop_efivars:
        (directory / EFI_VARS).unlink(missing_ok=True)
    running.output.keep()
    return Artifact(
        builder=QemuBuilder.builder_id,
        component="builder/qemu",
        id="VM",
        description=f"VM files in directory: {shown(directory)}",
        files=tuple(str(shown(path)) for path in sorted(directory.rglob("*")) if path.is_file()),
        state={
            "diskName": running.disks[0].name,
            "diskPaths": [str(shown(path)) for path in running.disks],
            "diskType": config.disk.format,
            "diskSize": config.disk.size,
            "domainType": running.accelerator,
            "source": described(config.iso),
        },
    )
