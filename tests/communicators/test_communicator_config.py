"""The communicator's settings and their rules, as a template writes them."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from hclimg.communicators.config import CommunicatorConfig
from hclimg.communicators.key_file import key_file_problem
from hclimg.config.schema import schema_of
from hclimg.sdk.ssh_keys import generate_key_pair
from hclimg.sdk.testing import decoded


def problems(text: str) -> list[str]:
    return decoded(CommunicatorConfig, text)[1]


def test_packers_keys_are_all_there() -> None:
    ours = {"winrm_certificate_file", "winrm_certificate_key_file"}
    assert len(schema_of(CommunicatorConfig).settings.keys() - ours) == 49


def test_defaults_are_packers() -> None:
    config, found = decoded(CommunicatorConfig, 'ssh_username = "root"')
    assert found == []
    assert config is not None
    assert config.communicator == "ssh"
    assert (config.ssh_port, config.ssh_bastion_port, config.ssh_proxy_port) == (22, 22, 1080)
    assert (config.timeout, config.attempts) == (timedelta(minutes=5), 10)
    assert config.ssh_keep_alive_interval == timedelta(seconds=5)
    assert config.ssh_file_transfer_method == "scp"
    assert config.winrm_timeout == timedelta(minutes=30)


def test_a_timeout_replaces_the_number_of_attempts() -> None:
    config, _ = decoded(CommunicatorConfig, 'ssh_username = "x"\nssh_timeout = "20m"')
    assert config is not None
    assert (config.timeout, config.attempts) == (timedelta(minutes=20), None)
    config, _ = decoded(CommunicatorConfig, 'ssh_username = "x"\nssh_timeout = "20m"\nssh_handshake_attempts = 3')
    assert config is not None
    assert config.attempts == 3


def test_the_old_name_of_the_timeout() -> None:
    config, found = decoded(CommunicatorConfig, 'ssh_username = "x"\nssh_wait_timeout = "20m"')
    assert config is not None
    assert config.timeout == timedelta(minutes=20)
    assert found == ['2: Deprecated argument; "ssh_wait_timeout" is deprecated: write ssh_timeout instead.']
    assert any("Conflicting arguments" in problem for problem in problems(
        'ssh_username = "x"\nssh_wait_timeout = "20m"\nssh_timeout = "1m"'))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", '1: Missing required argument; The argument "ssh_username" is required with the SSH communicator; '
             "no user is assumed."),
        ('communicator = "shh"', '1: Unknown communicator; There is no communicator "shh"; write "ssh", "winrm" or '
                                 '"none". Did you mean "ssh"?'),
        ('ssh_username = "x"\nssh_port = 70000', '2: Invalid port; "ssh_port" must be a number from 1 to 65535.'),
        ('ssh_username = "x"\nssh_local_tunnels = ["80:localhost"]',
         '2: Invalid tunnel; "ssh_local_tunnels": "80:localhost" is not a tunnel; write PORT:HOST:PORT, such as '
         '"8080:localhost:80".'),
        ('ssh_username = "x"\nssh_bastion_host = "b"\nssh_proxy_host = "p"\nssh_bastion_agent_auth = true',
         '3: Conflicting arguments; Only one of "ssh_bastion_host" and "ssh_proxy_host" can be set.'),
        ('ssh_username = "x"\nssh_bastion_host = "b"',
         '2: Missing required argument; To log in to the bastion, set "ssh_bastion_private_key_file", '
         '"ssh_bastion_password", "ssh_bastion_agent_auth" or "ssh_bastion_interactive".'),
        ('ssh_username = "x"\nssh_bastion_host = "b"\nssh_bastion_password = "p"\nssh_bastion_interactive = true',
         '3: Conflicting arguments; Only one of "ssh_bastion_interactive" and "ssh_bastion_password" can be set.'),
        ('ssh_username = "x"\ntemporary_key_pair_type = "dsa"',
         "2: Unsupported key type; OpenSSH no longer accepts DSA keys; use rsa, ecdsa or ed25519."),
        ('ssh_username = "x"\nssh_private_key_file = "/nonexistent/key"',
         '2: Invalid private key file; "ssh_private_key_file" names "/nonexistent/key": No such file or directory.'),
        ('ssh_username = "x"\nssh_certificate_file = "/nonexistent/cert"',
         '2: Invalid file; "ssh_certificate_file" names "/nonexistent/cert": No such file or directory.'),
    ],
)  # fmt: skip
def test_each_rule(text: str, problem: str) -> None:
    assert problems(text) == [problem]


def test_all_problems_are_told_at_once() -> None:
    found = problems('ssh_port = 0\nssh_private_key_file = "/nonexistent/key"\nssh_remote_tunnels = ["x"]')
    assert len(found) == 4


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('winrm_username = "Administrator"\nwinrm_use_ssl = true', []),
        ("winrm_username = later", []),
        ('winrm_certificate_file = "/nonexistent"\nwinrm_password = "x"\nwinrm_use_ntlm = true',
         ['2: Conflicting arguments; Only one of "winrm_password" and "winrm_certificate_file" can be set, but '
          '"winrm_password" and "winrm_certificate_file" are.',
          '2: Conflicting arguments; Only one of "winrm_use_ntlm" and "winrm_certificate_file" can be set, but '
          '"winrm_use_ntlm" and "winrm_certificate_file" are.',
          '2: Invalid file; "winrm_certificate_file" names "/nonexistent": No such file or directory.',
          "2: Missing required argument; A certificate logs in over TLS only: set winrm_use_ssl = true."]),
        ('winrm_username = "x"\nwinrm_certificate_key_file = "/dev/null"',
         ['3: Missing required argument; "winrm_certificate_key_file" is the key of a certificate: set '
          '"winrm_certificate_file" too.']),
        ("winrm_use_ntlm = true",
         ['1: Missing required argument; The argument "winrm_username" is required with the WinRM communicator.']),
        ('winrm_username = "a"\nwinrm_port = 70000',
         ['3: Invalid port; "winrm_port" must be a number from 1 to 65535.']),
    ],
)  # fmt: skip
def test_winrm(text: str, found: list[str]) -> None:
    assert sorted(problems(f'communicator = "winrm"\n{text}')) == found


def test_what_is_not_known_yet_is_not_judged() -> None:
    assert problems("ssh_username = later\nssh_private_key_file = later\nssh_port = later") == []
    assert problems("communicator = later") == []


def test_none_needs_nothing() -> None:
    assert problems('communicator = "none"') == []


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_good_key_files(tmp_path: Path, kind: str) -> None:
    pair = generate_key_pair("x", key_type=kind, bits=2048 if kind == "rsa" else 0)
    (tmp_path / "key").write_text(pair.private.reveal())
    assert key_file_problem(tmp_path / "key") == ""


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["-t", "ed25519", "-N", "secret"], "it is protected with a passphrase"),
        (["-t", "rsa", "-m", "PEM", "-N", "secret"], "it is protected with a passphrase"),
        (["-t", "rsa", "-m", "PKCS8", "-N", "secret"], "it is protected with a passphrase"),
        (["-t", "rsa", "-m", "PEM", "-N", ""], ""),
        (["-t", "ecdsa", "-m", "PKCS8", "-N", ""], ""),
    ],
)
def test_files_of_ssh_keygen(tmp_path: Path, options: list[str], problem: str) -> None:
    subprocess.run(["ssh-keygen", "-q", *options, "-f", str(tmp_path / "key")], check=True)
    assert key_file_problem(tmp_path / "key").startswith(problem)
    assert (key_file_problem(tmp_path / "key") == "") == (problem == "")
    assert key_file_problem(tmp_path / "key.pub") == "it is a public key; the private key is needed."


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty."),
        ("hello", "it is not a private key in PEM or OpenSSH format."),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n", "it is a PuTTY key; convert it"),
        ("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----", "it is a DSA key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "it is cut off"),
        ("-----BEGIN RSA PRIVATE KEY-----\n!!!!!\n-----END RSA PRIVATE KEY-----", "it is damaged"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", "it is damaged"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "it is not a private key"),
    ],
)
def test_bad_key_files(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "key").write_text(text)
    assert key_file_problem(tmp_path / "key").startswith(problem)


@pytest.mark.parametrize(
    ("how", "where"),
    [
        (CommunicatorConfig(ssh_host="box", ssh_port=2222), ("box", 2222)),
        (CommunicatorConfig(), ("", 22)),
        (CommunicatorConfig(communicator="winrm", winrm_host="box"), ("box", 5985)),
        (CommunicatorConfig(communicator="winrm", winrm_use_ssl=True), ("", 5986)),
        (CommunicatorConfig(communicator="winrm", winrm_port=1, ssh_host="other"), ("", 1)),
        (CommunicatorConfig(communicator="none"), ("", 0)),
    ],
)
def test_where_the_machine_is(how: CommunicatorConfig, where: tuple[str, int]) -> None:
    assert (how.host, how.port) == where
