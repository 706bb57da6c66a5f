"""Commands over SSH: output as it comes, input, exit codes, ends of all kinds."""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from hashlib import md5
from pathlib import Path

import pytest

from hclimg.communicators.connect import connect
from hclimg.errors import Cancelled, ConnectionLost, TimedOut
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from servers.relay import Relay
from servers.sshd import Sshd

Lines = list[tuple[str, str]]


def collect(lines: Lines) -> Callable[[str, str], None]:
    return lambda line, stream: lines.append((stream, line))


def test_output_comes_in_the_order_in_which_the_machine_sent_it(ssh: Communicator, tmp_path: Path) -> None:
    """Each line is sent when the one before it has arrived."""
    lines: Lines = []

    def take(line: str, stream: str) -> None:
        lines.append((stream, line))
        (tmp_path / line).touch()

    script = f"""wait_for() {{ until [ -e "{tmp_path}/$1" ]; do sleep 0.01; done; }}
    for i in 1 2 3; do echo out $i; wait_for "out $i"; echo err $i >&2; wait_for "err $i"; done; exit 7"""
    assert ssh.run(script, on_output=take) == 7
    assert lines == [(s, f"{s[3:]} {i}") for i in (1, 2, 3) for s in ("stdout", "stderr")]


def test_lines_are_whole_and_as_a_terminal_leaves_them(ssh: Communicator) -> None:
    lines: Lines = []
    pieces = ("a", r"b\n10%%\r50%%\r100%%\r\nr\303", r"\251sum\303\251  \n\377x")
    ssh.run("; sleep 0.05; ".join(f"printf '{piece}'" for piece in pieces), on_output=collect(lines))
    assert [text for _, text in lines] == ["ab", "100%", "résumé", "\ufffdx"]


def test_output_arrives_while_the_command_runs(ssh: Communicator, tmp_path: Path) -> None:
    go = tmp_path / "go"
    assert ssh.run(f"echo ready; while [ ! -e {go} ]; do sleep 0.01; done", on_output=lambda *_: go.touch()) == 0


def test_all_steps_use_one_connection(ssh: Communicator, sshd: Sshd, tmp_path: Path) -> None:
    for number in range(5):
        assert ssh.run(f"exit {number}") == number
    ssh.upload(b"x", f"{tmp_path}/x")
    assert sshd.logins == 1


def test_input_reaches_the_command_unchanged(ssh: Communicator) -> None:
    lines: Lines = []
    data = bytes(range(256)) * 10
    for given in (data, io.BytesIO(data), None):
        assert ssh.run("md5sum", stdin=given, on_output=collect(lines)) == 0
    digests = [text.split()[0] for _, text in lines]
    assert digests == [md5(data).hexdigest(), md5(data).hexdigest(), md5(b"").hexdigest()]


def test_long_input_and_long_output_do_not_block_each_other(ssh: Communicator) -> None:
    data = b"0123456789abcde\n" * 500_000  # several times both windows
    count = 0

    def add(_line: str, _stream: str) -> None:
        nonlocal count
        count += 1

    assert ssh.run("cat", stdin=data, on_output=add) == 0
    assert count == 500_000


def test_a_command_that_does_not_want_its_input(ssh: Communicator) -> None:
    assert ssh.run("exit 4", stdin=b"x" * 8_000_000) == 4


def test_a_command_that_a_signal_ends_has_not_lost_the_machine(ssh: Communicator) -> None:
    assert ssh.run("kill -9 $$") == 128
    assert ssh.run("true") == 0


def test_a_timeout_ends_the_call_and_leaves_the_connection(ssh: Communicator, sshd: Sshd) -> None:
    with pytest.raises(TimedOut, match="did not end within 200ms"):
        ssh.run("sleep 60", timeout=timedelta(seconds=0.2))
    assert ssh.run("true") == 0
    assert sshd.logins == 1


def test_a_cancel_wakes_a_running_command(ssh: Communicator, ctx: Context) -> None:
    with pytest.raises(Cancelled):
        ssh.run("echo started; sleep 60", on_output=lambda *_: threading.Thread(target=ctx.cancel.cancel).start())
    with pytest.raises(Cancelled):
        ssh.run("true")


def test_a_lost_machine_is_told_from_a_failed_command(ssh: Communicator, sshd: Sshd) -> None:
    with pytest.raises(ConnectionLost) as caught:
        ssh.run("echo started; sleep 60", on_output=lambda *_: sshd.cut())
    assert caught.value.started
    assert ssh.run("exit 3") == 3, "the next call connects again"
    assert sshd.logins == 2


def test_a_command_whose_input_was_cut_off_has_not_started(
    ctx: Context, sshd: Sshd, relay: Callable[..., Relay]
) -> None:
    front = relay(sshd.port, [3_000_000])
    ssh = connect(ctx, sshd.config, host="127.0.0.1", port=front.port)
    with pytest.raises(ConnectionLost) as caught:
        ssh.run("cat >/dev/null", stdin=io.BytesIO(b"x" * 50_000_000))
    assert not caught.value.started


def test_a_restart_is_waited_for(ssh: Communicator, sshd: Sshd) -> None:
    sshd.stop()
    timer = threading.Timer(0.5, sshd.start)
    timer.start()
    ssh.reconnect(timedelta(minutes=5))
    timer.join()
    assert ssh.run("true") == 0


def test_a_machine_that_does_not_come_back(ssh: Communicator, sshd: Sshd) -> None:
    sshd.stop()
    with pytest.raises(TimedOut, match=r"did not answer within 500ms: connection refused\."):
        ssh.reconnect(timedelta(seconds=0.5))


def test_a_terminal_when_asked_for(connected: Callable[..., Communicator]) -> None:
    lines: Lines = []
    on_terminal = connected(ssh_pty=True)
    assert on_terminal.run("test -t 0 && test -t 1 && echo $TERM", on_output=collect(lines)) == 0
    assert lines == [("stdout", "xterm")]
    assert not on_terminal.streams_stdin
    assert connected().run("test -t 1") == 1


def test_the_machine_sees_no_agent_unless_there_is_one(ssh: Communicator) -> None:
    assert ssh.run('test -z "$SSH_AUTH_SOCK"') == 0


def test_a_silent_machine_is_noticed(ctx: Context, sshd: Sshd) -> None:
    """The server process is stopped, not ended: TCP still acknowledges everything."""
    stopped: list[int] = []

    def stop(_line: str, _stream: str) -> None:
        stopped.extend(sshd.sessions())
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)

    try:
        for silence in (0.5, 2.0, 8.0, 32.0):  # on a busy host, a server may be silent for that long by itself
            config = sshd.configure(
                ssh_keep_alive_interval=timedelta(seconds=0.1), ssh_read_write_timeout=timedelta(seconds=silence)
            )
            ssh = connect(ctx, config, host="127.0.0.1", port=sshd.port)
            with pytest.raises(ConnectionLost):
                ssh.run("echo started; sleep 30", on_output=stop)
            if stopped:
                break
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert stopped
