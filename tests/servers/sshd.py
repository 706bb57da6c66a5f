"""A real OpenSSH server on loopback: own host key, own port, one key that may log in."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from getpass import getuser
from pathlib import Path
from shutil import which

import pytest
from attrs import define, field

from hclimg.communicators.config import CommunicatorConfig
from hclimg.sdk.ssh_keys import KeyPair, generate_key_pair, write_private_file
from servers.ports import HeldPort

CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
UseDNS no
MaxStartups 100
SetEnv HOME={folder}/home {environment}
Subsystem sftp internal-sftp
"""


@define
class Sshd:
    """``extra`` are more lines of sshd_config, ``environment`` is what whoever logs in finds set. ``inside`` is the
    command that runs another in the network namespace where the server is to be.
    """

    folder: Path
    key: KeyPair
    port: int
    extra: str = ""
    environment: Mapping[str, str] = field(factory=dict)
    inside: tuple[str, ...] = ()
    user: str = field(factory=getuser)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        """The home directory of whoever logs in: not that of this host, whose start-up files would run each time."""
        return self.folder / "home"

    @property
    def key_file(self) -> Path:
        return self.folder / "user_key"

    @property
    def config(self) -> CommunicatorConfig:
        return self.configure()

    def configure(self, **settings: object) -> CommunicatorConfig:
        """What a template says to get in."""
        given = {"ssh_host": "127.0.0.1", "ssh_port": self.port, "ssh_username": self.user}
        return CommunicatorConfig(**{**given, "ssh_private_key_file": self.key_file, **settings})

    def new_host_key(self, kind: str = "ed25519") -> str:
        """Give the server another host key, from its next start on; the public key."""
        pair = generate_key_pair("host", key_type=kind)
        write_private_file(self.folder / "host_key", pair.private.reveal())
        return pair.public

    def prepare(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        write_private_file(self.key_file, self.key.private.reveal())
        (self.folder / "authorized_keys").write_text(self.key.public + "\n")
        more = " ".join(f'"{name}={value}"' for name, value in self.environment.items())
        settings = CONFIG.format(port=self.port, folder=self.folder, environment=more)
        (self.folder / "sshd_config").write_text(settings + self.extra)
        if not (self.folder / "host_key").exists():
            self.new_host_key()

    def start(self) -> None:
        """Returns when the port is open."""
        Path("/run/sshd").mkdir(exist_ok=True)  # where the server confines its unprivileged part
        program = which("sshd", path="/usr/sbin:/sbin") or "sshd"
        with (self.folder / "log").open("ab") as log:
            before = log.tell()
            self._process = subprocess.Popen(
                [*self.inside, program, "-D", "-e", "-f", str(self.folder / "sshd_config")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "HCLIMG_SSHD": "1"},
            )  # fmt: skip
        while b"Server listening on" not in (self.folder / "log").read_bytes()[before:]:
            assert self._process.poll() is None, self.log
            time.sleep(0.02)

    def stop(self) -> None:
        """The server goes down, and what is connected to it with it."""
        if self._process:
            self.cut()
            self._process.terminate()
            self._process.wait()
            self._process = None

    def sessions(self) -> list[int]:
        """The processes of the open connections."""
        return _children(self._process.pid) if self._process else []

    def cut(self) -> None:
        """Break every open connection, as a cable does."""
        for pid in self.sessions():
            for child in (*_children(pid), pid):
                try:
                    os.kill(child, signal.SIGKILL)
                except ProcessLookupError:
                    continue

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def logins(self) -> int:
        """How many there were. A login is logged before its first command runs, but maybe after it was granted."""
        return self.log.count("Accepted ")


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


@pytest.fixture(scope="session")
def user_key() -> KeyPair:
    return generate_key_pair("hclimg-test", key_type="ed25519")


@pytest.fixture
def sshd_factory(tmp_path: Path, user_key: KeyPair, held_port: HeldPort) -> Iterator[Callable[..., Sshd]]:
    """``sshd_factory(extra="", started=True)`` starts a server of its own."""
    servers: list[Sshd] = []

    def make(extra: str = "", *, started: bool = True) -> Sshd:
        server = Sshd(tmp_path / f"sshd{len(servers)}", user_key, held_port(), extra)
        servers.append(server)
        server.prepare()
        if started:
            server.start()
        return server

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def sshd(sshd_factory: Callable[..., Sshd]) -> Sshd:
    """A running server that nobody else uses."""
    return sshd_factory()
