"""Files over WinRM: the way there and back, with a stand-in for the PowerShell that writes and reads them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from hclimg.communicators.connect import connect
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from servers.winrm import WinrmServer
from servers.winrm_powershell import copying, is_copying
from servers.winrm_shells import Shell
from servers.winrm_soap import Fault

MUCH = os.urandom(3_000_001)


@pytest.fixture
def server(winrm_bare: Callable[..., WinrmServer]) -> WinrmServer:
    return winrm_bare()


@pytest.fixture
def machine(ctx: Context, server: WinrmServer) -> Communicator:
    config = server.config
    return connect(ctx, config, host=config.host, port=config.port)


@pytest.fixture
def drive(server: WinrmServer) -> Path:
    return server.wine.drive


@pytest.mark.parametrize(
    ("remote", "there"),
    [
        ("C:\\a\\b.txt", "a/b.txt"), ("c:/a/B.txt", "a/B.txt"), ("~/x y.bin", "home/x y.bin"),
        ("%TEMP%\\ünï.txt", "Temp/ünï.txt"), ("$env:TEMP/t.txt", "Temp/t.txt"), ("${env:temp}/t.txt", "Temp/t.txt"),
        ("relative.txt", "home/relative.txt"), ("C:\\a'b\" $(x) `%1 & ^.txt".replace('"', ""), "a'b $(x) `%1 & ^.txt"),
    ],
)  # fmt: skip
def test_paths(machine: Communicator, drive: Path, remote: str, there: str) -> None:
    """Whatever a path has in it, it is never a part of a command line."""
    machine.upload(b"content", remote)
    assert (drive / there).read_bytes() == b"content"
    back = BytesIO()
    machine.download(remote, back)
    assert back.getvalue() == b"content"


@pytest.mark.parametrize("content", [b"", b"x", MUCH])
def test_content(machine: Communicator, drive: Path, server: WinrmServer, tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "source"
    source.write_bytes(content)
    machine.upload(source, "C:\\file")
    assert (drive / "file").read_bytes() == content
    machine.download("C:\\file", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content
    assert len(server.lines) == 3  # the one that says hello, one PowerShell each
    assert [path.name for path in drive.iterdir() if path.is_file()] == ["file"]


def test_messages_are_as_large_as_the_service_takes(machine: Communicator, server: WinrmServer) -> None:
    machine.upload(MUCH, "C:\\file")
    few = server.asked.count("Send")
    assert server.asked.count("Get") == 1
    server.faults["Get"] = [Fault(5, "AccessDenied", "Access is denied.")]
    machine.upload(MUCH, "C:\\file")
    assert server.asked.count("Send") - few > 2 * few


def test_a_stream_that_cannot_seek(machine: Communicator, drive: Path) -> None:
    near, far = os.pipe()
    os.write(far, b"from a pipe")
    os.close(far)
    with os.fdopen(near, "rb") as stream:
        machine.upload(stream, "C:\\piped")
    assert (drive / "piped").read_bytes() == b"from a pipe"


def test_directories(machine: Communicator, drive: Path, server: WinrmServer, tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "sub" / "empty").mkdir(parents=True)
    (top / "skipped").mkdir()
    files = {"a.txt": b"a", "sub/b.bin": MUCH, "sub/empty.txt": b"", "skipped/c": b"c", "d.log": b"d"}
    for name, content in files.items():
        (top / name).write_bytes(content)
    machine.upload_dir(top, "C:\\data/", exclude=["skipped", "*.log"])
    kept = {"sub": None, "sub/b.bin": MUCH, "sub/empty.txt": b""}
    assert tree(drive / "data") == {"a.txt": b"a", "sub/empty": None, **kept}
    assert len(server.lines) == 2
    machine.download_dir("C:\\data\\", tmp_path / "back", exclude=["empty", "a.*"])
    assert tree(tmp_path / "back") == kept


def tree(top: Path) -> dict[str, bytes | None]:
    return {str(p.relative_to(top)): None if p.is_dir() else p.read_bytes() for p in sorted(top.rglob("*"))}


# -- what goes wrong ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (lambda m, p: m.download("C:\\none", p / "x"), 'Cannot read "C:\\\\none" on the machine: No such file'),
        (lambda m, p: m.download("C:\\home", p / "x"), "it is a directory: C:"),
        (lambda m, p: m.download_dir("C:\\none", p / "x"), 'Cannot read the directory "C:\\\\none"'),
        (lambda m, p: m.upload(b"", "C:\\home"), 'Cannot write "C:\\\\home" on the machine: it is a directory'),
        (lambda m, p: m.upload(p / "none", "C:\\x"), "Cannot read .*No such file"),
        (lambda m, p: m.upload_dir(p, "C:\\x"), 'Windows has no file with the name "a:b"'),
    ],
)  # fmt: skip
def test_refusals(machine: Communicator, tmp_path: Path, what: Callable[[Any, Path], None], message: str) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "a:b").touch()
    with pytest.raises(BuildError, match=message):
        what(machine, folder)
    assert [path.name for path in folder.iterdir() if path.is_file()] == ["a:b"]


def damaging(server: WinrmServer, times: int) -> list[str]:
    """Damage the next streams in both directions; the list grows with each."""
    damaged: list[str] = []

    def program(shell: Shell, line: str, stdin: Iterator[bytes], write: Callable[[str, bytes], None]) -> int:
        if len(damaged) >= times:
            return copying(shell, line, stdin, write)
        damaged.append(line)
        wrong = (b"AAAA" + each[4:] if not each.startswith(b":") else each for each in stdin)
        return copying(
            shell, line, wrong, lambda s, data: write(s, data if data.startswith(b":") else b"AAAA" + data[4:])
        )

    server.stand_ins.insert(0, (is_copying, program))
    return damaged


@pytest.mark.parametrize("times", [1, 2])
def test_damage_on_the_way_is_noticed_and_repaired_once(
    machine: Communicator, server: WinrmServer, drive: Path, tmp_path: Path, times: int
) -> None:
    damaged = damaging(server, times)
    copies: list[Callable[[], None]] = [
        lambda: machine.upload(MUCH, "C:\\up"), lambda: machine.download("C:\\up", tmp_path / "back"),
    ]  # fmt: skip
    for copy in copies:
        damaged.clear()
        if times == 1:
            copy()
        else:
            (drive / "up").exists() or (drive / "up").write_bytes(MUCH)
            with pytest.raises(BuildError, match="the checksum is wrong"):
                copy()
        assert len(damaged) == times
    assert (drive / "up").read_bytes() == MUCH
    assert not (tmp_path / "back").exists() or (tmp_path / "back").read_bytes() == MUCH


def test_a_machine_without_powershell(machine: Communicator, server: WinrmServer) -> None:
    def none(_shell: Shell, _line: str, _stdin: Iterator[bytes], write: Callable[[str, bytes], None]) -> int:
        write("stderr", b"'powershell' is not recognized as an internal or external command,\r\noperable program.\r\n")
        return 1

    server.stand_ins.insert(0, (is_copying, none))
    with pytest.raises(BuildError, match=r"Cannot write .*: 'powershell' is not recognized"):
        machine.upload(MUCH, "C:\\x")


def test_errors_of_powershell_are_read(machine: Communicator, server: WinrmServer) -> None:
    """It writes them as XML to whoever is no console."""
    xml = (
        '#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
        '<S S="Error">Running scripts is disabled_x000D__x000A_</S></Objs>'
    )

    def locked(_shell: Shell, _line: str, _stdin: Iterator[bytes], write: Callable[[str, bytes], None]) -> int:
        write("stderr", xml.encode())
        return 1

    server.stand_ins.insert(0, (is_copying, locked))
    with pytest.raises(BuildError, match=r"on the machine: Running scripts is disabled\.$"):
        machine.download("C:\\x", BytesIO())


def test_a_machine_that_lies(machine: Communicator, server: WinrmServer, tmp_path: Path) -> None:
    """Nothing is written outside the target."""

    def liar(_shell: Shell, _line: str, _stdin: Iterator[bytes], write: Callable[[str, bytes], None]) -> int:
        write("stdout", b":f Li4vLi4vZXZpbA==\r\neA==\r\n:e " + b"0" * 64 + b"\r\n")
        return 0

    server.stand_ins.insert(0, (is_copying, liar))
    with pytest.raises(BuildError):
        machine.download_dir("C:\\x", tmp_path / "sub" / "sub")
    assert not (tmp_path / "evil").exists()
