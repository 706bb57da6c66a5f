"""Post-processor provenance: read and verified by in-toto's own libraries, and by openssl."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import in_toto_attestation.v1.statement_pb2 as statement_pb2
import pytest
from attrs import evolve
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from hclimg.errors import BuildError
from hclimg.postprocessors.provenance import ProvenanceConfig, ProvenancePostProcessor
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact
from hclimg.sdk.testing import check_component, component, decoded
from package_databases import debian

ROOT = Path(__file__).resolve().parents[2]
KINDS = {
    "ed25519": ["-algorithm", "ed25519"],
    "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
}
SCHEMES = {
    "ed25519": ("ed25519", "ed25519"), "p256": ("ecdsa", "ecdsa-sha2-nistp256"),
    "p384": ("ecdsa", "ecdsa-sha2-nistp384"), "rsa": ("rsa", "rsa-pkcs1v15-sha256"),
}  # fmt: skip
"""Key type and scheme, as securesystemslib calls them."""


def openssl(*arguments: str | Path) -> str:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def keys(kind: str, folder: Path) -> tuple[Path, Path]:
    private, public = folder / f"{kind}.pem", folder / f"{kind}.pub"
    openssl("genpkey", *KINDS[kind], "-out", private)
    openssl("pkey", "-in", private, "-pubout", "-out", public)
    return private, public


def attested(ctx: Context, given: Artifact, settings: str = "") -> list[Path]:
    """The new files."""
    before = {*Path().rglob("*.json*")}
    assert component(ProvenancePostProcessor, settings).process(ctx, given) is given
    return sorted({*Path().rglob("*.json*")} - before)


def checked(text: str | bytes) -> Any:
    """A statement, when in-toto's library finds it right, and its predicate is SLSA's."""
    message = json_format.Parse(text, statement_pb2.Statement())
    Statement.copy_from_pb(message).validate()
    statement = json.loads(text)
    if statement["predicateType"] == "https://slsa.dev/provenance/v1":
        json_format.ParseDict(statement["predicate"], provenance_pb2.Provenance())  # refuses what it does not know
    return statement


def test_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.pem").write_text("x")
    check_component(ProvenancePostProcessor, 'key = "a.pem"\nverifier = "a.pem"\nonly_builds = ["web"]')
    wrong = {
        'signing_mode = "kms"': "set key, and signing_mode to",
        'signing_mode = "keyless"': "asks no service",
        'signing_mode = "keyles"': "is not one of",
        'signing_mode = "key"': 'needs "key"',
        'key = "b.pem"': '"key" names "b.pem", which does not exist',
        'signing_mode = "none"\nkey = "a.pem"': '2: Conflicting arguments; "key" is for signing',
        'verifier = "a.pem"': '"verifier" checks what "key" signed',
        'key = "a.pem"\nsigner = "awskms://x"': "Unsupported signing mode",
        "upload_tlog = true": "Unsupported signing mode",
        'rekor_url = "https://r"': '"rekor_url" has no effect',
        "provenance = false": "Nothing to do",
        'build_type = "here"': "is no URI",
        'sbom_scope = "all-layers"': "Unsupported scope",
        'template = "c.pkr.hcl"': '"template" names "c.pkr.hcl"',
    }
    for text, expected in wrong.items():
        assert expected in "\n".join(decoded(ProvenanceConfig, text)[1]), text


def test_what_it_says(ctx: Context, single: Artifact, tmp_path: Path) -> None:
    (tmp_path / "t.pkr.hcl").write_text("# template")
    ctx.run = evolve(ctx.run, template=str(tmp_path / "t.pkr.hcl"))
    source = {"uri": "https://example.org/debian.iso", "algorithm": "sha512", "digest": "ab" * 64}
    given = evolve(single, state={"source": source})
    settings = (
        'source_uri = "git+https://example.org/images"\nuser_variables = { version = "1.2", secret = "hunter22" }'
    )
    ctx.redact.add("hunter22")
    (path,) = attested(ctx, given, settings)
    assert path == Path("out/disk.raw.provenance.json")
    statement = checked(path.read_text())
    raw = hashlib.sha256(Path("out/disk.raw").read_bytes()).hexdigest()
    assert statement["subject"] == [{"name": "disk.raw", "digest": {"sha256": raw}}]
    definition = statement["predicate"]["buildDefinition"]
    assert definition["buildType"] == "urn:hclimg:build-type:v1"
    assert definition["externalParameters"] == {
        "template": "t.pkr.hcl", "build": "web", "source": "git+https://example.org/images",
        "variables": {"version": "1.2", "secret": "<sensitive>"},
    }  # fmt: skip
    assert definition["resolvedDependencies"] == [
        {"name": "t.pkr.hcl", "digest": {"sha256": hashlib.sha256(b"# template").hexdigest()}},
        {"uri": "git+https://example.org/images"},
        {"uri": "https://example.org/debian.iso", "digest": {"sha512": "ab" * 64}},
    ]
    details = statement["predicate"]["runDetails"]
    assert details["metadata"]["invocationId"] == "run-1"
    assert details["metadata"]["startedOn"] <= details["metadata"]["finishedOn"]
    assert "hunter22" not in path.read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature(ctx: Context, artifact: Artifact, tmp_path: Path, kind: str) -> None:
    private, public = keys(kind, tmp_path)
    (path,) = attested(ctx, artifact, f'key = "{private}"\nverifier = "{public}"\noutput_dir = "att"')
    assert path == Path("att/web.provenance.intoto.jsonl")
    data = json.loads(path.read_text())
    statement = checked(base64.b64decode(data["payload"]))
    assert [one["name"] for one in statement["subject"]] == ["disk.raw", "kernel"]
    # in-toto's library
    envelope = Envelope.from_dict(json.loads(path.read_text()))
    (signature,) = envelope.signatures.values()
    key_type, scheme = SCHEMES[kind]
    value = public.read_text()
    if kind == "ed25519":
        value = base64.b64decode("".join(value.splitlines()[1:-1]))[-32:].hex()
    key = SSlibKey(signature.keyid, key_type, scheme, {"public": value})
    assert set(envelope.verify([key], 1)) == {signature.keyid}
    envelope.payload += b" "
    with pytest.raises(VerificationError):
        envelope.verify([key], 1)
    # openssl
    (tmp_path / "sig").write_bytes(base64.b64decode(data["signatures"][0]["sig"]))
    payload = base64.b64decode(data["payload"])
    kind_of = data["payloadType"].encode()
    (tmp_path / "signed").write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind_of), kind_of, len(payload), payload))
    files = ("-in", tmp_path / "signed", "-sigfile", tmp_path / "sig")
    digest = {"ed25519": [], "p384": ["-digest", "sha384"]}.get(kind, ["-digest", "sha256"])
    said = openssl("pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", *digest, *files)
    assert "Signature Verified Successfully" in said
    # the id of the key is what openssl makes of it
    der = subprocess.run(["openssl", "pkey", "-pubin", "-in", public, "-outform", "DER"], capture_output=True).stdout
    assert signature.keyid == hashlib.sha256(der).hexdigest()


def test_keys_that_are_of_no_use(
    ctx: Context, single: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, _ = keys("ed25519", tmp_path)
    _, other = keys("p256", tmp_path)
    locked = tmp_path / "locked.pem"
    openssl("pkcs8", "-topk8", "-in", private, "-out", locked, "-passout", "pass:sesame")
    (tmp_path / "cosign.key").write_text("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nx\n")
    openssl("genpkey", "-algorithm", "x25519", "-out", tmp_path / "x.pem")
    cases = [
        (f'key = "{private}"\nverifier = "{other}"', "does not fit the verifier"),
        (f'key = "{private}"\nverifier = "{private}"', "is no public key"),
        (f'key = "{other}"', "must be a private key (Ed25519, ECDSA or RSA)"),
        (f'key = "{locked}"', "HCLIMG_KEY_PASSWORD"),
        (f'key = "{tmp_path}/cosign.key"', "cosign's own"),
        (f'key = "{tmp_path}/x.pem"', "does not sign here"),
    ]
    for settings, expected in cases:
        with pytest.raises(BuildError) as caught:
            attested(ctx, single, settings)
        assert expected in f"{caught.value} {caught.value.hint}", settings
    monkeypatch.setenv("HCLIMG_KEY_PASSWORD", "wrong")
    with pytest.raises(BuildError, match="cannot be read"):
        attested(ctx, single, f'key = "{locked}"')
    assert sorted(path.name for path in Path("out").iterdir()) == ["disk.raw", "kernel"]
    monkeypatch.setenv("HCLIMG_KEY_PASSWORD", "sesame")
    assert attested(ctx, single, f'key = "{locked}"')
    assert ctx.redact.text("sesame") == "<sensitive>"


def test_images_in_a_cloud(ctx: Context) -> None:
    ctx.facts = {"SourceAMI": "ami-0", "SourceImageDigest": f"debian@sha256:{'cd' * 32}"}
    ids = f"eu-west-1:ami-1,us-east-1:ami-2,sha256:{'ab' * 32}"
    given = Artifact(builder="mitchellh.amazonebs", component="builder/null", id=ids, description="x")
    (path,) = attested(ctx, given)
    assert path == Path("web.provenance.json")
    statement = checked(path.read_text())
    first, _, third = statement["subject"]
    assert first["name"] == "eu-west-1:ami-1"
    assert first["digest"] == {"sha256": hashlib.sha256(b"eu-west-1:ami-1").hexdigest()}
    assert "digestOf" in first["annotations"]
    assert third == {"name": f"sha256:{'ab' * 32}", "digest": {"sha256": "ab" * 32}}
    assert statement["predicate"]["buildDefinition"]["resolvedDependencies"] == [
        {"uri": "aws:ami:ami-0"},
        {"uri": f"docker:debian@sha256:{'cd' * 32}", "digest": {"sha256": "cd" * 32}},
    ]
    with pytest.raises(BuildError, match="neither files nor an id"):
        attested(ctx, evolve(given, id=""))


@pytest.mark.parametrize(
    ("kind", "ending", "predicate"),
    [("cyclonedx", "cdx", "https://cyclonedx.org/bom"), ("spdx", "spdx", "https://spdx.dev/Document")],
)
def test_a_bill_of_materials(ctx: Context, tmp_path: Path, kind: str, ending: str, predicate: str) -> None:
    private, _ = keys("ed25519", tmp_path)
    root = debian(tmp_path / "root")
    with tarfile.open("web.tar", "w") as packed:
        packed.add(root, ".")
    given = Artifact(builder="x", component="builder/null", id="x", description="x", files=("web.tar",))
    new = {one.name: one for one in attested(ctx, given, f'sbom = true\nsbom_format = "{kind}"\nkey = "{private}"')}
    names = (f"web.tar.{ending}.json", "web.tar.provenance.intoto.jsonl", "web.tar.sbom.intoto.jsonl")
    assert new.keys() == {*names}
    bom, path, of_bom = (new[name] for name in names)
    about = checked(base64.b64decode(json.loads(of_bom.read_text())["payload"]))
    assert about["predicateType"] == predicate
    assert about["predicate"] == json.loads(bom.read_text())
    made = checked(base64.b64decode(json.loads(path.read_text())["payload"]))
    assert about["subject"] == made["subject"]
    digest = hashlib.sha256(bom.read_bytes()).hexdigest()
    assert made["predicate"]["runDetails"]["byproducts"] == [{"name": bom.name, "digest": {"sha256": digest}}]
    only = attested(
        ctx,
        given,
        f'output_dir = "other"\nprovenance = false\nsbom = true\nsbom_scan_path = "{root}"\nsbom_format = "{kind}"',
    )
    assert {one.name for one in only} == {f"web.tar.{ending}.json", "web.tar.sbom.json"}


def test_builds_that_get_none(ctx: Context, single: Artifact) -> None:
    made = component(ProvenancePostProcessor, 'only_builds = ["db"]').process(ctx, single)
    assert made is single


TEMPLATE = """
variable "password" {
  default   = "swordfish"
  sensitive = true
}
variable "version" { default = "7" }
source "file" "web" {
  target  = "out/web.txt"
  content = "hello"
}
build {
  sources = ["source.file.web"]
  post-processor "provenance" {
    key            = "ed25519.pem"
    user_variables = { version = var.version, password = var.password }
  }
}
"""


def test_in_a_run(tmp_path: Path) -> None:
    keys("ed25519", tmp_path)
    (tmp_path / "t.pkr.hcl").write_text(TEMPLATE)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HCLIMG_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "hclimg", "apply", "t.pkr.hcl"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    data = json.loads((tmp_path / "out/web.txt.provenance.intoto.jsonl").read_text())
    statement = checked(base64.b64decode(data["payload"]))
    assert statement["subject"] == [{"name": "web.txt", "digest": {"sha256": hashlib.sha256(b"hello").hexdigest()}}]
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["variables"] == {"version": "7", "password": "<sensitive>"}
    (template,) = definition["resolvedDependencies"]
    assert template["digest"]["sha256"] == hashlib.sha256(TEMPLATE.encode()).hexdigest()
