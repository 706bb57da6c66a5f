"""Ways to a WinRM service, and what is said when there is none."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hclimg.communicators import winrm_session
from hclimg.communicators.connect import connect
from hclimg.errors import BuildError, Cancelled, TimedOut
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from hclimg.sdk.testing import Recording
from hclimg.units import Secret
from servers.tls import certificate_of, server_context
from servers.winrm import USER, WinrmServer
from servers.winrm_soap import Fault

Bare = Callable[..., WinrmServer]
ENOUGH = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winrm_session, "PAUSE", 0.01)


def to(ctx: Context, server: WinrmServer, **settings: Any) -> Communicator:
    config = server.configure(**{"winrm_timeout": ENOUGH, **settings})
    return connect(ctx, config, host=config.host, port=config.port)


def lines_of(machine: Communicator, command: str, **how: Any) -> list[str]:
    lines: list[str] = []
    assert machine.run(command, on_output=lambda line, _stream: lines.append(line), **how) == 0
    return lines


def test_basic(recording: Recording, winrm_bare: Bare) -> None:
    server = winrm_bare()
    machine = to(recording.ctx, server)
    assert lines_of(machine, "echo hello") == ["hello"]
    assert recording.said == [
        f"Waiting for WinRM on 127.0.0.1:{server.port}",
        f"Connected to 127.0.0.1:{server.port} as Administrator (Basic)",
    ]  # fmt: skip
    assert server.shells == {}


@pytest.mark.parametrize("user", ["Administrator", "LAB\\administrator"])
def test_ntlm_encrypts_every_message(ctx: Context, winrm_bare: Bare, user: str) -> None:
    server = winrm_bare(ways=("Negotiate",))
    machine = to(ctx, server, winrm_use_ntlm=True, winrm_username=user)
    sent = b"x" * 99_998 + b"\r\n"
    assert "".join(lines_of(machine, "more", stdin=sent * 3)) == "x" * 99_998 * 3
    assert server.sealed == len(server.asked)


def test_tls_with_a_certificate_that_is_trusted(
    ctx: Context, winrm_bare: Bare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = server_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    for ntlm in (False, True):
        server = winrm_bare(tls=context, ways=("Negotiate", "Basic"))
        assert lines_of(to(ctx, server, winrm_use_ntlm=ntlm), "echo hello") == ["hello"]
        assert server.sealed == 0


def test_tls_with_any_certificate(ctx: Context, winrm_bare: Bare, tmp_path: Path) -> None:
    context, _ = server_context(tmp_path)
    machine = to(ctx, winrm_bare(tls=context), winrm_insecure=True)
    assert lines_of(machine, "echo hello") == ["hello"]


def test_a_certificate_takes_the_place_of_a_password(
    recording: Recording, winrm_bare: Bare, tmp_path: Path
) -> None:
    context, _ = server_context(tmp_path)
    certificate, key = certificate_of(USER, tmp_path)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(certificate)
    server = winrm_bare(tls=context, ways=())
    both = tmp_path / "both.pem"
    both.write_text(certificate.read_text() + key.read_text())
    settings = {"winrm_username": "", "winrm_password": Secret(""), "winrm_insecure": True}
    for files in (
        {"winrm_certificate_file": certificate, "winrm_certificate_key_file": key}, {"winrm_certificate_file": both}
    ):  # fmt: skip
        machine = to(recording.ctx, server, **settings, **files)
        assert lines_of(machine, "echo hello") == ["hello"]
    assert recording.said[-1].endswith("as the owner of the certificate")
    other, key = certificate_of("other", tmp_path)
    context.load_verify_locations(other)
    with pytest.raises(BuildError, match="refuses the certificate") as caught:
        to(recording.ctx, server, **settings, winrm_certificate_file=other, winrm_certificate_key_file=key)
    assert "certmapping" in caught.value.hint


def test_files_that_are_no_certificate(ctx: Context, winrm_bare: Bare, tmp_path: Path) -> None:
    context, _ = server_context(tmp_path)
    server = winrm_bare(tls=context)
    mine, _ = certificate_of("mine", tmp_path)
    _, other_key = certificate_of("other", tmp_path)
    locked = tmp_path / "locked.key"
    command = ["openssl", "pkey", "-in", tmp_path / "mine.key", "-aes256", "-passout", "pass:secret", "-out", locked]
    subprocess.run(command, check=True)
    for wrong, reason in {
        other_key: "values mismatch", mine: "pem lib|no start line", tmp_path / "none": "no such file", locked: "",
    }.items():  # fmt: skip
        with pytest.raises(BuildError, match=f"Cannot log in with the certificate .*({reason})") as caught:
            to(ctx, server, winrm_insecure=True, winrm_certificate_file=mine, winrm_certificate_key_file=wrong)
        assert "without a passphrase" in caught.value.hint


def test_a_password_that_the_builder_found_out(ctx: Context, winrm_bare: Bare) -> None:
    server = winrm_bare(password="pässwörd")
    config = server.configure(winrm_password=Secret(""))
    machine = connect(ctx, config, host=config.host, port=config.port, password=Secret("pässwörd"))
    assert lines_of(machine, "echo hello") == ["hello"]


# -- refusals -------------------------------------------------------------------------


@pytest.mark.parametrize("ntlm", [False, True])
def test_a_wrong_password_is_told_after_some_attempts(recording: Recording, winrm_bare: Bare, ntlm: bool) -> None:
    server = winrm_bare(ways=("Negotiate", "Basic"))
    with pytest.raises(BuildError, match='refuses the login of "Administrator"') as caught:
        to(recording.ctx, server, winrm_use_ntlm=ntlm, winrm_password=Secret("wrong"))
    assert not isinstance(caught.value, TimedOut)
    assert "winrm_password" in caught.value.hint
    assert len(server.logins) == winrm_session.ATTEMPTS
    assert server.asked == []
    told = 'WinRM answers, but it refuses the login of "Administrator"; trying again'
    assert [text for text in recording.said if text == told] == [told]


def test_a_password_that_is_set_a_little_later(ctx: Context, winrm_bare: Bare, monkeypatch: pytest.MonkeyPatch) -> None:
    server = winrm_bare(password="not yet")

    def after(_seconds: float) -> None:
        server.password = "pass word%1"

    monkeypatch.setattr(ctx.cancel, "sleep", after)
    assert lines_of(to(ctx, server), "echo hello") == ["hello"]
    assert len(server.logins) > 1


def test_a_way_to_log_in_that_is_not_offered(ctx: Context, winrm_bare: Bare) -> None:
    """The machine may still be setting itself up, so that this is waited for."""
    for ways, settings, hint in (
        (("Negotiate",), {}, "winrm_use_ntlm = true"),
        (("Basic",), {"winrm_use_ntlm": True}, "Remove winrm_use_ntlm"),
    ):
        with pytest.raises(TimedOut, match=f"only by {ways[0]}") as caught:
            to(ctx, winrm_bare(ways=ways), winrm_timeout=timedelta(seconds=0.1), **settings)
        assert hint in caught.value.hint


def test_a_user_who_may_not(ctx: Context, winrm_bare: Bare) -> None:
    server = winrm_bare()
    server.faults["Create"] = [Fault(5, "AccessDenied", "Access is denied.")] * 99
    with pytest.raises(BuildError, match='it denies access to "Administrator"') as caught:
        to(ctx, server)
    assert "Administrators" in caught.value.hint


def test_a_certificate_that_is_not_trusted(ctx: Context, winrm_bare: Bare, tmp_path: Path) -> None:
    context, _ = server_context(tmp_path)
    with pytest.raises(BuildError, match=r"its certificate is not trusted: self-signed certificate") as caught:
        to(ctx, winrm_bare(tls=context))
    assert "winrm_insecure" in caught.value.hint


def test_a_certificate_of_another_host(
    ctx: Context, winrm_bare: Bare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = server_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(BuildError, match=r"certificate is not trusted.*'localhost'"):
        to(ctx, winrm_bare(tls=context), winrm_host="localhost")


# -- nobody there ---------------------------------------------------------------------


def briefly(ctx: Context, server: WinrmServer, **settings: Any) -> TimedOut:
    with pytest.raises(TimedOut) as caught:
        to(ctx, server, winrm_timeout=timedelta(seconds=0.1), **settings)
    return caught.value


def test_nobody_listens(ctx: Context, winrm_bare: Bare) -> None:
    server = winrm_bare(started=False)
    error = briefly(ctx, server)
    assert error.message == f"WinRM at 127.0.0.1:{server.port} did not answer within 100ms: connection refused."
    assert "firewall" in error.hint


def test_a_name_that_nobody_knows(ctx: Context, winrm_bare: Bare) -> None:
    assert "name" in briefly(ctx, winrm_bare(started=False), winrm_host="nobody.invalid").message.lower()


def test_plain_http_where_tls_is_expected_and_the_other_way_round(
    ctx: Context, winrm_bare: Bare, tmp_path: Path
) -> None:
    error = briefly(ctx, winrm_bare(), winrm_use_ssl=True)
    assert "it does not speak TLS" in error.message
    assert "winrm_use_ssl" in error.hint
    context, _ = server_context(tmp_path)
    briefly(ctx, winrm_bare(tls=context), winrm_use_ssl=False)


def test_a_machine_that_comes_up_later(
    recording: Recording, winrm_bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = winrm_bare(started=False)
    slept: list[float] = []

    def after(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            server.start()

    monkeypatch.setattr(recording.ctx.cancel, "sleep", after)
    assert lines_of(to(recording.ctx, server), "echo hello") == ["hello"]
    assert len(slept) == 3
    assert recording.said.count("Not yet: connection refused") == 1


def test_a_cancel_ends_the_wait(ctx: Context, winrm_bare: Bare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winrm_session, "PAUSE", 3600.0)
    server = winrm_bare(started=False)
    threading.Timer(0.2, ctx.cancel.cancel).start()
    with pytest.raises(Cancelled):
        to(ctx, server, winrm_timeout=timedelta(hours=9))


def test_a_cancel_ends_a_connection_that_nobody_answers(ctx: Context, winrm_bare: Bare) -> None:
    """Of a port with nobody behind it, where what arrives is dropped: its queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent, socket.socket() as queued:
        queued.connect(silent.getsockname())
        threading.Timer(0.2, ctx.cancel.cancel).start()
        with pytest.raises(Cancelled):
            to(ctx, winrm_bare(started=False), winrm_port=silent.getsockname()[1], winrm_timeout=timedelta(hours=9))


# -- proxy ----------------------------------------------------------------------------


def test_the_proxy_of_the_environment(ctx: Context, winrm_bare: Bare, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for this host, nor where the settings or the environment say no."""
    server = winrm_bare()
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert lines_of(to(ctx, server), "echo hello") == ["hello"]
    error = briefly(ctx, server, winrm_host="windows.invalid")
    assert "the proxy http://127.0.0.1:1 does not lead there" in error.message
    assert "winrm_no_proxy" in error.hint
    assert "proxy" not in briefly(ctx, server, winrm_host="windows.invalid", winrm_no_proxy=True).message
    monkeypatch.setenv("no_proxy", "windows.invalid")
    assert "proxy" not in briefly(ctx, server, winrm_host="windows.invalid").message


def test_a_character_that_no_message_holds(ctx: Context, winrm_bare: Bare) -> None:
    machine = to(ctx, winrm_bare())
    with pytest.raises(BuildError, match=r"cannot carry the character '\\x00'"):
        machine.run("echo \0")
    assert lines_of(machine, "echo <&> ü 🙂") == ["<&> ü 🙂"]


def test_pause_before_connecting(recording: Recording, winrm_bare: Bare) -> None:
    server = winrm_bare()
    machine = to(recording.ctx, server, pause_before_connecting=timedelta(milliseconds=1))
    assert lines_of(machine, "echo hello") == ["hello"]
    assert "Connected; waiting 1ms, then connecting again" in recording.said
    assert server.asked.count("Create") == 3
