"""Files and directories over SSH: by commands, by SFTP, and across a connection that breaks."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from hclimg.communicators.connect import connect
from hclimg.communicators.ssh import SshCommunicator
from hclimg.errors import BuildError, Cancelled, ConnectionLost
from hclimg.events import Progress
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from servers.recording import Recording
from servers.relay import Relay
from servers.sshd import Sshd

INTERNAL_SFTP = "ForceCommand internal-sftp\n"
NAMES = (
    "plain", "with space", "quote'd", 'double"quote', "dollar$HOME", "back\\slash", "-dash", "résumé", "semi;colon",
)  # fmt: skip


@pytest.fixture(params=["scp", "sftp", "no shell"])
def ssh_by_any(
    request: pytest.FixtureRequest, ctx: Context, sshd_factory: Callable[..., Sshd]
) -> Communicator:
    """Each way to copy files; on a machine without a shell it is found out by trying."""
    server = sshd_factory(INTERNAL_SFTP if request.param == "no shell" else "")
    method = "sftp" if request.param == "sftp" else "scp"
    config = server.configure(ssh_file_transfer_method=method)
    return connect(ctx, config, host="127.0.0.1", port=server.port)


def tree(top: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of everything below a directory."""
    found = {}
    for path in sorted(top.rglob("*")):
        content = b"dir" if path.is_dir() else path.read_bytes()
        found[str(path.relative_to(top))] = (path.stat().st_mode & 0o7777, content)
    return found


def sample(top: Path) -> Path:
    """A directory with odd names, modes, sizes and depths."""
    top.mkdir()
    for number, name in enumerate(NAMES):
        (top / name).write_bytes(os.urandom(number * 7919))
    deep = top / "sub dir" / ("x" * 120) / "y"
    deep.mkdir(parents=True)
    (deep / ("é" * 60)).write_bytes(b"long")
    (deep / "run").write_bytes(b"#!/bin/sh\n")
    (deep / "run").chmod(0o4751)
    (top / "empty").mkdir(mode=0o711)
    (top / "empty file").touch(mode=0o400)
    return top


def test_a_file_goes_up_and_comes_back(ssh_by_any: Communicator, tmp_path: Path) -> None:
    data = os.urandom(1_000_003)
    for number, name in enumerate(NAMES):
        remote = tmp_path / f"up {number}" / name
        remote.parent.mkdir()
        ssh_by_any.upload(data, str(remote), mode=0o640)
        assert remote.read_bytes() == data
        assert remote.stat().st_mode & 0o7777 == 0o640
        back = io.BytesIO()
        ssh_by_any.download(str(remote), back)
        assert back.getvalue() == data


def test_a_file_keeps_its_mode_and_an_old_one_becomes_shorter(ssh_by_any: Communicator, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    target.write_bytes(b"longer than the new one")
    source.write_bytes(b"short")
    source.chmod(0o705)
    ssh_by_any.upload(source, str(target))
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"short", 0o705)
    ssh_by_any.upload(b"", str(target))
    assert target.read_bytes() == b""


def test_streams_are_copied_from_where_they_stand(ssh_by_any: Communicator, tmp_path: Path) -> None:
    stream = io.BytesIO(b"skipped|copied")
    stream.seek(8)
    ssh_by_any.upload(stream, f"{tmp_path}/from-seekable")
    assert (tmp_path / "from-seekable").read_bytes() == b"copied"


def test_a_pipe_first_of_all(ssh_by_any: Communicator, tmp_path: Path) -> None:
    """It can be read only once, so it is found out before whether the machine has a shell."""
    read, write = os.pipe()
    os.write(write, b"from a pipe")
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        ssh_by_any.upload(pipe, f"{tmp_path}/from-pipe")
    assert (tmp_path / "from-pipe").read_bytes() == b"from a pipe"


def test_a_directory_goes_up_and_comes_back(ssh_by_any: Communicator, tmp_path: Path) -> None:
    source, there, back = sample(tmp_path / "source"), tmp_path / "there" / "new", tmp_path / "back"
    ssh_by_any.upload_dir(source, str(there))
    assert tree(there) == tree(source)
    ssh_by_any.download_dir(str(there), back)
    sample_tree = tree(source)
    assert tree(back) == sample_tree


def test_what_is_excluded_stays(ssh_by_any: Communicator, tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("keep/a.txt", "keep/b.pyc", ".git/config", "deep/.git/x", "deep/y"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    wanted = ["deep", "deep/y", "keep", "keep/a.txt"]
    ssh_by_any.upload_dir(source, f"{tmp_path}/up", exclude=[".git", "*.pyc"])
    assert sorted(tree(tmp_path / "up")) == wanted
    ssh_by_any.download_dir(str(source), tmp_path / "down", exclude=[".git", "*.pyc"])
    assert sorted(tree(tmp_path / "down")) == wanted


def test_links_are_followed_and_a_circle_is_an_error(ssh_by_any: Communicator, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "f").write_text("f")
    (source / "dir").symlink_to(tmp_path / "elsewhere")
    (source / "file").symlink_to(tmp_path / "elsewhere" / "f")
    ssh_by_any.upload_dir(source, f"{tmp_path}/up")
    assert sorted(tree(tmp_path / "up")) == ["dir", "dir/f", "file"]
    assert not (tmp_path / "up" / "dir").is_symlink()
    ssh_by_any.download_dir(str(source), tmp_path / "down")
    assert sorted(tree(tmp_path / "down")) == ["dir", "dir/f", "file"]
    (source / "circle").symlink_to(source)
    with pytest.raises(BuildError, match="contains itself through a link"):
        ssh_by_any.upload_dir(source, f"{tmp_path}/circle")


def test_files_of_the_home_directory(ssh: Communicator, sshd: Sshd, tmp_path: Path) -> None:
    """As with scp, ``~`` is the user's home directory."""
    for path in ("~/in home", "$HOME/also", "${HOME}/too"):
        ssh.upload(b"x", path)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").touch()
    ssh.upload_dir(tmp_path / "source", "~/dir")
    ssh.upload_dir(tmp_path / "source", "~")
    assert sorted(path.name for path in sshd.home.iterdir()) == ["also", "dir", "file", "in home", "too"]


@pytest.mark.parametrize(
    ("remote", "why"),
    [("/nonexistent/file", "nonexistent|[Nn]o such file"), ("/dev", "Is a directory|[Ff]ailure")],
)
def test_a_place_that_cannot_be_written(ssh_by_any: Communicator, remote: str, why: str) -> None:
    with pytest.raises(BuildError, match=rf'^Cannot write "{remote}" on the machine: .*({why})') as caught:
        ssh_by_any.upload(b"x", remote)
    assert "\n" not in caught.value.message


def test_hints_say_what_to_do(ssh: Communicator, tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        ssh.upload(b"x", "/nonexistent/file")
    assert "make them first" in caught.value.hint
    with pytest.raises(BuildError) as caught:
        ssh.download(str(tmp_path), io.BytesIO())
    assert 'end the path with "/"' in caught.value.hint
    with pytest.raises(BuildError, match="No space left on device") as caught:
        ssh.upload(b"x" * 100, "/dev/full")
    assert caught.value.hint == "The disk of the machine is full."


def test_a_file_that_is_missing_leaves_nothing_behind(ssh_by_any: Communicator, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("as before")
    with pytest.raises(BuildError, match=r'^Cannot read "/nonexistent/file" on the machine: .*[Nn]o such file'):
        ssh_by_any.download("/nonexistent/file", target)
    with pytest.raises(BuildError, match=r'^Cannot read the directory "/nonexistent/dir" on the machine: '):
        ssh_by_any.download_dir("/nonexistent/dir", tmp_path / "dir")
    assert target.read_text() == "as before"
    assert list(tmp_path.glob("*.part")) == []


def test_a_source_that_cannot_be_read(ssh: Communicator, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=f'^Cannot read "{tmp_path}/missing": No such file or directory'):
        ssh.upload(tmp_path / "missing", "/tmp/x")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "broken").symlink_to("nowhere")
    with pytest.raises(BuildError, match="broken"):
        ssh.upload_dir(tmp_path / "source", f"{tmp_path}/up")
    assert ssh.run("true") == 0


def test_what_the_login_shell_prints_does_not_get_into_files(ssh: Communicator, sshd: Sshd, tmp_path: Path) -> None:
    (sshd.home / ".bashrc").write_text("echo welcome; echo to this machine >&2\n")
    seen: list[str] = []
    assert ssh.run("true", on_output=lambda line, _: seen.append(line)) == 0
    assert seen == ["welcome", "to this machine"], "the shell reads the file"
    ssh.upload(b"content", f"{tmp_path}/file")
    back = io.BytesIO()
    ssh.download(f"{tmp_path}/file", back)
    assert back.getvalue() == b"content"
    ssh.download_dir(str(sshd.folder), tmp_path / "down")
    assert (tmp_path / "down" / "home" / ".bashrc").exists()


def test_half_a_gigabyte_does_not_end_the_connection(ssh: Communicator, sshd: Sshd, tmp_path: Path) -> None:
    """After that much, paramiko asks for new keys, and stops when the server closes a channel at that moment."""
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.truncate(256 << 20)

    class Counting(io.RawIOBase):
        count = 0

        def write(self, data: bytes) -> int:
            self.count += len(data)
            return len(data)

    target = Counting()
    for _ in range(3):
        ssh.download(str(source), cast("BinaryIO", target))
    assert target.count == 3 * 256 << 20
    assert sshd.logins == 1


def test_a_cut_upload_goes_on_where_it_was(
    ctx: Context, sshd: Sshd, relay: Callable[..., Relay], tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(1 << 20) * 40)
    front = relay(sshd.port, [15_000_000, 10_000_000])
    ssh = connect(ctx, sshd.config, host="127.0.0.1", port=front.port)
    ssh.upload(source, str(target), mode=0o604)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_mode & 0o777 == 0o604
    assert front.connections >= 3
    assert front.carried < 55_000_000, "it did not start again from the beginning"


def test_a_cut_download_goes_on_where_it_was(
    ctx: Context, sshd: Sshd, relay: Callable[..., Relay], tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(1 << 20) * 40)
    front = relay(sshd.port, [15_000_000, 10_000_000])
    ssh = connect(ctx, sshd.config, host="127.0.0.1", port=front.port)
    ssh.download(str(source), target)
    assert target.read_bytes() == source.read_bytes()
    assert front.connections >= 3
    assert front.carried < 55_000_000, "it did not start again from the beginning"


@pytest.mark.parametrize("method", ["scp", "sftp"])
def test_a_cut_directory_is_copied_again(
    ctx: Context, sshd: Sshd, relay: Callable[..., Relay], tmp_path: Path, method: str
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(20):
        (source / str(number)).write_bytes(os.urandom(200_000))
    front = relay(sshd.port, [2_000_000])
    config = sshd.configure(ssh_file_transfer_method=method)
    ssh = connect(ctx, config, host="127.0.0.1", port=front.port)
    ssh.upload_dir(source, f"{tmp_path}/up")
    assert tree(tmp_path / "up") == tree(source)
    assert front.connections >= 2
    front.cuts.append(2_000_000)
    front.cut()
    ssh.download_dir(str(source), tmp_path / "down")
    assert tree(tmp_path / "down") == tree(source)
    assert front.connections >= 4


def test_a_cut_download_writes_no_traceback(ssh: Communicator, sshd: Sshd) -> None:
    """The thread that asks for the pieces of a file ends quietly; pytest sees when one does not."""
    assert isinstance(ssh, SshCommunicator)
    file = ssh.session.sftp().open(str(sshd.key_file), "rb")
    ssh.session.drop()
    file.prefetch(10_000_000)
    for thread in threading.enumerate():
        if "_prefetch_thread" in thread.name:
            thread.join()


def test_a_file_that_changed_during_the_cut_is_noticed(
    ctx: Context, sshd: Sshd, relay: Callable[..., Relay], tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"a" * 20_000_000)
    front = relay(sshd.port, [8_000_000])
    ssh = connect(ctx, sshd.config, host="127.0.0.1", port=front.port)

    class Changing(io.FileIO):
        """What is behind the place of the cut is there; what is before it becomes something else."""

        def read(self, size: int = -1) -> bytes:
            if front.connections >= 2 and not done:
                done.append(True)
                with target.open("r+b") as file:
                    file.write(b"b")
            return super().read(size)

    done: list[bool] = []
    with Changing(source) as stream, pytest.raises(BuildError, match="differs from its copy"):
        ssh.upload(stream, str(target))


def test_a_stream_that_cannot_go_back_is_not_sent_twice(
    ctx: Context, sshd: Sshd, relay: Callable[..., Relay], tmp_path: Path
) -> None:
    front = relay(sshd.port, [1_000_000])
    ssh = connect(ctx, sshd.config, host="127.0.0.1", port=front.port)

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(ConnectionLost):
        ssh.upload(Pipe(b"x" * 10_000_000), f"{tmp_path}/target")


def test_a_network_that_always_breaks_is_given_up(
    ctx: Context, sshd: Sshd, relay: Callable[..., Relay], tmp_path: Path
) -> None:
    front = relay(sshd.port)
    ssh = connect(ctx, sshd.config, host="127.0.0.1", port=front.port)
    front.cut()
    front.cuts.extend([8_000] * 20)  # enough to log in, not to copy anything
    with pytest.raises(ConnectionLost):
        ssh.upload(b"x" * 1_000_000, f"{tmp_path}/target")


def test_a_cancel_ends_a_transfer(ssh: Communicator, ctx: Context, tmp_path: Path) -> None:
    class Endless(io.RawIOBase):
        sent = 0

        def read(self, size: int = -1) -> bytes:
            self.sent += size
            if self.sent > 5_000_000:
                ctx.cancel.cancel()
            return b"x" * size

        def seekable(self) -> bool:
            return False

    with pytest.raises(Cancelled):
        ssh.upload(cast("BinaryIO", Endless()), f"{tmp_path}/target")


def test_long_transfers_tell_how_far_they_are(recording: Recording, sshd: Sshd, tmp_path: Path) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            time.sleep(0.01)
            return super().read(size)

    ssh = connect(recording.ctx, sshd.config, host="127.0.0.1", port=sshd.port)
    ssh.upload(Slow(b"x" * 3_000_000), f"{tmp_path}/target")
    told = recording.of(Progress)
    assert told
    assert {event.total for event in told} == {3_000_000}
    assert [event.done for event in told] == sorted({event.done for event in told})
    ssh.upload(b"short", f"{tmp_path}/target")
    assert len(recording.of(Progress)) == len(told)
