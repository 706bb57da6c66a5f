"""From a VMX file to a machine that one can log in to: what vmware-iso and vmware-vmx have in common."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from attrs import define, frozen

from hclimg.builders.vmware.config import DISK_TYPES, CommonConfig
from hclimg.builders.vmware.hardware import QUIET, add_cd, add_floppy, add_screen
from hclimg.builders.vmware.network import card_address, host_address, leased_address, vnet_of
from hclimg.builders.vmware.vmrun import OVFTOOL, QEMU_IMG, TOOLS_FOLDERS, Vmware, create_disk, find_vmware, stop_left
from hclimg.communicators.build_key import build_key
from hclimg.communicators.connect import connect
from hclimg.communicators.facts import machine_facts
from hclimg.communicators.loading import load_ahead
from hclimg.errors import BuildError, MissingProgram, TimedOut
from hclimg.sdk.boot import texts_of
from hclimg.sdk.cdrom import cd_image
from hclimg.sdk.context import Context
from hclimg.sdk.disk import OutputDirectory, disk_space, private_directory, refuse_existing
from hclimg.sdk.floppy import floppy_disk
from hclimg.sdk.guest_files import guest_files
from hclimg.sdk.http import http_server
from hclimg.sdk.machine import Communicator, Machine
from hclimg.sdk.ports import reserved_port
from hclimg.sdk.process import find_program
from hclimg.sdk.ssh_keys import KeyPair
from hclimg.sdk.steps import step
from hclimg.sdk.surroundings import Surroundings
from hclimg.sdk.vmx import Vmx
from hclimg.sdk.vnc_typing import Screen, type_boot_command
from hclimg.units import show_duration

POLL = 1.0
"""Seconds between two looks at a machine: each is a program that is started."""
VNC_PASSWORD = 6  # bytes, which are 8 characters: more, VNC does not look at
NEEDS_OVFTOOL = (
    'Install VMware\'s OVF Tool; or leave "format" out and let the post-processor "vmware" write the OVF or OVA, which '
    "needs qemu-img only."
)


@frozen
class Names:
    vm: str
    output: Path

    @property
    def vmx(self) -> Path:
        return self.output / f"{self.vm}.vmx"


@define(eq=False)
class Running:
    """What the capture needs to know of the launch; ``drives`` are the places of the CDs that only the build needs."""

    vmware: Vmware
    names: Names
    output: OutputDirectory
    drives: tuple[str, ...]
    public_key: str


def names(ctx: Context, config: CommonConfig) -> Names:
    """By default they come from the build's name. Links are followed, because vmrun tells paths without them."""
    result = config.result
    output = Path(result.output_directory or f"output-{ctx.build_name}").expanduser().absolute()
    return Names(result.vm_name or f"packer-{ctx.build_name}", output.parent.resolve() / output.name)


def input_files(config: CommonConfig) -> tuple[Path, ...]:
    return guest_files(config.http, config.cd, config.floppy)


@step("Checking programs")
def check(ctx: Context, config: CommonConfig, *, new_disks: bool) -> Vmware:
    """Look at what would stop the build later: programs, the output directory. Raises BuildError."""
    vmware = find_vmware(config.fusion_app_path)
    if (new_disks or config.disks.disk_additional_size) and not vmware.has_disk_manager:
        find_program(QEMU_IMG)
    if config.result.exports:
        try:
            vmware.program(OVFTOOL)
        except MissingProgram as error:
            raise MissingProgram(error.message, hint=NEEDS_OVFTOOL) from None
    if config.tools.mode != "disable":
        tools_image(config)
    if config.result.output_directory or ctx.build_name:
        refuse_existing(ctx, names(ctx, config).output)
    return vmware


def tools_image(config: CommonConfig) -> Path:
    """The image of VMware's tools. Raises BuildError when it is not there."""
    wanted = config.tools
    if wanted.tools_source_path is not None:
        return wanted.tools_source_path.expanduser().absolute()
    places = [Path(folder, f"{wanted.tools_upload_flavor}.iso") for folder in TOOLS_FOLDERS]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        looked = " and ".join(map(str, places))
        hint = "Set tools_source_path, or install the package open-vm-tools in the guest instead."
        raise BuildError(f"VMware's tools for {wanted.tools_upload_flavor} are not at {looked}.", hint=hint)
    return found


@step("Creating disks")
def new_disks(ctx: Context, config: CommonConfig, vmware: Vmware, output: Path, sizes: tuple[int, ...]) -> list[str]:
    """Files for new disks of these sizes in MB; the names of the files."""
    wanted = config.disks
    made = []
    for size in sizes:
        name = _disk_name(output, wanted.vmdk_name)
        kind = (wanted.disk_type_id, DISK_TYPES[wanted.disk_type_id])
        create_disk(ctx, vmware, output / name, size, wanted.disk_adapter_type, kind)
        made.append(name)
    return made


def _disk_name(output: Path, stem: str) -> str:
    number = 0
    while (output / (name := f"{stem}-{number}.vmdk" if number else f"{stem}.vmdk")).exists():
        number += 1
    return name


# -- media, screen, start -----------------------------------------------------------


def run(
    ctx: Context, config: CommonConfig, vmware: Vmware, output: OutputDirectory, vmx: Vmx, cds: tuple[str, ...]
) -> Machine:  # fmt: skip
    """Give the machine its media (``cds`` first), start it, type, wait, log in."""
    called = names(ctx, config)
    work = private_directory(ctx)
    key = build_key(ctx, config.communicator)
    drives = _media(ctx, config, vmx, work, cds)
    screen = _screen(ctx, config, vmx)
    vmx.update({**QUIET, "displayName": config.vmx.display_name or called.vm})
    vmx.update(config.vmx.vmx_data)
    write(called.vmx, vmx)
    around = _surroundings(ctx, config, vmx, key)
    load_ahead(config.communicator.communicator)
    start_machine(ctx, vmware, called.vmx, window=not config.screen.headless)
    if screen and config.boot.boot_command:
        type_boot_command(ctx, screen, config.boot, texts_of(config.boot), around.data(called.vm))
    host = _where(ctx, config, vmware, called.vmx)
    how = config.communicator
    communicator = connect(ctx, how, host=host, port=how.port, private_key=key.private if key else None)
    if config.tools.mode == "upload":
        _upload_tools(ctx, config, communicator)
    return Machine(
        id=called.vm,
        communicator=communicator,
        facts={
            **machine_facts(ctx, how, machine_id=called.vm, host=host, port=how.port, key=key),
            **around.facts(),
        },
        handle=Running(vmware, called, output, drives, key.public if key else ""),
    )


def _media(ctx: Context, config: CommonConfig, vmx: Vmx, work: Path, cds: tuple[str, ...]) -> tuple[str, ...]:
    images = list(cds)
    if config.cd.wanted:
        images.append(str(cd_image(ctx, config.cd, work / "cd.iso")))
    if config.tools.mode == "attach":
        images.append(str(tools_image(config)))
    if config.floppy.wanted:
        add_floppy(vmx, floppy_disk(ctx, config.floppy, work / "floppy.flp"))
    return tuple(add_cd(vmx, config, image) for image in images)


def _screen(ctx: Context, config: CommonConfig, vmx: Vmx) -> Screen | None:
    wanted = config.screen
    if wanted.disable_vnc:
        return None
    address = wanted.vnc_bind_address
    port = reserved_port(ctx, wanted.vnc_port_min, wanted.vnc_port_max, address=address, what="VNC")
    password = "" if wanted.vnc_disable_password else secrets.token_urlsafe(VNC_PASSWORD)
    ctx.redact.add(password)
    add_screen(vmx, address, port, password)
    ctx.say(f"The screen is at vnc://{address}:{port}.")
    return Screen(address=address, port=port, password=password, key_interval=wanted.boot_key_interval)


def write(path: Path, vmx: Vmx) -> None:
    """Only this user may read it: it has the screen's password while the machine runs."""
    with disk_space(path):
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(vmx.text(), "utf-8")


def read(path: Path) -> Vmx:
    return Vmx.parse(path.read_text("utf-8", "replace"))


def _surroundings(ctx: Context, config: CommonConfig, vmx: Vmx, key: KeyPair | None) -> Surroundings:
    public = key.public if key else ""
    if not config.http.wanted:
        return Surroundings(public_key=public)
    address = http_server(ctx, config.http)
    host = address.host or host_address(vnet_of(vmx))
    return Surroundings(http_ip=host, http_port=address.port, public_key=public)


@step("Starting the machine", undo="Stopping the machine")
def start_machine(ctx: Context, vmware: Vmware, vmx: Path, *, window: bool) -> Iterator[None]:
    """Runs until the scope closes, or until it is switched off."""
    record = ctx.journal.intend("vmware/machine", vmx=str(vmx), vmrun=vmware.vmrun, product=vmware.product)
    try:
        vmware.start(ctx, vmx, window=window)
    except BaseException:
        if not stop_left(vmware.vmrun, vmware.product, str(vmx)):  # it may have come up all the same
            record.gone()
        raise
    record.made()
    yield
    if vmware.is_running(ctx, vmx):
        vmware.stop(ctx, vmx, hard=True)
    record.gone()


# -- where it is --------------------------------------------------------------------


@step("Waiting for the machine's address")
def _address(ctx: Context, config: CommonConfig, vmware: Vmware, path: Path) -> str:
    patience = config.communicator.winrm_timeout if config.communicator.communicator == "winrm" else (
        config.communicator.timeout
    )  # fmt: skip
    deadline = time.monotonic() + patience.total_seconds()
    while True:
        vmx = read(path)
        if found := leased_address(vnet_of(vmx), card_address(vmx)) or vmware.address(ctx, path):
            ctx.say(f"The machine's address is {found}.")
            return found
        if not vmware.is_running(ctx, path):
            raise BuildError("The machine was switched off before it had an address.", hint="Look at its screen.")
        if time.monotonic() >= deadline:
            card = card_address(vmx) or "without an address"
            raise TimedOut(
                f"The machine had no IP address after {show_duration(patience)}: VMware's DHCP server knows none for "
                f"its card {card}, and no tools in the guest tell one.",
                hint="Set ssh_host, install open-vm-tools in the guest, or raise ssh_timeout.",
            )
        ctx.sleep(POLL)


def _where(ctx: Context, config: CommonConfig, vmware: Vmware, vmx: Path) -> str:
    how = config.communicator
    if how.communicator == "none":
        return ""
    return how.host or _address(ctx, config, vmware, vmx)


@step("Uploading VMware's tools")
def _upload_tools(ctx: Context, config: CommonConfig, communicator: Communicator) -> None:
    target = ctx.render(config.tools.tools_upload_path, Flavor=config.tools.tools_upload_flavor)
    communicator.upload(tools_image(config), target)
