"""Key pairs that are made for one build. The private key stays in memory, unless ``-debug`` asks for a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.steps import step
from hclimg.units import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

DEFAULT_TYPE = "rsa"
RSA_BITS = 3072


@frozen(kw_only=True)
class KeyPair:
    """``private`` is the text of an OpenSSH private key, ``public`` one line as in authorized_keys."""

    name: str
    type: str
    private: Secret
    public: str


def generate_key_pair(name: str, *, key_type: str = "", bits: int = 0) -> KeyPair:
    """``key_type`` is rsa, ecdsa or ed25519 (empty: rsa), ``bits`` its size (0: a good one). Raises BuildError."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    kind = key_type or DEFAULT_TYPE
    key = _generate(kind, bits)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return KeyPair(name=name, type=kind, private=Secret(private), public=f"{public} {name}")


def _generate(kind: str, bits: int) -> PrivateKeyTypes:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "rsa":
        if bits and bits < 1024:
            raise BuildError(f"An RSA key of {bits} bits is too small.", hint="Leave temporary_key_pair_bits out.")
        return rsa.generate_private_key(65537, bits or RSA_BITS)
    if kind == "ecdsa":
        curves = {0: ec.SECP256R1(), 256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}
        if bits not in curves:
            raise BuildError(f"An ECDSA key cannot have {bits} bits.", hint="It can have 256, 384 or 521.")
        return ec.generate_private_key(curves[bits])
    raise BuildError(f'There are no key pairs of type "{kind}".', hint="Use rsa, ecdsa or ed25519.")


@step("Creating temporary key pair", undo="Forgetting temporary key pair")
def temporary_key_pair(ctx: Context, *, name: str = "", key_type: str = "", bits: int = 0) -> Iterator[KeyPair]:
    """A key pair for this build; with ``-debug`` its private key is also written to a file of the current directory."""
    pair = generate_key_pair(name or f"hclimg_{ctx.run.id}", key_type=key_type, bits=bits)
    ctx.redact.add(pair.private.reveal())
    if ctx.run.debug:
        debug_key_file(ctx, pair)
    yield pair


@step("Saving the private key for debugging", undo="Removing the saved private key")
def debug_key_file(ctx: Context, pair: KeyPair) -> Iterator[Path]:
    """The private key in a file of the current directory, for as long as the scope is open."""
    path = Path(f"{ctx.build_type or 'build'}_{ctx.build_name or pair.name}.pem".replace("/", "_")).absolute()
    record = ctx.journal.intend("file", path=str(path))
    write_private_file(path, pair.private.reveal())
    record.made()
    ctx.say(f"Saved the temporary private key for debugging: {path}")
    yield path
    path.unlink(missing_ok=True)
    record.gone()


def public_line(private: Secret, comment: str) -> str:
    """The public half of a private key, as in authorized_keys. Raises BuildError when the text is no key.

    The numbers of an RSA key are not checked, which would take long: whoever made the key is trusted.
    """
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
        load_ssh_private_key,
    )

    text = private.reveal()
    load = load_ssh_private_key if "OPENSSH" in text.lstrip().split("\n", 1)[0] else load_pem_private_key
    try:
        key = load(text.encode(), None, unsafe_skip_rsa_key_validation=True).public_key()
    except ValueError as error:
        raise BuildError("What should be a private key cannot be read as one.") from error
    return f"{key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} {comment}"


def write_private_file(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whatever was there before."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
