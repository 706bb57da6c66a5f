"""What is looked at and made before the machine starts: programs, names, firmware, media, the TPM."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from hclimg.builders.qemu.config import EfiConfig, QemuConfig, VncConfig
from hclimg.builders.qemu.disks import QEMU_IMG
from hclimg.errors import BuildError, MissingProgram
from hclimg.sdk.context import Context
from hclimg.sdk.disk import disk_space, refuse_existing
from hclimg.sdk.download import fetch_image, unchecked_image
from hclimg.sdk.guest_files import guest_files
from hclimg.sdk.process import PACKAGES, find_program, run_program, running_program
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    import socket

FIRMWARE = (
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
)
"""Packer's default, and what newer Debian and Ubuntu have in its place."""

EFI_VARS = "efivars.fd"


@frozen
class Names:
    vm: str
    output: Path


def names(ctx: Context, config: QemuConfig) -> Names:
    """The name of the machine and of its directory; by default they come from the build's name."""
    vm = config.vm_name or f"packer-{ctx.build_name}"
    return Names(vm, Path(config.output_directory or f"output-{ctx.build_name}").expanduser().absolute())


@step("Checking programs")
def check_programs(_ctx: Context, config: QemuConfig) -> None:
    """Raise MissingProgram that names all the programs that are missing, and how to get them."""
    missing: list[str] = []
    for program in (config.qemu_binary, QEMU_IMG, *(["swtpm"] if config.vtpm else [])):
        try:
            find_program(program)
        except MissingProgram:
            missing.append(program)
    if not missing:
        return
    listing = " and ".join(f'"{name}"' for name in missing)
    packages = [PACKAGES.get(Path(name).name) for name in missing]
    hint = f"On Debian or Ubuntu: apt-get install {' '.join(filter(None, packages))}" if all(packages) else ""
    raise MissingProgram(
        f"{'These programs are' if len(missing) > 1 else 'This program is'} not installed on this machine: {listing}.",
        hint=hint or "Install them, or add them to PATH; qemu_binary can be a path.",
    )


def find_source(ctx: Context, config: QemuConfig) -> str:
    """Fetch what the machine starts from. What would stop the build later is looked at first: a download is long."""
    check_programs(ctx, config)
    if config.output_directory or ctx.build_name:
        refuse_existing(ctx, names(ctx, config).output)
    if config.disk.iso_skip_cache:
        return _first_reachable(ctx, config)
    return str(fetch_image(ctx, config.iso))


def _first_reachable(ctx: Context, config: QemuConfig) -> str:
    from hclimg.sdk.web import connections, request

    failures = []
    for url in config.iso.urls:
        try:
            response = request(ctx, connections(url), url, {"Range": "bytes=0-0"})
        except BuildError as error:
            failures.append(f"{url}: {error.message}")
            continue
        response.drain_conn()
        response.release_conn()
        if response.status in (200, 206):
            return url
        failures.append(f"{url}: the server answered {response.status}.")
    raise BuildError("The image cannot be read. " + " ".join(failures))


def input_files(config: QemuConfig) -> tuple[Path, ...]:
    """Files of the host that the result depends on."""
    return (*unchecked_image(config.iso), *guest_files(config.http, config.cd, config.floppy))


# -- firmware, TPM, screen ----------------------------------------------------


def firmware_paths(efi: EfiConfig) -> tuple[str, str]:
    """The code and the variables of the UEFI firmware. Raises BuildError when they are not there."""
    code, variables = efi.efi_firmware_code, efi.efi_firmware_vars
    if not code and not variables:
        code, variables = next((pair for pair in FIRMWARE if all(map(os.path.exists, pair))), FIRMWARE[0])
    code, variables = code or FIRMWARE[0][0], variables or FIRMWARE[0][1]
    for path in (code, variables):
        if not Path(path).is_file():
            hint = "On Debian or Ubuntu: apt-get install ovmf. Or set efi_firmware_code and efi_firmware_vars."
            raise BuildError(f"The UEFI firmware {path} does not exist.", hint=hint)
    return code, variables


@step("Copying UEFI variables")
def copy_variables(_ctx: Context, source: str, output: Path) -> Path:
    """The machine writes into its own copy, which becomes part of the result."""
    from shutil import copyfile

    target = output / EFI_VARS
    with disk_space(target):
        copyfile(source, target)
    return target


@step("Starting TPM", undo="Stopping TPM")
def start_tpm(ctx: Context, work: Path, *, version_1: bool) -> Iterator[Path]:
    """The socket of an emulated TPM, whose state does not outlive the build."""
    state, endpoint, log = work / "tpm", work / "tpm.sock", work / "tpm.log"
    state.mkdir(mode=0o700)
    version = [] if version_1 else ["--tpm2"]
    with _listening(endpoint) as listener:  # before swtpm begins, so that QEMU need not wait for it
        control = f"type=unixio,fd={listener.fileno()}"
        command = ["swtpm", "socket", "--tpmstate", f"dir={state}", "--ctrl", control, *version]
        running_program(ctx, command, name="swtpm", log=log, pass_fds=(listener.fileno(),))
    yield endpoint


def _listening(endpoint: Path) -> socket.socket:
    import socket

    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(endpoint))
        listener.listen()
    except OSError as error:
        listener.close()
        hint = "Set TMPDIR to a directory with a short path."
        raise BuildError(f"The TPM cannot be reached at {endpoint}: {error.strerror or error}.", hint=hint) from error
    return listener


def display_of(ctx: Context, config: QemuConfig) -> str:
    """QEMU's -display: empty leaves the choice to QEMU, which shows nothing but VNC when there is that."""
    screen = config.screen
    if screen.headless or any(row and row[0].lstrip("-") in ("display", "nographic") for row in config.qemuargs):
        return "none" if screen.disable_vnc and screen.headless else ""
    if screen.display and screen.display != "none":
        return screen.display
    if screen.use_default_display or screen.display == "none":
        return ""
    if _has_window(ctx, config):
        return "gtk"
    ctx.say("There is no graphical session here, so the machine has no window; headless = true asks for none.")
    return "none" if screen.disable_vnc else ""


def _has_window(ctx: Context, config: QemuConfig) -> bool:
    """Whether QEMU could open a window: there is a screen, and this QEMU was built for it."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    return "gtk" in run_program(ctx, [config.qemu_binary, "-display", "help"]).stdout.split()


def vnc_password(screen: VncConfig) -> str:
    """The user's, or a random one; empty when VNC asks for none."""
    import secrets

    if not screen.asks_password:
        return ""
    return screen.vnc_password.reveal() or secrets.token_urlsafe(6)
