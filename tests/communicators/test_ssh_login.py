"""Getting in: waiting, credentials, trust in the server, and the ways around a firewall."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from hclimg.communicators.config import CommunicatorConfig
from hclimg.communicators.connect import connect
from hclimg.errors import BuildError, Cancelled, TimedOut
from hclimg.events import Said
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from hclimg.sdk.ssh_keys import generate_key_pair, write_private_file
from hclimg.units import Secret
from servers.ports import HeldPort
from servers.recording import Recording
from servers.socks5 import Socks5
from servers.ssh_accounts import AccountServer, Rules
from servers.sshd import Sshd

SHORT = timedelta(seconds=1)  # where it is to pass
LONG = timedelta(minutes=5)
ONCE = {"ssh_handshake_attempts": 1, "ssh_timeout": None}


def log_in(ctx: Context, config: CommunicatorConfig, **more: Any) -> Communicator:
    return connect(ctx, config, host=config.ssh_host, port=config.ssh_port, **more)


def account(server: AccountServer, **settings: Any) -> CommunicatorConfig:
    given = {"ssh_host": "127.0.0.1", "ssh_port": server.port, "ssh_username": "someone", "ssh_timeout": LONG}
    return CommunicatorConfig(**{**given, **settings})


# -- waiting --------------------------------------------------------------------


def test_a_server_that_comes_up_later_is_waited_for(ctx: Context, sshd_factory: Callable[..., Sshd]) -> None:
    sshd = sshd_factory(started=False)
    timer = threading.Timer(0.4, sshd.start)
    timer.start()
    assert log_in(ctx, sshd.config).run("true") == 0
    timer.join()


@pytest.fixture
def mute_then_sshd(sshd: Sshd) -> Iterator[tuple[int, list[socket.socket]]]:
    """As a user-mode network in front of a guest that boots: accepts at once, and passes on later.

    The first connections stay silent for ever; those after the third lead to sshd.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            held.append(sock)
            if len(held) <= 3:
                continue
            far = socket.create_connection(("127.0.0.1", sshd.port))
            held.append(far)
            for a, b in ((sock, far), (far, sock)):
                threading.Thread(target=carry, args=(a, b), daemon=True).start()

    def carry(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(16384):
                sink.sendall(data)
        except OSError:
            return

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1], held
    for sock in (listener, *held):
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()


def test_silent_connections_are_kept_while_new_ones_are_tried(
    ctx: Context, sshd: Sshd, mute_then_sshd: tuple[int, list[socket.socket]]
) -> None:
    port, held = mute_then_sshd
    config = sshd.configure(ssh_port=port, ssh_timeout=LONG)
    assert log_in(ctx, config).run("true") == 0
    assert len(held) >= 5


def test_a_port_on_which_nobody_speaks(ctx: Context) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = CommunicatorConfig(
            ssh_host="127.0.0.1", ssh_port=listener.getsockname()[1], ssh_username="x", ssh_timeout=SHORT
        )
        with pytest.raises(TimedOut, match="within 1s: the port accepts connections, but no SSH server speaks on it"):
            log_in(ctx, config)


def test_a_name_that_nobody_knows(ctx: Context) -> None:
    config = CommunicatorConfig(ssh_host="host.invalid", ssh_username="x", ssh_timeout=SHORT)
    with pytest.raises(TimedOut, match=r"SSH on host\.invalid:22 .*the name host\.invalid cannot be resolved"):
        log_in(ctx, config)


def test_a_cancel_ends_the_waiting(ctx: Context, held_port: HeldPort) -> None:
    config = CommunicatorConfig(ssh_host="127.0.0.1", ssh_port=held_port(), ssh_username="x")
    timer = threading.Timer(0.2, ctx.cancel.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        log_in(ctx, config)
    timer.join()


def test_a_pause_before_connecting_makes_two_connections(ctx: Context, sshd: Sshd) -> None:
    ssh = log_in(ctx, sshd.configure(pause_before_connecting=timedelta(milliseconds=50)))
    assert ssh.run("true") == 0
    while sshd.logins < 2:  # the first connection is over, and its server may be late to log it
        time.sleep(0.01)
    assert sshd.logins == 2


# -- credentials ----------------------------------------------------------------


@pytest.mark.parametrize(("kind", "bits"), [("rsa", 2048), ("ecdsa", 256), ("ecdsa", 521), ("ed25519", 0)])
def test_keys_of_all_types(ctx: Context, sshd: Sshd, kind: str, bits: int) -> None:
    key = generate_key_pair("build", key_type=kind, bits=bits)
    (sshd.folder / "authorized_keys").write_text(key.public)
    config = sshd.configure(ssh_private_key_file=None)
    assert log_in(ctx, config, private_key=key.private).run("true") == 0


@pytest.mark.parametrize(
    "command",
    [
        ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""],
        ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PKCS8", "-N", ""],
        ["ssh-keygen", "-q", "-t", "ecdsa", "-m", "PEM", "-N", ""],
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", ""],
    ],
    ids=["rsa-pem", "rsa-pkcs8", "ec-pem", "openssh"],
)
def test_key_files_of_all_formats(ctx: Context, sshd: Sshd, tmp_path: Path, command: list[str]) -> None:
    subprocess.run([*command, "-f", str(tmp_path / "key")], check=True)
    (sshd.folder / "authorized_keys").write_text((tmp_path / "key.pub").read_text())
    config = sshd.configure(ssh_private_key_file=tmp_path / "key")
    assert log_in(ctx, config).run("true") == 0


def test_a_certificate(ctx: Context, sshd_factory: Callable[..., Sshd], tmp_path: Path) -> None:
    for name in ("authority", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
    sshd = sshd_factory(f"TrustedUserCAKeys {tmp_path}/authority.pub\nAuthorizedKeysFile none\n")
    sign = ["ssh-keygen", "-q", "-s", str(tmp_path / "authority"), "-I", "test", "-n", sshd.user]
    subprocess.run([*sign, str(tmp_path / "user.pub")], check=True)
    config = sshd.configure(ssh_private_key_file=tmp_path / "user", **ONCE)
    with pytest.raises(BuildError, match="Cannot log in"):
        log_in(ctx, config)
    config = sshd.configure(
        ssh_private_key_file=tmp_path / "user", ssh_certificate_file=tmp_path / "user-cert.pub"
    )
    assert log_in(ctx, config).run("true") == 0


@pytest.fixture
def agent(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A real ssh-agent with the key that sshd lets in."""
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
    try:
        while not listens(path):
            assert process.poll() is None
            time.sleep(0.01)
        subprocess.run(["ssh-add", "-q", str(sshd.key_file)], check=True)
        yield path
    finally:
        process.terminate()
        process.wait()


def listens(path: Path) -> bool:
    """A socket is there a little before somebody listens on it."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def test_the_agent_is_asked_only_when_the_template_says_so(ctx: Context, sshd: Sshd, agent: Path) -> None:
    with pytest.raises(BuildError, match="Cannot log in"):
        log_in(ctx, sshd.configure(ssh_private_key_file=None, **ONCE))
    assert log_in(ctx, sshd.configure(ssh_private_key_file=None, ssh_agent_auth=True)).run("true") == 0


def test_the_agent_is_forwarded_unless_forbidden(ctx: Context, sshd: Sshd, agent: Path) -> None:
    ssh = log_in(ctx, sshd.config)
    seen: list[str] = []
    for _ in range(2):
        assert ssh.run("ssh-add -l", on_output=lambda line, _: seen.append(line)) == 0
    assert len(seen) == 2
    assert "ED25519" in seen[0]
    alone = log_in(ctx, sshd.configure(ssh_disable_agent_forwarding=True))
    assert alone.run('test -z "$SSH_AUTH_SOCK"') == 0


@pytest.mark.parametrize("methods", ["password", "keyboard-interactive", "publickey,password"])
def test_a_password(
    ctx: Context, account_server: Callable[[Rules], AccountServer], methods: str
) -> None:
    server = account_server(Rules(methods))
    seen: list[str] = []
    ssh = log_in(ctx, account(server, ssh_password=Secret("secret")))
    assert ssh.run("echo hello", on_output=lambda line, _: seen.append(line)) == 0
    assert seen == ["hello"]


def test_a_password_that_the_builder_found_out(
    ctx: Context, account_server: Callable[[Rules], AccountServer]
) -> None:
    server = account_server(Rules("password"))
    assert log_in(ctx, account(server), password=Secret("secret")).kind == "ssh"


def test_a_key_and_then_a_password(
    ctx: Context, account_server: Callable[[Rules], AccountServer], sshd: Sshd
) -> None:
    rules = Rules("publickey,password", both=True)
    server = account_server(rules)
    log_in(ctx, account(server, ssh_private_key_file=sshd.key_file, ssh_password=Secret("secret")))
    assert rules.tried == ["publickey", "password"]


def test_a_server_that_wants_no_proof(ctx: Context, account_server: Callable[[Rules], AccountServer]) -> None:
    assert log_in(ctx, account(account_server(Rules("none")))).run("echo x") == 0


def test_a_login_that_is_refused_at_first(ctx: Context, account_server: Callable[[Rules], AccountServer]) -> None:
    rules = Rules("password", refusals=1)
    server = account_server(rules)
    config = account(server, ssh_password=Secret("secret"))
    assert log_in(ctx, config).run("echo x") == 0
    assert server.connections > 1


def test_a_login_that_is_always_refused(
    ctx: Context, account_server: Callable[[Rules], AccountServer], sshd: Sshd
) -> None:
    server = account_server(Rules("password"))
    credentials = {"ssh_private_key_file": sshd.key_file, "ssh_password": Secret("wrong")}
    config = account(server, **credentials, **ONCE)
    with pytest.raises(BuildError) as caught:
        log_in(ctx, config)
    assert str(caught.value) == (
        f'Cannot log in to 127.0.0.1:{server.port}: the server refused the login of "someone" with '
        f'the key "{sshd.key_file}" and the password and the password as an answer; it accepts password.'
    )
    assert "ssh_username" in caught.value.hint


@frozen
class Typist:
    """Answers everything with one text."""

    text: str
    interactive: bool = True

    def ask(self, question: str, cancel: object) -> str:
        assert question == "Password:"
        return self.text


def test_questions_of_a_bastion_go_to_the_person(
    recorded: Callable[..., Recording], account_server: Callable[[Rules], AccountServer]
) -> None:
    """The server is no real bastion: that it lets us in is what counts here."""
    server = account_server(Rules("keyboard-interactive"))
    settings = {
        "ssh_host": "127.0.0.1", "ssh_username": "x", "ssh_bastion_host": "127.0.0.1",
        "ssh_bastion_port": server.port, "ssh_bastion_interactive": True,
    }  # fmt: skip
    with pytest.raises(BuildError, match=r"SSH on 127\.0\.0\.1:22 did not answer"):
        log_in(recorded(prompter=Typist("secret")).ctx, CommunicatorConfig(**settings, ssh_timeout=SHORT))
    assert "keyboard-interactive" in server.rules.tried
    config = CommunicatorConfig(**settings, **ONCE)
    with pytest.raises(BuildError, match=r"the bastion 127\.0\.0\.1:.* refused the login .* with your answers"):
        log_in(recorded(prompter=Typist("wrong")).ctx, config)
    with pytest.raises(BuildError, match="no terminal to answer it on"):
        log_in(recorded().ctx, config)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the file is empty"),
        ("ssh-ed25519 AAAA", "it is a public key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "it is damaged"),
    ],
)
def test_a_key_file_that_cannot_be_used(ctx: Context, sshd: Sshd, tmp_path: Path, text: str, why: str) -> None:
    write_private_file(tmp_path / "key", text)
    with pytest.raises(BuildError, match=why):
        log_in(ctx, sshd.configure(ssh_private_key_file=tmp_path / "key"))


def test_algorithms_can_be_chosen(ctx: Context, sshd: Sshd) -> None:
    config = sshd.configure(ssh_ciphers=("aes256-ctr",), ssh_key_exchange_algorithms=("ecdh-sha2-nistp384",))
    assert log_in(ctx, config).run("true") == 0
    with pytest.raises(BuildError, match=r"not supported: rot13\.$") as caught:
        log_in(ctx, sshd.configure(ssh_ciphers=("rot13", "aes256-ctr")))
    assert "aes128-gcm@openssh.com" in caught.value.hint


def test_no_algorithm_in_common(ctx: Context, sshd_factory: Callable[..., Sshd]) -> None:
    sshd = sshd_factory("Ciphers chacha20-poly1305@openssh.com\n")
    with pytest.raises(BuildError, match="no algorithm in common"):
        log_in(ctx, sshd.config)


# -- trust ----------------------------------------------------------------------


def test_the_first_host_key_is_pinned_for_the_build(ctx: Context, sshd: Sshd) -> None:
    ssh = log_in(ctx, sshd.config)
    assert ssh.run("true") == 0
    sshd.stop()
    old = fingerprint(sshd)
    sshd.new_host_key()
    new = fingerprint(sshd)
    sshd.start()
    with pytest.raises(BuildError) as caught:
        ssh.run("true")
    message = str(caught.value)
    assert f"it is {new} (ssh-ed25519) instead of {old} (ssh-ed25519)" in message
    assert "impostor" in caught.value.hint
    assert sshd.logins == 1, "nothing was proved to the other server"


def test_another_type_of_host_key_is_another_key(ctx: Context, sshd_factory: Callable[..., Sshd]) -> None:
    sshd = sshd_factory(started=False)
    sshd.new_host_key("rsa")
    sshd.start()
    ssh = log_in(ctx, sshd.config)
    sshd.cut()
    assert ssh.run("true") == 0
    sshd.stop()
    sshd.new_host_key("ecdsa")
    sshd.start()
    with pytest.raises(BuildError, match=r"\(ecdsa-sha2-nistp256\) instead of SHA256:\S+ \(ssh-rsa\)"):
        ssh.run("true")


def test_a_server_that_gets_a_second_host_key_is_still_itself(ctx: Context, sshd_factory: Callable[..., Sshd]) -> None:
    """A new server may have made an rsa key first and an ed25519 key, which is preferred, after its restart."""
    sshd = sshd_factory(started=False)
    sshd.new_host_key("rsa")
    sshd.start()
    ssh = log_in(ctx, sshd.config)
    sshd.stop()
    write_private_file(sshd.folder / "second_key", generate_key_pair("h", key_type="ed25519").private.reveal())
    with (sshd.folder / "sshd_config").open("a") as file:
        file.write(f"HostKey {sshd.folder}/second_key\n")
    sshd.start()
    assert ssh.run("true") == 0


def test_a_host_key_that_the_builder_knows(ctx: Context, sshd: Sshd) -> None:
    public = sshd.new_host_key()
    sshd.stop()
    sshd.start()
    for known in (public, fingerprint(sshd)):
        assert log_in(ctx, sshd.config, known_host_key=known).run("true") == 0
    other = generate_key_pair("h", key_type="ed25519").public
    with pytest.raises(BuildError, match="is not the one that it was expected to have"):
        log_in(ctx, sshd.config, known_host_key=other)


def test_the_user_is_told_which_key_it_was(recording: Recording, sshd: Sshd) -> None:
    log_in(recording.ctx, sshd.config)
    said = [event.text for event in recording.of(Said)]
    assert said[-1] == f"Connected to 127.0.0.1:{sshd.port} as {sshd.user} (host key {fingerprint(sshd)})"


def fingerprint(sshd: Sshd) -> str:
    shown = subprocess.run(["ssh-keygen", "-l", "-f", str(sshd.folder / "host_key")], capture_output=True, text=True)
    return shown.stdout.split()[1]


# -- ways -----------------------------------------------------------------------


def test_a_bastion(ctx: Context, sshd_factory: Callable[..., Sshd], tmp_path: Path) -> None:
    bastion, target = sshd_factory(), sshd_factory()
    config = target.configure(
        ssh_bastion_host="127.0.0.1", ssh_bastion_port=bastion.port, ssh_bastion_username=bastion.user
    )
    ssh = log_in(ctx, config)
    data = os.urandom(3_000_000)
    ssh.upload(data, f"{tmp_path}/x")
    assert (tmp_path / "x").read_bytes() == data
    assert (bastion.logins, target.logins) == (1, 1)
    bastion.cut()
    assert ssh.run("true") == 0, "both connections are made again"
    assert (bastion.logins, target.logins) == (2, 2)


def test_a_machine_behind_a_bastion_is_waited_for(ctx: Context, sshd_factory: Callable[..., Sshd]) -> None:
    bastion, target = sshd_factory(), sshd_factory(started=False)
    timer = threading.Timer(0.5, target.start)
    timer.start()
    config = target.configure(ssh_bastion_host="127.0.0.1", ssh_bastion_port=bastion.port)
    assert log_in(ctx, config).run("true") == 0
    timer.join()


def test_a_bastion_whose_host_key_changes(ctx: Context, sshd_factory: Callable[..., Sshd]) -> None:
    bastion, target = sshd_factory(), sshd_factory()
    ssh = log_in(ctx, target.configure(ssh_bastion_host="127.0.0.1", ssh_bastion_port=bastion.port))
    bastion.stop()
    bastion.new_host_key()
    bastion.start()
    with pytest.raises(BuildError, match=rf"The host key of 127\.0\.0\.1:{bastion.port} is not the one"):
        ssh.run("true")


@pytest.mark.parametrize("login", [None, ("me", "proxy secret")])
def test_a_socks_proxy(
    ctx: Context, sshd: Sshd, socks5: Callable[..., Socks5], login: tuple[str, str] | None
) -> None:
    proxy = socks5(login)
    user, password = login or ("", "")
    config = sshd.configure(
        ssh_host="localhost", ssh_proxy_host="127.0.0.1", ssh_proxy_port=proxy.port,
        ssh_proxy_username=user, ssh_proxy_password=Secret(password),
    )  # fmt: skip
    assert log_in(ctx, config).run("true") == 0
    assert proxy.asked == [("localhost", sshd.port)], "the proxy resolves the name"


def test_a_socks_proxy_that_refuses(ctx: Context, sshd: Sshd, socks5: Callable[..., Socks5]) -> None:
    proxy = socks5(("me", "right"))
    settings = {"ssh_proxy_host": "127.0.0.1", "ssh_proxy_port": proxy.port, "ssh_proxy_username": "me"}
    with pytest.raises(BuildError, match="refused the login") as caught:
        log_in(ctx, sshd.configure(**settings, ssh_proxy_password=Secret("wrong")))
    assert "ssh_proxy_password" in caught.value.hint
    with pytest.raises(BuildError, match="refused the login"):
        log_in(ctx, sshd.configure(**{**settings, "ssh_proxy_username": ""}))


def test_a_machine_that_a_socks_proxy_cannot_reach(
    ctx: Context, sshd: Sshd, socks5: Callable[..., Socks5], held_port: HeldPort
) -> None:
    proxy = socks5()
    config = sshd.configure(
        ssh_port=held_port(), ssh_proxy_host="127.0.0.1", ssh_proxy_port=proxy.port, ssh_timeout=timedelta(seconds=3)
    )
    with pytest.raises(TimedOut, match=r"the proxy .* could not reach .*: connection refused"):
        log_in(ctx, config)


# -- tunnels --------------------------------------------------------------------


@pytest.fixture
def greeter() -> Iterator[int]:
    """A port on which each client is told how many bytes it sent."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock:
                count = 0
                while data := sock.recv(65536):
                    count += len(data)
                sock.sendall(f"{count} bytes".encode())

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as sock, sock.makefile("rb") as answer:
        sock.sendall(b"x" * 300_000)
        sock.shutdown(socket.SHUT_WR)
        return answer.read()


@pytest.mark.parametrize("direction", ["ssh_local_tunnels", "ssh_remote_tunnels"])
def test_tunnels_in_both_directions(
    ctx: Context, sshd: Sshd, greeter: int, direction: str, held_port: HeldPort
) -> None:
    port = held_port()
    ssh = log_in(ctx, sshd.configure(**{direction: (f"{port}:127.0.0.1:{greeter}",)}))
    assert ask(port) == b"300000 bytes"
    assert ask(port) == b"300000 bytes"
    sshd.cut()
    assert ssh.run("true") == 0
    assert ask(port) == b"300000 bytes", "the tunnel outlives the connection"


def test_a_tunnel_ends_with_its_build(ctx: Context, sshd: Sshd, greeter: int, held_port: HeldPort) -> None:
    port = held_port()
    log_in(ctx, sshd.configure(ssh_local_tunnels=(f"{port}:127.0.0.1:{greeter}",))).close()
    with pytest.raises(OSError, match="refused"):
        ask(port)


def test_a_port_that_is_taken(ctx: Context, sshd: Sshd, greeter: int) -> None:
    with pytest.raises(BuildError, match=f"Cannot listen on port {greeter} for a tunnel: Address already in use"):
        log_in(ctx, sshd.configure(ssh_local_tunnels=(f"{greeter}:127.0.0.1:1",)))


def test_a_machine_that_allows_no_tunnels(
    ctx: Context, sshd_factory: Callable[..., Sshd], held_port: HeldPort
) -> None:
    sshd = sshd_factory("AllowTcpForwarding no\n")
    with pytest.raises(BuildError, match="refuses to listen on port"):
        log_in(ctx, sshd.configure(ssh_remote_tunnels=(f"{held_port()}:127.0.0.1:1",)))
