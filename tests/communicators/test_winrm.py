"""Commands over WinRM, in wine's cmd.exe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hclimg.communicators.connect import connect
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from servers.winrm import WinrmServer

pytestmark = pytest.mark.slow  # wine takes seconds to set itself up

Connected = Callable[..., Communicator]


@pytest.fixture
def connected(ctx: Context, winrm: WinrmServer) -> Connected:
    def make(**settings: Any) -> Communicator:
        config = winrm.configure(**settings)
        return connect(ctx, config, host=config.host, port=config.port)

    return make


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


def test_files_there_and_back(machine: Communicator, winrm: WinrmServer, tmp_path: Path) -> None:
    content = bytes(range(256)) * 2000
    machine.upload(content, "~\\sub/x y.bin")
    machine.download("%USERPROFILE%\\sub\\x y.bin", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content
