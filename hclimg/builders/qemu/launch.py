"""From the settings to a machine that one can log in to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from hclimg.builders.qemu import prepare
from hclimg.builders.qemu.accelerator import best_accelerator
from hclimg.builders.qemu.builder import Running
from hclimg.builders.qemu.command import Hardware, command_line
from hclimg.builders.qemu.config import QemuConfig
from hclimg.builders.qemu.disks import create_disks, disk_paths
from hclimg.builders.qemu.guest import Guest, PortTakenError, start_guest
from hclimg.builders.qemu.network import CARD_PATIENCE, guest_address, host_address, new_card_address, wait_for_card
from hclimg.builders.qemu.watch import explainer
from hclimg.communicators.build_key import build_key
from hclimg.communicators.connect import connect
from hclimg.communicators.facts import machine_facts
from hclimg.communicators.loading import load_ahead
from hclimg.communicators.watched import WatchedCommunicator
from hclimg.errors import TimedOut
from hclimg.sdk.cdrom import cd_image
from hclimg.sdk.context import Context
from hclimg.sdk.disk import output_directory, private_directory
from hclimg.sdk.floppy import floppy_disk
from hclimg.sdk.http import HttpAddress, http_server
from hclimg.sdk.machine import Communicator, Machine
from hclimg.sdk.ports import reserved_port
from hclimg.sdk.ssh_keys import KeyPair
from hclimg.sdk.surroundings import Surroundings
from hclimg.sdk.vnc_typing import Screen, type_boot_command

STARTS = 5  # how often QEMU is started when another program takes its port


def launch(ctx: Context, config: QemuConfig, source: str) -> Machine:
    names = prepare.names(ctx, config)
    output = output_directory(ctx, names.output)
    work = private_directory(ctx)
    accelerator = config.accelerator or best_accelerator(config.qemu_binary)
    key = build_key(ctx, config.communicator)
    paths = disk_paths(config, output.path, names.vm)
    disks = create_disks(ctx, config, source, paths)
    hardware = Hardware(name=names.vm, accelerator=accelerator, disks=disks, cds=_cds(ctx, config, source, work))
    hardware = _with_firmware(ctx, config, _with_media(ctx, config, hardware, work, key), output.path, work)
    around = _surroundings(ctx, config, key)
    password = prepare.vnc_password(config.screen)
    ctx.redact.add(password)

    _announce(ctx, config, accelerator)
    load_ahead(config.communicator.communicator)
    guest, hardware = _start(ctx, config, hardware, around, output.path, work)
    if password:
        guest.qmp.execute("set_password", protocol="vnc", password=password)
    if config.typed:
        _type(ctx, guest, config, hardware.vnc_port, password, around.data(names.vm))
    if hardware.host_port:
        wait_for_card(ctx, guest, min(CARD_PATIENCE, config.communicator.timeout.total_seconds()))
    host, port = _where(ctx, guest, config, hardware)
    communicator = _connect(ctx, guest, config, host, port, key)
    return Machine(
        id=names.vm,
        communicator=communicator,
        facts={
            **machine_facts(ctx, config.communicator, machine_id=names.vm, host=host, port=port, key=key),
            **around.facts(),
        },
        handle=Running(
            guest=guest,
            output=output,
            disks=paths,
            source=source,
            accelerator=accelerator,
            public_key=around.public_key,
        ),
    )


# -- before the start ---------------------------------------------------------


def _cds(ctx: Context, config: QemuConfig, source: str, work: Path) -> tuple[str, ...]:
    first = () if config.disk.disk_image else (source,)
    return (*first, str(cd_image(ctx, config.cd, work / "cd.iso"))) if config.cd.wanted else first


def _with_media(ctx: Context, config: QemuConfig, hardware: Hardware, work: Path, key: KeyPair | None) -> Hardware:
    floppy = floppy_disk(ctx, config.floppy, work / "floppy.img") if config.floppy.wanted else None
    key_file = None
    if key is not None:
        key_file = work / "authorized_key"
        key_file.write_text(f"{key.public}\n")
    return evolve(hardware, floppy=floppy, key_file=key_file, console=True)


def _with_firmware(ctx: Context, config: QemuConfig, hardware: Hardware, output: Path, work: Path) -> Hardware:
    if config.efi.enabled:
        code, variables = prepare.firmware_paths(config.efi)
        hardware = evolve(hardware, efi_code=code, efi_vars=prepare.copy_variables(ctx, variables, output))
    if config.vtpm:
        hardware = evolve(hardware, tpm_socket=prepare.start_tpm(ctx, work, version_1=config.use_tpm1))
    if config.qmp_enable or config.qmp_socket_path:
        monitor = config.qmp_socket_path or str(output / f"{hardware.name}.monitor")
        hardware = evolve(hardware, user_monitor=Path(monitor).expanduser().absolute())
    return evolve(hardware, display=prepare.display_of(ctx, config))


def _surroundings(ctx: Context, config: QemuConfig, key: KeyPair | None) -> Surroundings:
    address = http_server(ctx, config.http) if config.http.wanted else HttpAddress("", 0)
    public = key.public if key else ""
    return Surroundings(http_ip=host_address(config, address.host), http_port=address.port, public_key=public)


def _announce(ctx: Context, config: QemuConfig, accelerator: str) -> None:
    if accelerator == "none":
        ctx.warn("The machine runs without an accelerator.")
    elif accelerator == "tcg" and not config.accelerator:
        ctx.say("KVM does not work on this host; the machine is emulated (TCG), which is several times slower.")


# -- the start ----------------------------------------------------------------


def _start(
    ctx: Context, config: QemuConfig, hardware: Hardware, around: Surroundings, output: Path, work: Path
) -> tuple[Guest, Hardware]:
    """Start QEMU; with other ports when somebody else was faster to take them."""
    for attempt in range(1, STARTS + 1):
        ready = _with_ports(ctx, config, hardware)

        def command(qmp_fd: int, ready: Hardware = ready) -> list[str]:
            rows = _rendered(ctx, config, ready, around, output)
            return command_line(config, evolve(ready, qmp_fd=qmp_fd), rows)

        try:
            guest = start_guest(ctx, command, work, ready.disks[0].path)
        except PortTakenError:
            if attempt == STARTS:
                raise
            continue
        if ready.vnc_port and not ready.display:
            ctx.say(f"The screen is at vnc://{config.screen.vnc_bind_address}:{ready.vnc_port}.")
        return guest, ready
    raise AssertionError("unreachable")


def _with_ports(ctx: Context, config: QemuConfig, hardware: Hardware) -> Hardware:
    screen, network = config.screen, config.network
    if not screen.disable_vnc:
        low, high = screen.vnc_port_min, screen.vnc_port_max
        vnc = reserved_port(ctx, low, high, address=screen.vnc_bind_address, what="VNC")
        hardware = evolve(hardware, vnc_port=vnc)
    if network.net_bridge:
        return evolve(hardware, mac=new_card_address())
    if config.communicator.communicator == "none" or network.skip_nat_mapping:
        return hardware
    low, high = network.host_ports
    port = reserved_port(ctx, low, high, what="the connection to the machine")
    return evolve(hardware, host_port=port, guest_port=config.communicator.port)


def _rendered(
    ctx: Context, config: QemuConfig, hardware: Hardware, around: Surroundings, output: Path
) -> list[list[str]]:
    data: Mapping[str, Any] = {
        "HTTPIP": around.http_ip, "HTTPPort": around.http_port, "HTTPDir": config.http.http_directory,
        "HTTPContent": config.http.http_content, "OutputDir": str(output), "Name": hardware.name,
        "SSHHostPort": hardware.host_port or (config.communicator.port if config.network.skip_nat_mapping else 0),
    }  # fmt: skip
    return [[ctx.render(part, **data) for part in row] for row in config.qemuargs]


# -- after the start ----------------------------------------------------------


def _type(ctx: Context, guest: Guest, config: QemuConfig, port: int, password: str, data: Mapping[str, Any]) -> None:
    """A machine that ends meanwhile ends the typing."""
    wanted = config.screen
    screen = Screen(
        address=wanted.vnc_bind_address, port=port, password=password, key_interval=wanted.boot_key_interval
    )  # fmt: skip
    with guest.watched(ctx) as watched:
        type_boot_command(watched, screen, config.boot, config.typed, data)


def _where(ctx: Context, guest: Guest, config: QemuConfig, hardware: Hardware) -> tuple[str, int]:
    """Where the machine is reached from this host."""
    how = config.communicator
    if how.communicator == "none":
        return "", 0
    if config.network.net_bridge:
        return how.host or guest_address(ctx, guest, config), how.port
    return how.host or "127.0.0.1", hardware.host_port or how.port


def _connect(ctx: Context, guest: Guest, config: QemuConfig, host: str, port: int, key: KeyPair | None) -> Communicator:
    """Log in. When that takes too long, the guest's console says why."""
    private = key.private if key else None
    try:
        with guest.watched(ctx) as watched:
            communicator = connect(watched, config.communicator, host=host, port=port, private_key=private)
    except TimedOut:
        for line in guest.console():
            ctx.output(f"console: {line}", "stderr")
        raise
    return WatchedCommunicator(communicator, explainer(guest, ctx.cancel))
