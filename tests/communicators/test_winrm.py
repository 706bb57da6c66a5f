"""Commands over WinRM, in wine's cmd.exe."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from hclimg.communicators.connect import connect
from hclimg.errors import Cancelled, ConnectionLost, TimedOut
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from servers.winrm import WinrmServer
from servers.winrm_shells import Shell

pytestmark = pytest.mark.slow  # wine takes seconds to set itself up

Connected = Callable[..., Communicator]


@pytest.fixture
def connected(ctx: Context, winrm: WinrmServer) -> Connected:
    def make(**settings: Any) -> Communicator:
        config = winrm.configure(**settings)
        return connect(ctx, config, host=config.host, port=config.port)

    return make


def wait_for(server: WinrmServer, name: str) -> str:
    """A command that says "waiting" and ends when a file of that name is in its directory."""
    loop = f"@echo waiting\n:again\n@ping -n 1 127.0.0.1 >nul\n@if exist {name} exit 0\n@goto again\n"
    (server.folder / f"{name}.bat").write_bytes(loop.replace("\n", "\r\n").encode())
    return f"{name}.bat"


@pytest.fixture
def machine(connected: Connected) -> Communicator:
    return connected()


@pytest.mark.parametrize(
    ("line", "status", "out", "err"),
    [
        ('echo "a b" & echo %OS%', 0, ['"a b"', "Windows_NT"], []),
        ("exit 3010", 3010, [], []),
        ("echo out & echo err 1>&2 & exit /b 7", 7, ["out"], ["err"]),
        ('"C:\\windows\\system32\\cmd.exe" /c "echo hi & exit 2"', 2, ["hi"], []),
        ("for %i in (1 2) do @echo %i", 0, ["1", "2"], []),
        ("echo 1 ^& 2", 0, ["1 & 2"], []),
    ],
)
def test_cmd_gets_the_line_as_it_is_written(
    machine: Communicator, line: str, status: int, out: list[str], err: list[str]
) -> None:
    lines: list[tuple[str, str]] = []
    assert machine.run(line, on_output=lambda text, stream: lines.append((stream, text.strip()))) == status
    assert [text for stream, text in lines if stream == "stdout"] == out
    assert [text for stream, text in lines if stream == "stderr"] == err


def test_input_reaches_a_command(machine: Communicator) -> None:
    lines: list[str] = []
    assert machine.run("more", stdin=b"one\r\ntwo\r\n", on_output=lambda text, _: lines.append(text)) == 0
    assert lines == ["one", "two"]


def test_output_comes_while_the_command_runs(machine: Communicator, winrm: WinrmServer) -> None:
    """The command waits for a file that is only written when its first line came."""
    lines: list[str] = []

    def line_came(text: str, _stream: str) -> None:
        lines.append(text)
        (winrm.folder / "go").touch()

    assert machine.run(wait_for(winrm, "go"), on_output=line_came) == 0
    assert lines[0] == "waiting"


def test_commands_beside_each_other(connected: Connected, winrm: WinrmServer) -> None:
    first, second = connected(), connected()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(first.run, wait_for(winrm, "go"))
        assert second.run("echo x > go") == 0
        assert waiting.result() == 0
    assert winrm.shells == {}


def test_bytes_through_a_pipe(machine: Communicator) -> None:
    near, far = os.pipe()
    received: list[bytes] = []

    def take(stream: str, data: bytes) -> None:
        received.append(data)
        if b"ping" in data:
            os.close(far)

    os.write(far, b"ping\xff\r\n")
    with os.fdopen(near, "rb", buffering=0) as stdin:
        assert machine.pipe("more", stdin=stdin, received=take) == 0
    assert b"".join(received).startswith(b"ping")


def test_bytes_that_are_not_utf8(machine: Communicator) -> None:
    """cmd.exe of wine prints in the code page 1252."""
    lines: list[str] = []
    assert machine.run("echo caf\u00e9", on_output=lambda text, _: lines.append(text)) == 0
    assert lines == ["caf\N{REPLACEMENT CHARACTER}"]


def test_a_line_of_64_mib_takes_no_memory(ctx: Context, winrm_bare: Callable[..., WinrmServer]) -> None:
    """The line is not wine's, whose cmd.exe writes 4 MB in a second."""

    def endless(_shell: Shell, _line: str, _stdin: Iterator[bytes], write: Callable[[str, bytes], None]) -> int:
        for _ in range(64 << 5):
            write("stdout", b"x" * (1 << 15))
        return 0

    server = winrm_bare()
    server.stand_ins.insert(0, (lambda line: line == "endless", endless))
    config = server.config
    machine = connect(ctx, config, host=config.host, port=config.port)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    total = 0

    def count(text: str, _stream: str) -> None:
        nonlocal total
        total += len(text)

    assert machine.run("endless", on_output=count) == 0
    assert total == 64 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # KiB


# -- the end of a command -------------------------------------------------------------


def test_a_command_that_takes_too_long_is_ended(machine: Communicator, winrm: WinrmServer) -> None:
    with pytest.raises(TimedOut, match="did not end within 1s"):
        machine.run(wait_for(winrm, "never"), timeout=timedelta(seconds=1))
    assert winrm.shells == {}
    assert "Signal" in winrm.asked
    assert machine.run("exit 4") == 4


def test_a_cancel_ends_the_command(ctx: Context, machine: Communicator, winrm: WinrmServer) -> None:
    def cancel(_text: str, _stream: str) -> None:
        threading.Thread(target=ctx.cancel.cancel).start()

    with pytest.raises(Cancelled):
        machine.run(wait_for(winrm, "never"), on_output=cancel)
    assert winrm.shells == {}
    assert "Signal" in winrm.asked


def test_a_machine_that_goes_away(machine: Communicator, winrm: WinrmServer) -> None:
    def stop(_text: str, _stream: str) -> None:
        threading.Thread(target=winrm.stop).start()

    with pytest.raises(ConnectionLost) as caught:
        machine.run(wait_for(winrm, "never"), on_output=stop)
    assert caught.value.started


def test_after_a_restart(machine: Communicator, winrm: WinrmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next command waits for the machine by itself, and reconnect() does it before."""
    slept: list[float] = []

    def after(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            winrm.start()

    monkeypatch.setattr(CancelToken, "sleep", lambda _self, seconds: after(seconds))
    for again in (lambda: machine.run("exit 0"), lambda: machine.reconnect(timedelta(minutes=5))):
        winrm.stop()
        slept.clear()
        again()
        assert len(slept) == 3
    assert machine.run("exit 6") == 6


def test_the_shell_of_a_service_that_was_restarted_is_gone(machine: Communicator, winrm: WinrmServer) -> None:
    def restart(_text: str, _stream: str) -> None:
        for shell in tuple(winrm.shells.values()):
            winrm.shells.clear()
            shell.close()

    with pytest.raises(ConnectionLost, match="shell was not found"):
        machine.run(wait_for(winrm, "never"), on_output=restart)
