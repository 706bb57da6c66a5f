"""Key pairs that are made for one build."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hclimg.errors import BuildError
from hclimg.events import Output, Said
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import RunInfo
from hclimg.sdk.ssh_keys import generate_key_pair, temporary_key_pair, write_private_file
from hclimg.sdk.steps import close_scope
from servers.recording import Recording


@pytest.mark.parametrize(
    ("key_type", "bits", "shown"),
    [
        ("", 0, "3072 SHA256:"),
        ("rsa", 2048, "2048 SHA256:"),
        ("ecdsa", 0, "256 SHA256:"),
        ("ecdsa", 521, "521 SHA256:"),
        ("ed25519", 0, "256 SHA256:"),
    ],
)
def test_openssh_reads_both_halves(tmp_path: Path, key_type: str, bits: int, shown: str) -> None:
    pair = generate_key_pair("a name", key_type=key_type, bits=bits)
    write_private_file(tmp_path / "key", pair.private.reveal())
    command = ["ssh-keygen", "-y", "-f", str(tmp_path / "key")]
    public = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert public[:2] == pair.public.split()[:2]
    assert pair.public.endswith(" a name")
    command = ["ssh-keygen", "-l", "-f", "-"]
    listed = subprocess.run(command, input=pair.public, capture_output=True, text=True, check=True)
    assert listed.stdout.startswith(shown)
    assert pair.private.reveal() not in repr(pair)


@pytest.mark.parametrize(
    ("key_type", "bits", "problem"),
    [("dsa", 0, 'no key pairs of type "dsa"'), ("ecdsa", 300, "cannot have 300 bits"), ("rsa", 512, "too small")],
)
def test_keys_that_cannot_be_made(key_type: str, bits: int, problem: str) -> None:
    with pytest.raises(BuildError, match=problem):
        generate_key_pair("x", key_type=key_type, bits=bits)


def test_a_temporary_key_stays_in_memory(
    recorded: Callable[..., Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recording = recorded()
    pair = temporary_key_pair(recording.ctx, key_type="ed25519")
    assert pair.name == "hclimg_testrun"
    assert list(tmp_path.iterdir()) == []
    recording.ctx.output(f"it is {pair.private.reveal().splitlines()[2]}")
    assert recording.of(Output)[0].text == "it is <sensitive>"


class Enter:
    interactive = True

    def ask(self, question: str, cancel: CancelToken) -> str:
        return ""


def test_debugging_saves_the_key_for_its_user_until_the_end(
    recorded: Callable[..., Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = RunInfo(id="testrun", directory=tmp_path, cache=tmp_path, debug=True)
    recording = recorded(run=run, prompter=Enter(), build_name="web/1", build_type="qemu")
    pair = temporary_key_pair(recording.ctx, name="mine", key_type="ed25519")
    path = tmp_path / "qemu_web_1.pem"
    assert path.read_text() == pair.private.reveal()
    assert path.stat().st_mode & 0o777 == 0o600
    assert recording.of(Said)[-1].text == f"Saved the temporary private key for debugging: {path}"
    assert close_scope(recording.ctx) == []
    assert not path.exists()
