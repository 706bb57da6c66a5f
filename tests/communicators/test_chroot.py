"""A directory as a machine: commands run in it, and nothing written to it leaves it."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

import pytest

from hclimg.communicators.chroot import HostCommunicator, chroot_communicator, local_communicator
from hclimg.communicators.none import NoCommunicator
from hclimg.communicators.rooted import RootedTree
from hclimg.errors import BuildError, Cancelled, TimedOut
from hclimg.sdk.context import Context
from servers.recording import Recording


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The least in which a shell runs: dash, a few programs and their libraries."""
    top = tmp_path / "root"
    for folder in ("bin", "tmp", "root", "etc", "dev"):
        (top / folder).mkdir(parents=True)
    for name in ("sh", "cat", "sleep", "env"):
        program = shutil.which(name)
        assert program
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.split()
        for file in (program, *(word for word in listed if word.startswith("/"))):
            target = top / file[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
        if not (top / "bin" / name).exists():
            shutil.copy(program, top / "bin" / name)
    (top / "dev" / "null").touch()
    return top


@pytest.fixture
def chroot(ctx: Context, root: Path) -> HostCommunicator:
    return chroot_communicator(ctx, root)


def output_of(communicator: HostCommunicator, command: str, **more: bytes | io.BytesIO) -> list[str]:
    lines: list[str] = []
    assert communicator.run(command, on_output=lambda line, _: lines.append(line), **more) == 0
    return lines


def test_commands_run_inside(chroot: HostCommunicator, root: Path) -> None:
    assert chroot.run("echo inside > /tmp/file; exit 3") == 3
    assert (root / "tmp" / "file").read_text() == "inside\n"


def test_a_command_sees_nothing_of_this_hosts_environment(
    chroot: HostCommunicator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "x")
    names = sorted(line.partition("=")[0] for line in output_of(chroot, "env"))
    assert names == ["HCLIMG_RUN", "HOME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "USER"]


def test_the_command_line_is_not_shown_to_the_users_of_the_host(chroot: HostCommunicator, root: Path) -> None:
    seen: list[str] = []
    secret = token_hex(8)  # the command lines of the whole host are looked at

    def look(_line: str, _stream: str) -> None:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                seen.append(path.read_bytes().decode())
        (root / "tmp" / "seen").touch()

    command = f"TOKEN={secret}; echo look; while [ ! -e /tmp/seen ]; do sleep 0.01; done"
    assert chroot.run(command, on_output=look) == 0
    assert any("HCLIMG_COMMAND" in line for line in seen)
    assert not any(secret in line for line in seen)


def test_input_and_exit_codes(chroot: HostCommunicator) -> None:
    assert output_of(chroot, "cat", stdin=b"bytes\n") == ["bytes"]
    assert output_of(chroot, "cat", stdin=io.BytesIO(b"stream\n")) == ["stream"]
    assert output_of(chroot, "cat") == []
    assert chroot.run("kill -9 $$") == 137


def test_a_cancel_and_a_timeout_end_a_command(chroot: HostCommunicator, ctx: Context) -> None:
    with pytest.raises(TimedOut):
        chroot.run("sleep 60", timeout=timedelta(seconds=0.2))
    with pytest.raises(Cancelled):
        chroot.run("echo x; sleep 60", on_output=lambda *_: threading.Thread(target=ctx.cancel.cancel).start())


def test_a_directory_without_a_shell(ctx: Context, tmp_path: Path) -> None:
    lines: list[str] = []
    status = chroot_communicator(ctx, tmp_path).run("true", on_output=lambda line, _: lines.append(line))
    assert status == 127
    assert "/bin/sh" in lines[0]


def test_files_in_both_directions(chroot: HostCommunicator, root: Path, tmp_path: Path) -> None:
    chroot.upload(b"content", "/etc/new", mode=0o600)
    assert ((root / "etc" / "new").read_bytes(), (root / "etc" / "new").stat().st_mode & 0o777) == (b"content", 0o600)
    chroot.upload(b"home", "~/file")
    assert (root / "root" / "file").read_bytes() == b"home"
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "run").write_text("x")
    (source / "sub" / "run").chmod(0o755)
    chroot.upload_dir(source, "/opt/new/place")
    assert (root / "opt/new/place/sub/run").stat().st_mode & 0o777 == 0o755
    target = io.BytesIO()
    chroot.download("/etc/new", target)
    assert target.getvalue() == b"content"
    chroot.download_dir("/opt/new", tmp_path / "back", exclude=["nothing"])
    assert (tmp_path / "back/place/sub/run").read_text() == "x"
    chroot.download_dir("/opt", tmp_path / "less", exclude=["place"])
    assert sorted(p.name for p in (tmp_path / "less").rglob("*")) == ["new"]


@pytest.mark.parametrize(
    ("link", "target", "path"),
    [
        ("etc/resolv.conf", "{outside}/file", "/etc/resolv.conf"),
        ("etc/dir", "{outside}", "/etc/dir/file"),
        ("etc/dir", "../../../../../../../../../../{outside}", "/etc/dir/file"),
        ("etc/chain", "chain2", "/etc/chain/file"),
    ],
)
def test_no_link_leads_out(
    chroot: HostCommunicator, root: Path, tmp_path: Path, link: str, target: str, path: str
) -> None:
    """What a link means is looked up in the directory; the host's file of that name stays as it is."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("the host's")
    (root / link).symlink_to(target.format(outside=outside))
    (root / "etc" / "chain2").symlink_to(outside)
    (root / str(outside)[1:]).mkdir(parents=True)
    chroot.upload(b"the image's", path)
    chroot.upload_dir(outside, "/etc/other")
    assert (outside / "file").read_text() == "the host's"
    assert (root / str(outside)[1:] / "file").read_text() == "the image's"
    back = io.BytesIO()
    chroot.download(path, back)
    assert back.getvalue() == b"the image's"


def test_dots_do_not_lead_out(chroot: HostCommunicator, root: Path) -> None:
    chroot.upload(b"x", "../../../../tmp/dots")
    assert (root / "tmp" / "dots").exists()
    chroot.upload(b"x", "/etc/../tmp/../../tmp/more")
    assert (root / "tmp" / "more").exists()


def test_a_circle_of_links(chroot: HostCommunicator, root: Path) -> None:
    (root / "etc" / "a").symlink_to("b")
    (root / "etc" / "b").symlink_to("a")
    with pytest.raises(BuildError, match="Too many levels of symbolic links"):
        chroot.upload(b"x", "/etc/a/file")
    with pytest.raises(BuildError, match="Too many levels of symbolic links"):
        chroot.upload(b"x", "/etc/a")


def test_places_that_are_not_there(chroot: HostCommunicator, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r'^Cannot write "/nowhere/file": No such file or directory'):
        chroot.upload(b"x", "/nowhere/file")
    with pytest.raises(BuildError, match=r'^Cannot read "/nowhere": No such file or directory'):
        chroot.download("/nowhere", io.BytesIO())
    with pytest.raises(BuildError, match=r'^Cannot read the directory "/nowhere": No such file or directory'):
        chroot.download_dir("/nowhere", tmp_path / "x")
    with pytest.raises(BuildError, match=r'^Cannot write "/etc": Is a directory'):
        chroot.upload(b"x", "/etc")


def test_a_tree_keeps_to_its_root(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    tree = RootedTree(top)
    tree.make_dirs("a/b/c", 0o750)
    assert (top / "a/b/c").stat().st_mode & 0o777 == 0o750
    tree.make_dirs("/")
    tree.make_dirs("a/b/../d")
    (top / "up").symlink_to("..")
    tree.make_dirs("up/e")
    assert sorted(str(p.relative_to(top)) for p in top.rglob("*")) == ["a", "a/b", "a/b/c", "a/d", "e", "up"]
    assert (tree.is_dir("up/up/a"), tree.is_dir("nowhere")) == (True, False)
    os.close(tree.open("a/file", os.O_WRONLY | os.O_CREAT))
    with pytest.raises(OSError, match="Not a directory"):
        tree.make_dirs("a/file")
    tree.link("a/file", "a/second")
    tree.remove("a/file")
    assert [found.name for found in tree.walk("a")] == ["b", "b/c", "d", "second"]


def test_the_host_itself(ctx: Context, tmp_path: Path) -> None:
    local = local_communicator(ctx)
    assert (local.kind, local.streams_stdin) == ("local", True)
    local.upload(b"x", f"{tmp_path}/file")
    assert output_of(local, f"cat {tmp_path}/file; echo; echo $HOME") == ["x", str(Path.home())]


@pytest.mark.parametrize(
    "use",
    [
        lambda c: c.run("true"),
        lambda c: c.upload(b"", "/x"),
        lambda c: c.upload_dir(Path("/tmp"), "/x"),
        lambda c: c.download("/x", io.BytesIO()),
        lambda c: c.download_dir("/x", Path("/tmp")),
        lambda c: c.reconnect(timedelta()),
    ],
)
def test_a_machine_that_nobody_talks_to(use: Callable[[NoCommunicator], object]) -> None:
    with pytest.raises(BuildError, match='its communicator is "none"') as caught:
        use(NoCommunicator())
    assert "shell-local" in caught.value.hint


def test_output_is_told_line_by_line(recording: Recording, root: Path) -> None:
    chroot = chroot_communicator(recording.ctx, root)
    chroot.run("printf '1%%\\r2%%\\n'; echo err >&2", on_output=recording.ctx.output)
    assert sorted(recording.output) == ["2%", "err"]
