"""Whether a file is a usable private key. Looks at its armour only, so that ``validate`` needs no cryptography."""

from __future__ import annotations

from binascii import Error, a2b_base64
from pathlib import Path

_FORMATS = ("OPENSSH", "RSA", "EC")
_MAGIC = b"openssh-key-v1\0"
_LARGEST = 1 << 16  # no key is larger; anything else is the wrong file
_DECRYPT = "decrypt it first (ssh-keygen -p), or load it into an SSH agent and set ssh_agent_auth."


def key_file_problem(path: Path) -> str:
    """What is wrong with a private key file, as sentences for the user; empty when it looks right."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST)
    except OSError as error:
        return f"{error.strerror}."
    return key_text_problem(data.decode("ascii", "replace"))


def key_text_problem(text: str) -> str:
    """The same for the text of a private key."""
    lines = [line.strip() for line in text.strip().splitlines()]
    if not lines:
        return "the file is empty."
    first = lines[0]
    if first.startswith("PuTTY-User-Key-File"):
        return "it is a PuTTY key; convert it with puttygen KEY -O private-openssh -o NEWKEY."
    if first.startswith(("ssh-", "ecdsa-")) or "PUBLIC KEY" in first:
        return "it is a public key; the private key is needed."
    if not (first.startswith("-----BEGIN ") and first.endswith("PRIVATE KEY-----")):
        return "it is not a private key in PEM or OpenSSH format."
    return _armour_problem(first.removeprefix("-----BEGIN ").removesuffix("PRIVATE KEY-----").strip(), lines)


def _armour_problem(kind: str, lines: list[str]) -> str:
    if kind == "ENCRYPTED" or any("ENCRYPTED" in line for line in lines[1:3]):
        return f"it is protected with a passphrase; {_DECRYPT}"
    if kind == "DSA":
        return "it is a DSA key, which OpenSSH no longer accepts; use an ed25519, ecdsa or rsa key."
    if kind and kind not in _FORMATS:
        return f'it holds a "{kind} PRIVATE KEY", which is not supported.'
    end = next((i for i, line in enumerate(lines) if line.startswith("-----END ")), None)
    if end is None:
        return "it is cut off: its last line is missing."
    try:
        body = a2b_base64("".join(line for line in lines[1:end] if ":" not in line))
    except Error:
        return "it is damaged: its body is not base64."
    if kind == "OPENSSH":
        return _openssh_problem(body)
    return "" if body[:1] == b"0" else "it is damaged: its body is not DER."


def _openssh_problem(body: bytes) -> str:
    if not body.startswith(_MAGIC):
        return "it is damaged: it does not hold an OpenSSH key."
    at = len(_MAGIC)
    length = int.from_bytes(body[at : at + 4], "big")
    if body[at + 4 : at + 4 + length] != b"none":
        return f"it is protected with a passphrase; {_DECRYPT}"
    return ""
