"""The SSH server for a machine, with OpenSSH's own clients."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from attrs import frozen

from hclimg.communicators.adapter import Adapter, Admission, ssh_adapter
from hclimg.communicators.chroot import local_communicator
from hclimg.communicators.connect import connect
from hclimg.communicators.login import LoginKey
from hclimg.communicators.none import NoCommunicator
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from hclimg.sdk.ssh_keys import KeyPair, generate_key_pair, write_private_file
from servers.ports import HeldPort
from servers.winrm import WinrmServer

HOST_KEY = LoginKey(label="the host key", text=generate_key_pair("host", key_type="ecdsa").private)
BINARY = bytes(range(256)) * 4000


@frozen
class Client:
    """OpenSSH's programs, which know the server and the key."""

    adapter: Adapter
    folder: Path

    def options(self, *more: str) -> list[str]:
        known = self.folder / "known_hosts"
        known.write_text(self.adapter.known_host + "\n")
        return [
            "-F", "none", "-i", str(self.folder / "key"), "-o", f"UserKnownHostsFile={known}", "-o", "BatchMode=yes",
            "-o", f"Port={self.adapter.port}", "-o", "User=anybody", *more,
        ]  # fmt: skip

    def run(self, program: str, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([program, *self.options(), *words], input=given, capture_output=True)

    def ssh(self, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return self.run("ssh", "127.0.0.1", *words, given=given)

    def copy(self, program: str, source: Path, target: Path, way: str) -> None:
        """``way`` is ``put`` or ``get``."""
        if program == "sftp":
            line = f"{way} -p {source} {target}\n" if way == "put" else f"get {source} {target}\n"
            done = self.run("sftp", "-b", "-", "127.0.0.1", given=line.encode())
        else:
            ends = [str(source), f"127.0.0.1:{target}"] if way == "put" else [f"127.0.0.1:{source}", str(target)]
            done = self.run("scp", *(["-O"] if program == "scp -O" else []), *ends)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def key() -> KeyPair:
    return generate_key_pair("client", key_type="ed25519")


@pytest.fixture
def client_of(ctx: Context, key: KeyPair, tmp_path: Path) -> Callable[[Communicator], Client]:
    def make(communicator: Communicator) -> Client:
        write_private_file(tmp_path / "key", key.private.reveal())
        adapter = ssh_adapter(ctx, communicator, Admission(host_key=HOST_KEY, authorized=key.public))
        return Client(adapter, tmp_path)

    return make


@pytest.fixture
def client(ctx: Context, client_of: Callable[[Communicator], Client]) -> Client:
    return client_of(local_communicator(ctx))


def test_commands(client: Client) -> None:
    done = client.ssh("cat; printf '\\377no' >&2; exit 7", given=BINARY)
    assert (done.returncode, done.stdout, done.stderr) == (7, BINARY, b"\xffno")
    assert client.ssh("-tt", "echo a terminal").stdout.strip() == b"a terminal"


def test_through_a_machine_of_ssh(connected: Callable[..., Communicator], client_of: Callable[..., Client]) -> None:
    done = client_of(connected()).ssh("cat; printf '\\377no' >&2; exit 7", given=BINARY)
    assert (done.returncode, done.stdout, done.stderr) == (7, BINARY, b"\xffno")


def test_many_sessions_in_one_connection(client: Client, tmp_path: Path) -> None:
    shared = ("-o", "ControlMaster=auto", "-o", f"ControlPath={tmp_path}/c", "-o", "ControlPersist=yes")
    first = subprocess.run(["ssh", *client.options(*shared), "127.0.0.1", "true"], stderr=subprocess.DEVNULL)
    assert first.returncode == 0

    def run(number: int) -> tuple[int, bytes]:
        done = client.run("ssh", *shared, "127.0.0.1", f"cat; exit {number}", given=b"%d" % number)
        return done.returncode, done.stdout

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, range(8))) == [(n, b"%d" % n) for n in range(8)]
    assert client.run("ssh", *shared, "-O", "exit", "127.0.0.1").returncode == 0


@pytest.mark.parametrize("program", ["sftp", "scp", "scp -O"])
def test_files(client: Client, tmp_path: Path, program: str) -> None:
    source, there, back = (tmp_path / name for name in ("source", "there", "back"))
    source.write_bytes(BINARY)
    source.chmod(0o640)
    client.copy(program, source, there, "put")
    assert there.read_bytes() == BINARY
    assert there.stat().st_mode & 0o777 == 0o640
    client.copy(program, there, back, "get")
    assert back.read_bytes() == BINARY
    (tmp_path / "folder").mkdir()
    client.copy(program, source, tmp_path / "folder", "put")
    assert (tmp_path / "folder/source").read_bytes() == BINARY


def test_a_directory_by_scp(client: Client, tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_text("deep")
    (tmp_path / "to").mkdir()
    done = client.run("scp", "-O", "-r", str(tmp_path / "a"), f"127.0.0.1:{tmp_path}/to")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "to/a/b/file").read_text() == "deep"


@pytest.mark.parametrize("program", ["scp", "scp -O"])
def test_a_file_that_is_not_there(client: Client, tmp_path: Path, program: str) -> None:
    old = ["-O"] if program == "scp -O" else []
    done = client.run("scp", *old, f"127.0.0.1:{tmp_path}/nothing", str(tmp_path / "x"))
    assert done.returncode == 1
    assert b"nothing" in done.stderr
    done = client.run("scp", *old, str(tmp_path / "key"), f"127.0.0.1:{tmp_path}/no/where")
    assert done.returncode != 0


def test_the_machines_own_sftp_server(ctx: Context, key: KeyPair, tmp_path: Path) -> None:
    write_private_file(tmp_path / "key", key.private.reveal())
    admission = Admission(host_key=HOST_KEY, authorized=key.public)
    command = f"touch {tmp_path}/used; exec /usr/lib/openssh/sftp-server -e"
    client = Client(ssh_adapter(ctx, local_communicator(ctx), admission, sftp_command=command), tmp_path)
    client.copy("sftp", tmp_path / "key", tmp_path / "copy", "put")
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "key").read_bytes()
    assert (tmp_path / "used").exists()


def test_another_key_stays_outside(client: Client, tmp_path: Path) -> None:
    write_private_file(tmp_path / "key", generate_key_pair("other", key_type="ed25519").private.reveal())
    done = client.ssh("true")
    assert done.returncode == 255
    assert b"Permission denied (publickey)" in done.stderr


def test_no_way_to_the_machine(client_of: Callable[[Communicator], Client]) -> None:
    client = client_of(NoCommunicator())
    done = client.ssh("true")
    assert done.returncode == 255
    assert b"hclimg: Cannot run a command" in done.stderr
    (failure,) = client.adapter.failures
    assert "Cannot run a command" in str(failure)


def test_ports(ctx: Context, key: KeyPair, held_port: HeldPort) -> None:
    """Ten are tried, from the one that was asked for."""
    admission = Admission(host_key=HOST_KEY, authorized=key.public)
    first = ssh_adapter(ctx, NoCommunicator(), admission, port=held_port())
    second = ssh_adapter(ctx, NoCommunicator(), admission, port=first.port)
    assert first.port < second.port < first.port + 10


def test_a_host_key_that_cannot_be_used(ctx: Context, key: KeyPair, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text(key.public)
    admission = Admission(host_key=LoginKey(label="the host key", path=tmp_path / "bad"), authorized=key.public)
    with pytest.raises(BuildError, match="it is a public key"):
        ssh_adapter(ctx, NoCommunicator(), admission)


@pytest.mark.slow
def test_through_a_machine_of_winrm(
    ctx: Context, winrm: WinrmServer, client_of: Callable[[Communicator], Client], tmp_path: Path
) -> None:
    """wine's cmd.exe behind OpenSSH's own programs."""
    config = winrm.configure()
    client = client_of(connect(ctx, config, host=config.host, port=config.port))
    done = client.ssh("echo out & echo no 1>&2 & exit /b 7")
    assert (done.returncode, done.stdout.split(), done.stderr.split()) == (7, [b"out"], [b"no"])
    (tmp_path / "source").write_bytes(BINARY)
    for program in ("scp -O", "sftp"):
        client.copy(program, tmp_path / "source", Path("there.bin"), "put")
        client.copy(program, Path("there.bin"), tmp_path / "back", "get")
        assert (tmp_path / "back").read_bytes() == BINARY
        (tmp_path / "back").unlink()
