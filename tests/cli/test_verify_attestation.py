"""``hclimg verify-attestation`` of what the post-processor provenance wrote, and of what somebody changed in it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
TEMPLATE = """
source "file" "web" {
  target  = "web.txt"
  content = "hello"
}
build {
  sources = ["source.file.web"]
  post-processor "provenance" {
    key        = "a.pem"
    source_uri = "git+https://example.org/images"
  }
}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attested")
    for name in ("a", "b"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", f"{name}.pem"], cwd=folder, check=True)
        subprocess.run(
            ["openssl", "pkey", "-in", f"{name}.pem", "-pubout", "-out", f"{name}.pub"], cwd=folder, check=True
        )
    (folder / "t.pkr.hcl").write_text(TEMPLATE)
    done = hclimg_in(folder, "apply", "t.pkr.hcl")
    assert done.returncode == 0, done.stderr
    return folder


def hclimg_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "hclimg", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


@pytest.fixture
def verify(place: Path) -> Run:
    return lambda *arguments: hclimg_in(place, "verify-attestation", *arguments)


def test_what_is_right(verify: Run) -> None:
    done = verify(
        "-verifier=a.pub", "-artifact=web.txt", "-builder-id=urn:hclimg:builder",
        "-source-uri=git+https://example.org/images",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "web.txt.provenance.intoto.jsonl: the signature is right, and it is about web.txt."
    assert "  source: git+https://example.org/images" in lines
    done = verify("-key", "a.pub", "-bundle", "web.txt.provenance.intoto.jsonl", "-json")
    assert json.loads(done.stdout)["subject"][0]["name"] == "web.txt"


@pytest.mark.slow
def test_what_is_wrong(verify: Run, place: Path) -> None:
    bundle = place / "web.txt.provenance.intoto.jsonl"
    envelope = json.loads(bundle.read_text())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    statement["subject"][0]["name"] = "other.txt"
    changed = {**envelope, "payload": base64.b64encode(json.dumps(statement).encode()).decode()}
    files = {"changed": json.dumps(changed), "no": "no", "unsigned": json.dumps({**envelope, "signatures": []}),
             "bare": json.dumps(statement), "list": "[]"}  # fmt: skip
    for name, text in files.items():
        (place / f"{name}.jsonl").write_text(text)
    (place / "other.txt").write_text("something else")
    key = "-verifier=a.pub"
    cases = [
        (["-verifier=b.pub", "-artifact=web.txt"], "The signature does not fit"),
        (["-verifier=a.pem", "-artifact=web.txt"], "is no public key"),
        (["-verifier=none.pub", "-artifact=web.txt"], "none.pub cannot be read"),
        ([key, "-bundle=changed.jsonl"], "The signature does not fit"),
        ([key, "-bundle=unsigned.jsonl"], "The signature does not fit"),
        ([key, "-bundle=no.jsonl"], "is no signed envelope"),
        ([key, "-bundle=bare.jsonl"], "is no signed envelope"),
        ([key, "-bundle=list.jsonl"], "is no signed envelope"),
        ([key, "-artifact=missing.txt"], "missing.txt.provenance.intoto.jsonl cannot be read"),
        ([key, f"-bundle={bundle.name}", "-artifact=other.txt"], "It is about: web.txt."),
        ([key, "-artifact=web.txt", "-builder-id=x"], 'The builder\'s id is "urn:hclimg:builder", not "x"'),
        ([key, "-artifact=web.txt", "-source-uri=x"], 'The source is "git+https'),
        ([key, "-artifact=web.txt", "-predicate-type=x"], "The predicate's type"),
        ([key], "Give -bundle"),
        (["-artifact=web.txt"], "-verifier is missing"),
        ([key, "-artifact=web.txt", "-signing-mode=keyless"], "asks no service"),
        ([key, "-artifact=web.txt", "-require-rekor"], "-require-rekor is not possible"),
    ]  # fmt: skip
    for arguments, expected in cases:
        done = verify(*arguments)
        assert (done.returncode, done.stdout) == (1, ""), arguments
        assert expected in done.stderr.replace("\n", " "), (arguments, done.stderr)
