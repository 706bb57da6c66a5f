"""A real QEMU without an operating system: starting, dying, typing, shutting down. Each takes about a second."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field, frozen

from hclimg.builders.qemu.builder import QemuBuilder
from hclimg.builders.qemu.command import CONSOLE, CONSOLE_SIZE
from hclimg.builders.qemu.config import DiskConfig, NetworkConfig, QemuConfig, VncConfig
from hclimg.builders.qemu.guest import TAIL, Guest, PortTakenError, last_lines, shut_down, start_guest, tail
from hclimg.builders.qemu.network import card_is_idle, card_of, wait_for_card
from hclimg.builders.qemu.prepare import check_programs, copy_variables, firmware_paths, start_tpm
from hclimg.builders.qemu.watch import explainer
from hclimg.communicators.config import CommunicatorConfig
from hclimg.communicators.none import NoCommunicator
from hclimg.communicators.watched import WatchedCommunicator
from hclimg.errors import BuildError, Cancelled, ConnectionLost, MissingProgram, TimedOut
from hclimg.events import Said
from hclimg.sdk.boot import BootConfig, texts_of
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context
from hclimg.sdk.disk import private_directory
from hclimg.sdk.download import IsoConfig
from hclimg.sdk.process import started_at
from hclimg.sdk.rfb import Keyboard
from hclimg.sdk.shutdown import ShutdownConfig
from hclimg.sdk.steps import close_scope
from hclimg.sdk.vnc_typing import Screen, type_boot_command
from hclimg.units import Secret
from servers.ports import HeldPort
from servers.recording import Recording

FIRST_DISPLAY = 5900  # the port of VNC's display 0


def started(ctx: Context, *arguments: str) -> Guest:
    def command(fd: int) -> Sequence[str]:
        control = ("-chardev", f"socket,id=q,fd={fd}", "-mon", "chardev=q,mode=control")
        return ["qemu-system-x86_64", "-machine", "pc,accel=tcg", "-m", "32", "-display", "none", *control, *arguments]

    work = private_directory(ctx)
    return start_guest(ctx, command, work, work / "disk")


def alive(guest: Guest) -> bool:
    return guest.process.poll() is None


# -- starting and ending ------------------------------------------------------


def test_it_runs_until_the_scope_closes(ctx: Context) -> None:
    guest = started(ctx)
    assert guest.qmp.execute("query-status")["running"] is True
    work = guest.log.parent
    assert close_scope(ctx) == []
    assert not alive(guest)
    assert not work.exists()


@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        (("-machine", "none-such"), "unsupported machine type", "-machine help"),
        (("-no-such-option",), "invalid option", "rows of qemuargs"),
        (("-drive", "file=/nowhere/disk,format=raw"), "No such file or directory", ""),
        (("-device", "no-such-device"), "not a valid device model", "-device help"),
        (("-device", "e1000,netdev=none"), "can't find value", "rows of qemuargs"),
        (("-cpu", "no-such-cpu"), "unable to find CPU model", "cpu_model"),
    ],
)
def test_a_qemu_that_does_not_start_says_why(ctx: Context, arguments: tuple[str, ...], said: str, hint: str) -> None:
    with pytest.raises(BuildError, match=r"QEMU ended with exit code 1\. It said: ") as caught:
        started(ctx, *arguments)
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert close_scope(ctx) == []


def test_a_port_that_was_taken_meanwhile_is_told_apart(ctx: Context) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTakenError):
            started(ctx, "-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{port}-:22")
        with pytest.raises(PortTakenError):
            started(ctx, "-vnc", f"127.0.0.1:{port - FIRST_DISPLAY}")


def test_what_waits_is_woken_when_qemu_dies(ctx: Context) -> None:
    guest = started(ctx)
    threading.Timer(0.3, guest.process.kill).start()
    with pytest.raises(BuildError, match="QEMU ended by signal SIGKILL"), guest.watched(ctx) as watched:
        watched.sleep(60)
    with pytest.raises(BuildError, match="SIGKILL"), guest.watched(ctx) as watched:
        watched.sleep(60)


def test_a_cancel_of_the_build_stays_a_cancel(ctx: Context) -> None:
    guest = started(ctx)
    threading.Timer(0.3, ctx.cancel.cancel).start()
    with pytest.raises(Cancelled), guest.watched(ctx) as watched:
        watched.sleep(60)
    assert alive(guest)


def fill_up_and_wait(guest: Guest, ctx: Context) -> None:
    guest._event("BLOCK_IO_ERROR", {"nospace": True, "operation": "write"})
    ctx.sleep(60)


def test_a_full_disk_of_the_host_is_the_reason(ctx: Context) -> None:
    guest = started(ctx)
    with pytest.raises(BuildError, match="The disk is full"), guest.watched(ctx) as watched:
        fill_up_and_wait(guest, watched)


# -- shutting down ------------------------------------------------------------


@frozen
class Shell(NoCommunicator):
    """A communicator that does what the test says."""

    act: Callable[[], int]

    @property
    def kind(self) -> str:
        return "ssh"

    def run(self, command: str, **_: Any) -> int:
        return self.act()


def quit_by(guest: Guest) -> Callable[[], int]:
    def act() -> int:
        guest.qmp.execute("quit")
        return 0

    return act


def test_a_shutdown_command_that_works(ctx: Context) -> None:
    guest = started(ctx)
    shut_down(ctx, guest, Shell(quit_by(guest)), "poweroff", timedelta(minutes=5))
    assert not alive(guest)


def test_a_connection_that_breaks_at_shutdown_is_no_error(ctx: Context) -> None:
    guest = started(ctx)

    def act() -> int:
        guest.qmp.execute("quit")
        raise ConnectionLost("The connection broke.")

    shut_down(ctx, guest, Shell(act), "poweroff", timedelta(minutes=5))
    assert not alive(guest)


def test_a_shutdown_command_without_effect_times_out(ctx: Context) -> None:
    guest = started(ctx)
    with pytest.raises(TimedOut, match=r"within 1s after shutdown_command \(exit code 3\)") as caught:
        shut_down(ctx, guest, Shell(lambda: 3), "poweroff", timedelta(seconds=1))
    assert "shutdown_timeout" in caught.value.hint


def test_a_guest_that_ignores_the_power_button_is_switched_off(recording: Recording) -> None:
    """The firmware without a system does not listen to it."""
    guest = started(recording.ctx)
    shut_down(recording.ctx, guest, NoCommunicator(), "", timedelta(seconds=1))
    assert not alive(guest)
    assert any("switched off" in event.text for event in recording.of(Said) if event.level == "warning")


def test_a_machine_that_is_off_already_is_fine(ctx: Context) -> None:
    guest = started(ctx)
    guest.qmp.execute("quit")
    assert guest.ended.wait(120)
    shut_down(ctx, guest, Shell(lambda: 1), "poweroff", timedelta(minutes=5))


def test_a_crash_is_not_taken_for_a_shutdown(ctx: Context) -> None:
    guest = started(ctx)

    def act() -> int:
        guest.process.kill()
        return 0

    with pytest.raises(BuildError, match="SIGKILL"):
        shut_down(ctx, guest, Shell(act), "poweroff", timedelta(minutes=5))


def test_waiting_for_the_end_can_be_cancelled(ctx: Context) -> None:
    guest = started(ctx)
    threading.Timer(0.3, ctx.cancel.cancel).start()
    with pytest.raises(Cancelled):
        shut_down(ctx, guest, Shell(lambda: 0), "poweroff", timedelta(seconds=60))
    assert alive(guest)


# -- the communicator ---------------------------------------------------------


def test_a_communicator_says_why_the_machine_is_gone(ctx: Context) -> None:
    guest = started(ctx)

    def hang() -> int:
        guest.token.sleep(60)
        return 0

    communicator = WatchedCommunicator(Shell(hang), explainer(guest, ctx.cancel))
    threading.Timer(0.3, guest.process.kill).start()
    with pytest.raises(ConnectionLost, match="SIGKILL"):
        communicator.run("make")
    with pytest.raises(ConnectionLost, match="SIGKILL"):
        communicator.run("make")


def test_a_communicator_says_that_the_disk_is_full(ctx: Context) -> None:
    guest = started(ctx)

    def hang() -> int:
        guest._event("BLOCK_IO_ERROR", {"nospace": True})
        guest.token.sleep(60)
        return 0

    with pytest.raises(BuildError, match="The disk is full"):
        WatchedCommunicator(Shell(hang), explainer(guest, ctx.cancel)).run("make")


def test_a_cancel_while_a_command_runs_stays_a_cancel(ctx: Context) -> None:
    guest = started(ctx)

    def hang() -> int:
        guest.token.sleep(60)
        return 0

    communicator = WatchedCommunicator(Shell(hang), explainer(guest, ctx.cancel))
    threading.Timer(0.3, ctx.cancel.cancel).start()
    with pytest.raises(Cancelled):
        communicator.run("make")


# -- VNC ----------------------------------------------------------------------


def test_vnc_passwords(ctx: Context, held_port: HeldPort) -> None:
    port = held_port()
    guest = started(ctx, "-vnc", f"127.0.0.1:{port - FIRST_DISPLAY},password=on")
    guest.qmp.execute("set_password", protocol="vnc", password="secret12")
    Keyboard("127.0.0.1", port, "secret12").close()
    with pytest.raises(BuildError, match="refused the connection"):
        Keyboard("127.0.0.1", port, "wrong")
    with pytest.raises(BuildError, match="wants another login than none"):
        Keyboard("127.0.0.1", port)


def test_what_is_no_vnc_server_is_refused(held_port: HeldPort) -> None:
    port = held_port()
    with socket.create_server(("127.0.0.1", port)) as server:

        def answer() -> None:
            client, _ = server.accept()
            client.sendall(b"SSH-2.0-OpenSSH_9\r\n")
            client.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(BuildError, match="does not speak VNC"):
            Keyboard("127.0.0.1", port)
        thread.join()
    with pytest.raises(ConnectionLost, match="Connection refused"):
        Keyboard("127.0.0.1", port)


def test_typing_stops_when_the_machine_dies(ctx: Context, held_port: HeldPort) -> None:
    port = held_port()
    guest = started(ctx, "-vnc", f"127.0.0.1:{port - FIRST_DISPLAY}")
    boot = BootConfig(boot_wait=timedelta(), boot_command=("<wait60>",))
    threading.Timer(0.3, guest.process.kill).start()
    screen = Screen(address="127.0.0.1", port=port)
    with pytest.raises(BuildError, match="SIGKILL"), guest.watched(ctx) as watched:
        type_boot_command(watched, screen, boot, texts_of(boot), {})


# -- preparations -------------------------------------------------------------


def test_all_missing_programs_are_named_at_once(ctx: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "environ", {**os.environ, "PATH": str(tmp_path)})
    with pytest.raises(MissingProgram) as caught:
        check_programs(ctx, QemuConfig(vtpm=True))
    assert all(f'"{name}"' in caught.value.message for name in ("qemu-system-x86_64", "qemu-img", "swtpm"))
    assert caught.value.hint == "On Debian or Ubuntu: apt-get install qemu-system-x86 qemu-utils swtpm"


def test_firmware_that_is_not_there(tmp_path: Path) -> None:
    config = evolve(QemuConfig().efi, efi_boot=True, efi_firmware_code=str(tmp_path / "none.fd"))
    with pytest.raises(BuildError, match=r"none\.fd does not exist") as caught:
        firmware_paths(config)
    assert "apt-get install ovmf" in caught.value.hint


def test_uefi_variables_are_copied(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "vars.fd").write_bytes(b"vars")
    assert copy_variables(ctx, str(tmp_path / "vars.fd"), tmp_path).read_bytes() == b"vars"


def test_a_tpm_lives_as_long_as_the_scope(ctx: Context) -> None:
    work = private_directory(ctx)
    endpoint = start_tpm(ctx, work, version_1=False)
    guest = started(ctx, "-chardev", f"socket,id=t,path={endpoint}", "-tpmdev", "emulator,id=tpm0,chardev=t",
                    "-device", "tpm-tis,tpmdev=tpm0")  # fmt: skip
    assert guest.qmp.execute("query-tpm")[0]["model"] == "tpm-tis"
    assert close_scope(ctx) == []
    assert not endpoint.exists()


def test_what_the_guest_writes_to_its_serial_port(ctx: Context) -> None:
    """The firmware of this machine writes to such a port, when it has one."""
    ring = ("-chardev", f"ringbuf,id={CONSOLE},size={CONSOLE_SIZE}")
    guest = started(ctx, *ring, "-device", f"isa-debugcon,iobase=0x402,chardev={CONSOLE}")
    lines: list[str] = []
    while not lines:
        # How much the firmware has written by the first look depends on the machine; only the last lines are told.
        time.sleep(0.1)
        lines = guest.console()
    assert 0 < len(lines) <= TAIL
    guest.process.kill()
    assert guest.ended.wait(120)
    assert guest.console() == []


def test_last_lines_are_plain_text() -> None:
    text = "old\n" * 100 + "\x1b[2J\x1b[01;01Hbooting\r\n\n\x00panic: no root\r\n"
    assert last_lines(text, 2) == ["booting", "panic: no root"]
    assert tail(Path("/nowhere")) == []


# -- the builder as a whole, without a guest ----------------------------------


def settings(image: Path, out: Path, **changes: Any) -> QemuConfig:
    config = QemuConfig(
        iso=IsoConfig(iso_url=str(image), iso_checksum="none"),
        disk=DiskConfig(disk_image=True, disk_size="16M"),
        screen=VncConfig(headless=True),
        communicator=CommunicatorConfig(communicator="none"),
        shutdown=ShutdownConfig(shutdown_timeout=timedelta(seconds=1)),
        accelerator="tcg",
        memory=32,
        output_directory=str(out),
        vm_name="disk.qcow2",
    )
    return evolve(config, **changes)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.raw"
    path.write_bytes(b"mark" + bytes((1 << 20) - 4))
    return path


def test_a_build_without_a_communicator(recording: Recording, image: Path, tmp_path: Path) -> None:
    builder = QemuBuilder(settings(image, tmp_path / "out"))
    ctx = recording.ctx
    machine = builder.launch(ctx, builder.resolve(ctx))
    assert machine.communicator.kind == "none"
    artifact = builder.capture(ctx, machine)
    assert close_scope(ctx) == []
    assert (artifact.builder, artifact.id) == ("transcend.qemu", "VM")
    assert [Path(name).name for name in artifact.files] == ["disk.qcow2"]
    state = dict(artifact.state)
    assert (state["diskName"], state["diskType"], state["diskSize"], state["domainType"]) == (
        "disk.qcow2", "qcow2", "16M", "tcg",
    )  # fmt: skip
    assert subprocess.run(["qemu-img", "check", tmp_path / "out/disk.qcow2"], check=False).returncode == 0


def test_a_failed_launch_leaves_nothing(ctx: Context, image: Path, tmp_path: Path) -> None:
    builder = QemuBuilder(settings(image, tmp_path / "out", qemuargs=(("-no-such-option",),)))
    with pytest.raises(BuildError, match="invalid option"):
        builder.launch(ctx, builder.resolve(ctx))
    assert close_scope(ctx) == []
    assert not (tmp_path / "out").exists()


def test_the_output_directory_is_looked_at_before_anything_else(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/image").write_text("")
    builder = QemuBuilder(settings(tmp_path / "no such image", tmp_path / "out"))
    with pytest.raises(BuildError, match="exists already"):
        builder.resolve(ctx)


def test_templates_in_qemuargs(ctx: Context, image: Path, tmp_path: Path) -> None:
    rows = (("-name", "{{ .Name }}-{{ .SSHHostPort }}"), ("-smbios", "type=1,serial={{ .OutputDir }}"))
    network = NetworkConfig(skip_nat_mapping=True)
    builder = QemuBuilder(settings(image, tmp_path / "out", qemuargs=rows, network=network))
    machine = builder.launch(ctx, builder.resolve(ctx))
    argv = Path(f"/proc/{machine.handle.guest.process.pid}/cmdline").read_bytes().decode().split("\0")
    assert argv[argv.index("-name") + 1] == "disk.qcow2-0"  # there is no communicator that had a port
    assert argv[argv.index("-smbios") + 1] == f"type=1,serial={tmp_path}/out"


def test_no_password_on_the_command_line(ctx: Context, image: Path, tmp_path: Path) -> None:
    screen = VncConfig(headless=True, vnc_password=Secret("pa55word"))
    builder = QemuBuilder(settings(image, tmp_path / "out", screen=screen))
    machine = builder.launch(ctx, builder.resolve(ctx))
    assert b"pa55word" not in Path(f"/proc/{machine.handle.guest.process.pid}/cmdline").read_bytes()
    assert ctx.redact.text("pa55word") == "<sensitive>"


def test_a_monitor_for_others(ctx: Context, image: Path, tmp_path: Path) -> None:
    builder = QemuBuilder(settings(image, tmp_path / "out", qmp_enable=True))
    machine = builder.launch(ctx, builder.resolve(ctx))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "out/disk.qcow2.monitor"))
        assert b'"QMP"' in client.recv(4096)
    assert [Path(name).name for name in builder.capture(ctx, machine).files] == ["disk.qcow2"]


def test_another_program_that_takes_the_port_first(
    ctx: Context, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our look at the port and QEMU's start cannot be one step; here somebody listens in between, once."""
    from hclimg.builders.qemu import launch

    thief: list[socket.socket] = []

    def stealing(*arguments: Any) -> Any:
        if not thief:
            thief.append(socket.socket())
            with suppress(OSError):  # another thief was faster
                thief[0].bind(("127.0.0.1", arguments[1].vnc_port))
                thief[0].listen()
        return original(*arguments)

    original = launch.command_line
    monkeypatch.setattr(launch, "command_line", stealing)
    builder = QemuBuilder(settings(image, tmp_path / "out"))
    machine = builder.launch(ctx, builder.resolve(ctx))
    assert alive(machine.handle.guest)
    thief[0].close()


@define
class Ledger:
    """A journal in memory: what is there now, and all that ever was."""

    there: list[Entry] = field(factory=list)
    ever: list[Entry] = field(factory=list)

    def intend(self, kind: str, **identity: str) -> Entry:
        entry = Entry(self, kind, identity)
        self.there.append(entry)
        self.ever.append(entry)
        return entry


@define(eq=False)
class Entry:
    ledger: Ledger
    kind: str
    identity: dict[str, str]

    def made(self, **identity: str) -> None:
        self.identity.update(identity)

    def gone(self) -> None:
        self.ledger.there.remove(self)

    def kept(self) -> None:
        self.ledger.there.remove(self)


def test_a_cancel_while_connecting_leaves_nothing(ctx: Context, image: Path, tmp_path: Path) -> None:
    ledger = Ledger()
    ctx.journal = ledger
    ssh = CommunicatorConfig(ssh_username="root")
    builder = QemuBuilder(settings(image, tmp_path / "out", communicator=ssh, vtpm=True))

    def cancel_when_it_runs() -> None:
        while not any("pid" in entry.identity for entry in ledger.ever if entry.identity.get("name") == "qemu"):
            time.sleep(0.02)
        time.sleep(0.5)
        ctx.cancel.cancel()

    threading.Thread(target=cancel_when_it_runs, daemon=True).start()
    with pytest.raises(Cancelled):
        builder.launch(ctx, builder.resolve(ctx))
    running = [entry for entry in ledger.there if entry.kind == "process"]
    assert [entry.identity["name"] for entry in running] == ["swtpm", "qemu"]
    assert all(Path(f"/proc/{entry.identity['pid']}").exists() for entry in running)
    ctx.cancel = CancelToken()
    assert close_scope(ctx) == []
    assert ledger.there == []
    assert [
        Path(e.identity["path"]) for e in ledger.ever if "path" in e.identity and Path(e.identity["path"]).exists()
    ] == []
    assert [entry for entry in running if started_at(int(entry.identity["pid"])) == entry.identity["started"]] == []
    assert not (tmp_path / "out").exists()


# -- the network --------------------------------------------------------------


def test_a_card_that_no_driver_has_set_up_is_waited_for(ctx: Context) -> None:
    guest = started(ctx, "-netdev", "user,id=user.0", "-device", "virtio-net,netdev=user.0")
    assert card_is_idle(guest.qmp.execute("query-rx-filter"))
    wait_for_card(ctx, guest, patience=0.2)
    threading.Timer(0.3, guest.process.kill).start()
    with pytest.raises(BuildError, match="SIGKILL"):
        wait_for_card(ctx, guest)


def test_other_cards_do_not_tell(ctx: Context) -> None:
    guest = started(ctx, "-netdev", "user,id=user.0", "-device", "e1000,netdev=user.0")
    assert not card_is_idle(guest.qmp.execute("query-rx-filter"))
    wait_for_card(ctx, guest)
    assert card_of(guest.qmp.execute("human-monitor-command", command_line="info network")) == "52:54:00:12:34:56"


def test_waiting_for_the_card_can_be_cancelled(ctx: Context) -> None:
    guest = started(ctx, "-netdev", "user,id=user.0", "-device", "virtio-net,netdev=user.0")
    threading.Timer(0.3, ctx.cancel.cancel).start()
    with pytest.raises(Cancelled):
        wait_for_card(ctx, guest)
