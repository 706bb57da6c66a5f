"""VMware's programs on this host: ``vmrun`` for machines, ``vmware-vdiskmanager`` or ``qemu-img`` for disks, and
``ovftool``.

The argument lists are those that VMware documents; nothing here knows what a machine is made of.
"""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from shutil import which

from attrs import field, frozen

from hclimg.errors import BuildError, CommandFailed, MissingProgram
from hclimg.sdk.context import Context
from hclimg.sdk.disk import disk_full
from hclimg.sdk.process import find_program, run_program, start

VMRUN, DISKS, QEMU_IMG, OVFTOOL = "vmrun", "vmware-vdiskmanager", "qemu-img", "ovftool"
FUSION = "/Applications/VMware Fusion.app"
IN_FUSION = {
    VMRUN: ("Contents/Public/vmrun", "Contents/Library/vmrun"),
    DISKS: ("Contents/Library/vmware-vdiskmanager",),
    OVFTOOL: ("Contents/Library/VMware OVF Tool/ovftool",),
}
TOOLS_FOLDERS = ("/usr/lib/vmware/isoimages", f"{FUSION}/Contents/Library/isoimages")
HINT = "Install VMware Workstation, Player or Fusion, or add its programs to PATH."


@frozen
class Vmware:
    """Where the programs are; ``product`` is what vmrun calls it: ``ws``, ``player`` or ``fusion``. ``fusion`` is the
    folder of VMware Fusion."""

    vmrun: str
    product: str
    fusion: str = field(default=FUSION)

    def call(self, ctx: Context, action: str, *arguments: str) -> str:
        """What ``vmrun`` printed. Raises BuildError with what it said."""
        try:
            return run_program(ctx, [self.vmrun, "-T", self.product, action, *arguments]).stdout.strip()
        except CommandFailed as error:
            said = " ".join(error.output).removeprefix("Error: ") or error.message
            raise BuildError(f"vmrun {action} failed: {said}") from error

    def is_running(self, ctx: Context, vmx: Path) -> bool:
        return vmx in listed(self.call(ctx, "list"))

    def start(self, ctx: Context, vmx: Path, *, window: bool) -> None:
        self.call(ctx, "start", str(vmx), "gui" if window else "nogui")

    def stop(self, ctx: Context, vmx: Path, *, hard: bool) -> None:
        self.call(ctx, "stop", str(vmx), "hard" if hard else "soft")

    def clone(self, ctx: Context, source: Path, target: Path, *, linked: bool, snapshot: str) -> None:
        more = [f"-snapshot={snapshot}"] if snapshot else []
        self.call(ctx, "clone", str(source), str(target), "linked" if linked else "full", *more)

    def snapshot(self, ctx: Context, vmx: Path, name: str) -> None:
        self.call(ctx, "snapshot", str(vmx), name)

    def address(self, ctx: Context, vmx: Path) -> str:
        """What the tools in the guest tell; empty when they do not (yet)."""
        try:
            told = self.call(ctx, "getGuestIPAddress", str(vmx))
        except BuildError:
            return ""
        return "" if told in ("", "unknown") else told

    def program(self, name: str) -> str:
        """The path of another program of VMware. Raises MissingProgram."""
        return _find(name, self.fusion)

    @property
    def has_disk_manager(self) -> bool:
        try:
            self.program(DISKS)
        except MissingProgram:
            return False
        return True


def find_vmware(fusion: str = "") -> Vmware:
    """VMware on this host. Raises MissingProgram."""
    folder = fusion or FUSION
    try:
        vmrun = _find(VMRUN, folder)
    except MissingProgram:
        raise MissingProgram(f'The program "{VMRUN}" is not installed on this machine.', hint=HINT) from None
    return Vmware(vmrun, _product(), folder)


def _find(name: str, fusion: str) -> str:
    for place in IN_FUSION.get(name, ()):
        if (path := Path(fusion, place)).is_file():
            return str(path)
    return find_program(name)


def _product() -> str:
    if platform.system() == "Darwin":
        return "fusion"
    return "player" if which("vmplayer") and not which("vmware") else "ws"


def listed(text: str) -> list[Path]:
    """The VMX files in what ``vmrun list`` prints, below a line that counts them."""
    return [Path(line.strip()) for line in text.splitlines()[1:] if line.strip()]


def stop_left(vmrun: str, product: str, vmx: str) -> str:
    """Switch off a machine that may be running; the reason when that fails, or nothing. For when there is no build any
    more to run programs for."""
    status, out = _quietly(vmrun, product, "list")
    if status == 0 and Path(vmx) not in listed(out):
        return ""
    status, out = _quietly(vmrun, product, "stop", vmx, "hard")
    return (out.strip() or f"vmrun ended with exit code {status}") if status else ""


def _quietly(vmrun: str, product: str, *arguments: str) -> tuple[int, str]:
    command = [vmrun, "-T", product, *arguments]
    process = start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out, _ = process.communicate()
    return process.returncode, out.decode("utf-8", "replace")


# -- disks and exports ------------------------------------------------------------


def create_disk(ctx: Context, vmware: Vmware, path: Path, size: int, adapter: str, kind: tuple[str, str]) -> None:
    """A VMDK of ``size`` MB; ``kind`` is its type as VMware's number and as the format's name."""
    number, name = kind
    flavour = adapter if adapter in ("ide", "buslogic") else "lsilogic"
    if vmware.has_disk_manager:
        command = [vmware.program(DISKS), "-c", "-s", f"{size}MB", "-a", flavour, "-t", number, str(path)]
    else:
        options = f"subformat={name},adapter_type={flavour}"
        command = [QEMU_IMG, "create", "-q", "-f", "vmdk", "-o", options, str(path), f"{size}M"]
    _run(ctx, command, path)


def compact_disk(ctx: Context, vmware: Vmware, path: Path) -> None:
    """Put the pieces of a disk together, then give back what it does not use."""
    program = vmware.program(DISKS)
    for action in ("-d", "-k"):
        _run(ctx, [program, action, str(path)], path)


def export(ctx: Context, vmware: Vmware, vmx: Path, target: Path, options: tuple[str, ...]) -> None:
    _run(ctx, [vmware.program(OVFTOOL), *options, str(vmx), str(target)], target)


def _run(ctx: Context, command: list[str], path: Path) -> None:
    try:
        run_program(ctx, command, on_output=ctx.output)
    except CommandFailed as error:
        said = " ".join(error.output)
        if "No space left on device" in said:
            raise disk_full(path) from error
        raise BuildError(f"{Path(command[0]).name} failed: {said or error.message}") from error
