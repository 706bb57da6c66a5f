"""From a running machine to the image: its files, made ready for others."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from hclimg.builders.vmware.builder import BUILDER_ID
from hclimg.builders.vmware.config import CommonConfig
from hclimg.builders.vmware.hardware import clean, disks_of
from hclimg.builders.vmware.launch import POLL, Running, read, write
from hclimg.builders.vmware.vmrun import compact_disk, export
from hclimg.communicators.connect import clear_authorized_keys
from hclimg.errors import BuildError, ConnectionLost, TimedOut
from hclimg.sdk.context import Context
from hclimg.sdk.disk import shown
from hclimg.sdk.machine import Artifact, Communicator, Machine
from hclimg.sdk.steps import step
from hclimg.units import show_duration

KEPT = (".nvram", ".vmdk", ".vmsd", ".vmx", ".vmxf", ".ovf", ".ova", ".mf")
"""What a machine consists of; the rest are logs, locks and memory."""
SOFT_PATIENCE = timedelta(minutes=1)
"""How long the tools in the guest may take to shut it down when no shutdown_command says how else."""
LOCK_PATIENCE = 30.0  # seconds that VMware may take to let go of a machine that is off


def capture(ctx: Context, config: CommonConfig, machine: Machine, component: str) -> Artifact:
    running: Running = machine.handle
    if running.public_key:
        clear_authorized_keys(ctx, config.communicator, machine.communicator, running.public_key)
    shut_down(ctx, config, running, machine.communicator)
    _remove_leavings(ctx, running.names.output)
    vmx = read(running.names.vmx)
    disks = tuple(disks_of(vmx))
    if not config.disks.skip_compaction:
        _compact(ctx, running, disks)
    clean(vmx, running.drives, config.vmx)
    write(running.names.vmx, vmx)
    running.names.vmx.chmod(0o644)
    if config.result.snapshot_name:
        _snapshot(ctx, running, config.result.snapshot_name)
    if config.result.exports:
        _export(ctx, config, running)
    running.output.keep()
    directory = shown(running.names.output)
    return Artifact(
        builder=BUILDER_ID,
        component=component,
        id=running.names.vm,
        description=f"VM files in directory: {directory}",
        files=tuple(str(shown(path)) for path in sorted(running.names.output.rglob("*")) if path.is_file()),
        state={"format": config.result.format, "diskPaths": [str(directory / name) for name in disks]},
    )


# -- shutting down ------------------------------------------------------------------


@step("Shutting down the machine")
def shut_down(ctx: Context, config: CommonConfig, running: Running, communicator: Communicator) -> None:
    """Raises TimedOut when the user's command does not achieve it."""
    vmware, vmx = running.vmware, running.names.vmx
    command, timeout = ctx.render(config.shutdown.shutdown_command), config.shutdown.shutdown_timeout
    if not vmware.is_running(ctx, vmx):
        ctx.say("The machine is off already.")
    elif command and communicator.kind != "none":
        _run_command(ctx, running, communicator, command, timeout)
    else:
        _switch_off(ctx, running, min(timeout, SOFT_PATIENCE))


def _run_command(
    ctx: Context, running: Running, communicator: Communicator, command: str, timeout: timedelta
) -> None:  # fmt: skip
    ctx.say("Running the shutdown command.")
    status = 0
    deadline = time.monotonic() + timeout.total_seconds()
    with suppress(ConnectionLost, TimedOut):  # it went down before it could answer, or hangs: the wait tells which
        status = communicator.run(command, on_output=ctx.output, timeout=timeout)
    if not _until(ctx, lambda: not running.vmware.is_running(ctx, running.names.vmx), deadline):
        code = f" (exit code {status})" if status else ""
        message = f"The machine did not power off within {show_duration(timeout)} after shutdown_command{code}."
        raise TimedOut(message, hint="Check shutdown_command, or raise shutdown_timeout.")


def _switch_off(ctx: Context, running: Running, patience: timedelta) -> None:
    vmware, vmx = running.vmware, running.names.vmx
    ctx.say("No shutdown_command: asking the tools in the guest.")
    try:
        vmware.stop(ctx, vmx, hard=False)
    except BuildError as error:
        ctx.warn(f"The guest does not shut down ({error.message}); it is switched off. Set shutdown_command.")
    else:
        deadline = time.monotonic() + patience.total_seconds()
        if _until(ctx, lambda: not vmware.is_running(ctx, vmx), deadline):
            return
        ctx.warn("The guest does not shut down; it is switched off. Set shutdown_command to avoid this.")
    vmware.stop(ctx, vmx, hard=True)


def _until(ctx: Context, done: Callable[[], bool], deadline: float) -> bool:
    while not done():
        if time.monotonic() >= deadline:
            return False
        ctx.sleep(POLL)
    return True


# -- the files ------------------------------------------------------------------------


@step("Removing what the machine does not need")
def _remove_leavings(ctx: Context, output: Path) -> None:
    _until(ctx, lambda: not any(output.glob("*.lck")), time.monotonic() + LOCK_PATIENCE)
    for path in sorted(output.iterdir()):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.suffix not in KEPT:
            path.unlink()


@step("Compacting the disks")
def _compact(ctx: Context, running: Running, disks: tuple[str, ...]) -> None:
    if not running.vmware.has_disk_manager:
        ctx.say("Without vmware-vdiskmanager the disks stay as they are.")
        return
    for name in disks:
        compact_disk(ctx, running.vmware, running.names.output / name)


@step("Creating a snapshot")
def _snapshot(ctx: Context, running: Running, name: str) -> None:
    running.vmware.snapshot(ctx, running.names.vmx, name)


@step("Exporting the machine")
def _export(ctx: Context, config: CommonConfig, running: Running) -> None:
    target = running.names.output / f"{running.names.vm}.{config.result.format}"
    export(ctx, running.vmware, running.names.vmx, target, config.result.ovftool_options)
