"""How an instance is reached: its addresses, the Session Manager, the password of Windows."""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_kit import Lab, new_lab
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import load_ssh_private_key, load_ssh_public_key

from hclimg.builders.aws.address import address_of
from hclimg.builders.aws.network import public_address
from hclimg.builders.aws.windows import decrypted
from hclimg.errors import BuildError
from hclimg.sdk.ssh_keys import generate_key_pair
from servers.answering import Answering, Reply, answering
from servers.moto import REGION, Aws
from servers.recording import Recording
from servers.sshd import Sshd

__all__ = ["answering"]

INSTANCE = {
    "InstanceId": "i-1", "PublicIpAddress": "54.0.0.1", "PrivateIpAddress": "10.0.0.1", "PublicDnsName": "p.example",
    "PrivateDnsName": "ip-10-0-0-1.internal", "NetworkInterfaces": [{"Ipv6Addresses": [{"Ipv6Address": "fd00::1"}]}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("interface", "expected"),
    [("", "54.0.0.1"), ("public_ip", "54.0.0.1"), ("private_ip", "10.0.0.1"), ("public_dns", "p.example"),
     ("private_dns", "ip-10-0-0-1.internal"), ("ipv6", "fd00::1")],
)  # fmt: skip
def test_addresses(interface: str, expected: str) -> None:
    assert address_of(INSTANCE, interface) == expected


def test_an_instance_without_a_public_address() -> None:
    assert address_of({"PrivateIpAddress": "10.0.0.1", "PublicIpAddress": None}, "") == "10.0.0.1"
    assert address_of({"PrivateIpAddress": "10.0.0.1"}, "public_ip") == ""


def test_the_public_address_of_this_host(answering: Answering, recording: Recording) -> None:
    answering.replies["/"] = [Reply(body=b"203.0.113.9\n"), Reply(body=b"<html>")]
    url = answering.url("/")
    assert public_address(recording.ctx, url) == "203.0.113.9"
    with pytest.raises(BuildError, match="does not tell the public address") as caught:
        public_address(recording.ctx, url)
    assert "temporary_security_group_source_cidrs" in caught.value.hint


# -- Windows ------------------------------------------------------------------


def test_the_password_of_windows() -> None:
    """As AWS does: PKCS #1 v1.5 with the public key, in base64."""
    pair = generate_key_pair("x", bits=2048)
    public = load_ssh_public_key(pair.public.encode())
    text = b64encode(public.encrypt("grün & schön".encode(), PKCS1v15())).decode()
    assert decrypted(text, pair.private).reveal() == "grün & schön"
    with pytest.raises(BuildError, match="not encrypted for this private key"):
        decrypted(text, generate_key_pair("y", bits=2048).private)
    with pytest.raises(BuildError, match="rsa only"):
        decrypted(text, generate_key_pair("z", key_type="ed25519").private)
    assert load_ssh_private_key(pair.private.reveal().encode(), None)


# -- the Session Manager ------------------------------------------------------

SESSION = """
  ssh_interface        = "session_manager"
  iam_instance_profile = "managed"
  skip_create_ami      = true
"""


@pytest.fixture
def lab(tmp_path: Path, aws: Aws, sshd_factory: Callable[..., Sshd]) -> Lab:
    lab = new_lab(tmp_path / "project", aws, sshd_factory)
    aws.client("iam").create_instance_profile(InstanceProfileName="managed")
    return lab


def without_interface(lab: Lab, settings: str) -> str:
    return lab.source(settings).replace('  ssh_interface = "private_ip"\n', "")


@pytest.mark.slow
def test_through_the_session_manager(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = lab.folder / "bin"
    programs.mkdir()
    plugin = programs / "session-manager-plugin"
    stand_in = Path(__file__).parents[1] / "servers" / "session_manager_plugin.py"
    plugin.write_text(f"#!{sys.executable}\n{stand_in.read_text()}")
    plugin.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    lab.write(without_interface(lab, SESSION) + 'build {\n  sources = ["source.amazon-ebs.web"]\n}\n')
    done = lab.run("apply")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    called = json.loads((programs / "called.json").read_text())
    name, region, action, profile, asked, endpoint = called["argv"]
    assert (name, region, action, profile) == ("AWS_SSM_START_SESSION_RESPONSE", REGION, "StartSession", "")
    assert json.loads(asked)["Target"] == lab.instance()["InstanceId"]
    assert json.loads(asked)["DocumentName"] == "AWS-StartPortForwardingSession"
    assert endpoint == lab.aws.url
    # The secret of the session reaches the plugin, and nobody else.
    assert called["response"]["TokenValue"] == "token-of-the-session"
    assert "token-of-the-session" not in said + str(called["argv"])
    assert not any(b"token-of-the-session" in path.read_bytes() for path in _files(lab.folder / "home"))
    assert not Path(f"/proc/{called['pid']}").exists()
    assert len(lab.aws.calls("TerminateSession")) == 1
    assert lab.aws.calls("AuthorizeSecurityGroupIngress") == []
    assert lab.aws.left() == {}


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_without_the_plugin_nothing_is_made(lab: Lab) -> None:
    lab.write(without_interface(lab, SESSION) + 'build {\n  sources = ["source.amazon-ebs.web"]\n}\n')
    done = lab.run("apply")
    assert done.returncode == 1
    assert 'The program "session-manager-plugin" is not installed' in done.stdout + done.stderr
    assert "session-manager-working-with-install-plugin" in (done.stdout + done.stderr).replace("\n", "")
    assert {call["action"] for call in lab.aws.calls()} & {"CreateKeyPair", "RunInstances"} == set()
