"""From the provisioned system to the image."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from hclimg.builders.rootfs import disk
from hclimg.builders.rootfs.config import DISK_FORMATS, RootfsConfig
from hclimg.builders.rootfs.host import boots_by_itself, room_for
from hclimg.builders.rootfs.launch import Running
from hclimg.builders.rootfs.output import staging
from hclimg.builders.rootfs.system import read_line, seal, stop_processes
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.disk import shown
from hclimg.sdk.machine import Artifact, Communicator, Machine
from hclimg.sdk.steps import step


@frozen(kw_only=True)
class Kernel:
    """Paths in the system; ``initrd`` may be empty."""

    image: str
    initrd: str


def capture(ctx: Context, config: RootfsConfig, machine: Machine, builder_id: str) -> Artifact:
    running: Running = machine.handle
    close_system(ctx, config, machine)
    kernel = _kernel(machine.communicator) if config.base.kernel else None
    if kernel and boots_by_itself(config):
        text = disk.grub_config(running.uuid, kernel.image, kernel.initrd, config.system.kernel_command_line)
        machine.communicator.run("mkdir -p /boot/grub")
        machine.communicator.upload(text.encode(), "/boot/grub/grub.cfg", mode=0o644)
    tree = running.chroot.tree
    used = disk.space_used(tree)
    if config.image.has_disk:
        disk.require_size(config.image.size, used)
    output = staging(ctx, running.names.output)
    with room_for(output.path, _room(config, used), "the image"):
        files = _images(ctx, config, running, tree, output.path)
        if kernel:
            files += _boot_files(machine.communicator, kernel, output.path, running.names.vm)
    output.publish(ctx)
    return _artifact(config, running, builder_id, [path.name for path in files])


@step("Sealing system")
def close_system(_ctx: Context, config: RootfsConfig, machine: Machine) -> None:
    stop_processes(machine.communicator)
    seal(machine.communicator, config)


def _kernel(machine: Communicator) -> Kernel:
    """The links that packages keep pointing to the newest kernel, or else the newest files."""
    script = """
for top in "" /boot; do
    if [ -e $top/vmlinuz ]; then
        if [ -e $top/initrd.img ]; then echo "$top/vmlinuz $top/initrd.img"; else echo "$top/vmlinuz "; fi
        exit 0
    fi
done
newest=$(ls /boot/vmlinuz-* /boot/vmlinux-* 2>/dev/null | sort -V | tail -n 1)
[ -n "$newest" ] || { echo ""; exit 0; }
initrd=/boot/initrd.img-${newest#/boot/vmlinu?-}
[ -e "$initrd" ] || initrd=
echo "$newest $initrd"
"""
    image, _, initrd = read_line(machine, script).partition(" ")
    if not image:
        raise BuildError(
            "There is no kernel in the system, so it cannot boot.",
            hint="A provisioner may have removed it. For a system without a kernel set kernel = false.",
        )
    return Kernel(image=image, initrd=initrd)


def _images(ctx: Context, config: RootfsConfig, running: Running, tree: Path, target: Path) -> list[Path]:
    """One file for each format, in the order of the settings."""
    image, name = config.image, running.names.vm
    paths = {kind: target / f"{name}.{kind}" for kind in image.formats}
    if "tar" in paths:
        disk.pack(ctx, tree, paths["tar"])
    if image.has_disk:
        raw = target / f"{name}.raw"
        _raw_disk(ctx, config, running.uuid, tree, raw)
        for kind in image.formats:
            if kind in DISK_FORMATS and kind != "raw":
                disk.convert(ctx, raw, kind, paths[kind], compress=image.disk_compression)
        if "raw" not in paths:
            raw.unlink()
    return list(paths.values())


def _raw_disk(ctx: Context, config: RootfsConfig, uuid: str, tree: Path, path: Path) -> None:
    image, bootable = config.image, boots_by_itself(config)
    disk.make_disk(path, image.size, partitioned=bootable)
    disk.make_filesystem(
        ctx, path, tree, size=image.size, offset=disk.PARTITION if bootable else 0,
        uuid=uuid, label=image.filesystem_label, features=image.filesystem_features,
    )  # fmt: skip
    if bootable:
        work = path.with_suffix(".boot")
        work.mkdir()
        disk.make_bootable(ctx, path, work, uuid)
        for file in work.iterdir():
            file.unlink()
        work.rmdir()


def _boot_files(machine: Communicator, kernel: Kernel, target: Path, name: str) -> list[Path]:
    """The kernel beside the image, for a hypervisor that boots it directly."""
    found = [(kernel.image, target / f"{name}.vmlinuz"), (kernel.initrd, target / f"{name}.initrd")]
    copied = [(inside, path) for inside, path in found if inside]
    for inside, path in copied:
        machine.download(inside, path)
    return [path for _, path in copied]


def _room(config: RootfsConfig, used: int) -> int:
    """A disk is made as it is first, and then once more for each other format."""
    kinds = set(config.image.formats) | ({"raw"} if config.image.has_disk else set())
    return used * len(kinds)


def _artifact(config: RootfsConfig, running: Running, builder_id: str, files: list[str]) -> Artifact:
    output = shown(running.names.output)
    paths = [str(output / name) for name in files]
    boot = {Path(path).suffix[1:]: path for path in paths if path.endswith((".vmlinuz", ".initrd"))}
    return Artifact(
        builder=builder_id,
        component="builder/rootfs",
        id=running.names.vm,
        description=f"Image files in directory: {output}",
        files=tuple(paths),
        state={
            "images": dict(zip(config.image.formats, paths, strict=False)),
            "kernel": boot.get("vmlinuz", ""),
            "initrd": boot.get("initrd", ""),
            "kernel_command_line": f"root=UUID={running.uuid} ro {config.system.kernel_command_line}",
            "disk_size": config.image.size if config.image.has_disk else 0,
        },
    )
