"""Signed envelopes (DSSE, https://github.com/secure-systems-lab/dsse, version 1) with keys in PEM files.

Ed25519 signs as it is, ECDSA by the hash that fits its curve, RSA by PKCS #1 v1.5 with SHA-256, as cosign does.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from hclimg.errors import BuildError

PAYLOAD = "application/vnd.in-toto+json"
PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey
KINDS = "Ed25519, ECDSA or RSA"


@frozen
class Signer:
    """``id`` is the SHA-256 of the public key, in hexadecimal."""

    key: PrivateKey
    id: str

    def sign(self, data: bytes) -> bytes:
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(data, ec.ECDSA(_hash(self.key.curve)))


def load_signer(path: Path, password: bytes | None, variable: str) -> Signer:
    """The private key of a file; ``variable`` is what has the password. Raises BuildError when it is of no use."""
    data = _read(path)
    if b"SIGSTORE" in data or b"COSIGN" in data:
        hint = f"Its format is cosign's own; make a key with: openssl genpkey -algorithm ed25519 -out {path.name}"
        raise BuildError(f"The key {path} cannot be read.", hint=hint)
    try:
        key = _private(data, password)
    except TypeError as error:  # a password is missing, or there is one too many
        raise BuildError(f"The key {path} cannot be read: {error}.", hint=f"See the variable {variable}.") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        hint = f"It must be a private key ({KINDS}) in PEM; when it has a password, {variable} must be that."
        raise BuildError(f"The key {path} cannot be read.", hint=hint) from error
    if not isinstance(key, PrivateKey):
        raise BuildError(f"The key {path} is of a kind that does not sign here: {KINDS}.")
    return Signer(key, key_id(key.public_key()))


def _private(data: bytes, password: bytes | None) -> Any:
    """A password that is set is for keys that have one; others are read without."""
    if b"OPENSSH PRIVATE KEY" in data:
        return serialization.load_ssh_private_key(data, password)
    encrypted = b"ENCRYPTED" in data
    return serialization.load_pem_private_key(data, password if encrypted else None)


def key_id(key: PublicKey) -> str:
    plain = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(plain).hexdigest()


def sealed(payload: bytes, signer: Signer) -> dict[str, Any]:
    """The envelope."""
    signature = signer.sign(encoded(PAYLOAD, payload))
    return {
        "payload": base64.b64encode(payload).decode(), "payloadType": PAYLOAD,
        "signatures": [{"keyid": signer.id, "sig": base64.b64encode(signature).decode()}],
    }  # fmt: skip


def encoded(kind: str, payload: bytes) -> bytes:
    """What is signed: both parts with their lengths."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def opened(path: Path, verifier: Path) -> bytes:
    """What is in the envelope of a file, when it was signed with that key. Raises BuildError otherwise."""
    try:
        envelope = json.loads(_read(path))
        if not isinstance(envelope, dict):
            raise ValueError("it is no JSON object")
        payload = base64.b64decode(envelope["payload"])
        verify(envelope, verifier)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise BuildError(f"{path} is no signed envelope (DSSE): {error}.") from error
    return payload


def verify(envelope: Mapping[str, Any], path: Path) -> None:
    """Check an envelope with the public key of a file. Raises BuildError when it was signed with another one."""
    try:
        key = serialization.load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BuildError(f"The verifier {path} is no public key in PEM.") from error
    data = encoded(envelope["payloadType"], base64.b64decode(envelope["payload"]))
    signatures = [base64.b64decode(one["sig"]) for one in envelope["signatures"]]
    if not any(_is_of(key, signature, data) for signature in signatures):
        hint = "It must be the public key of the key that signs."
        raise BuildError(f"The signature does not fit the verifier {path}.", hint=hint)


def _is_of(key: Any, signature: bytes, data: bytes) -> bool:
    try:
        _verify(key, signature, data)
    except InvalidSignature:
        return False
    return True


def _verify(key: Any, signature: bytes, data: bytes) -> None:
    match key:
        case ed25519.Ed25519PublicKey():
            key.verify(signature, data)
        case rsa.RSAPublicKey():
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        case ec.EllipticCurvePublicKey():
            key.verify(signature, data, ec.ECDSA(_hash(key.curve)))
        case _:
            raise InvalidSignature


def _hash(curve: ec.EllipticCurve) -> hashes.HashAlgorithm:
    if curve.key_size > 384:
        return hashes.SHA512()
    return hashes.SHA384() if curve.key_size > 256 else hashes.SHA256()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BuildError(f"{path} cannot be read: {error.strerror}.") from error
