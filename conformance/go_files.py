"""The files that Go's tests of functions read: made anew from what the tables say of them."""

from __future__ import annotations

import atexit
import base64
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

_FILES = {
    "hello.txt": b"Hello World",
    "hello.tmpl": b"Hello, ${name}!",
    "func.tmpl": b'The items are ${join(", ", list)}',
    "list.tmpl": b"%{ for x in list ~}\n- ${x}\n%{ endfor ~}\n",
    "recursive.tmpl": b'${templatefile("recursive.tmpl", {})}',
    "bare.tmpl": b"${val}",
    "icon.png": b"\x89PNG\r\n\x1a\n\xff\xfe",
}
FUNCS = ("hello.txt", "hello.tmpl")
"""Those of go-cty-funcs; Packer's tests have all of them."""


@lru_cache
def folder(*names: str) -> Path:
    """A folder with ``testdata`` in it, which holds the files with these names; all of them without names."""
    root = Path(tempfile.mkdtemp(prefix="hclimg-conformance-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    (root / "testdata").mkdir()
    for name in names or _FILES:
        (root / "testdata" / name).write_bytes(_FILES[name])
    return root


@lru_cache
def rsa_texts() -> dict[str, Any]:
    """What the constants of the tests for RSA stand for: a key, another one, and a message for the first."""
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key, other = (rsa.generate_private_key(65537, 2048) for _ in range(2))

    def pem(key: rsa.RSAPrivateKey) -> str:
        return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()

    secret = base64.b64encode(key.public_key().encrypt(b"message", padding.PKCS1v15())).decode()
    named = {"CipherBase64": secret, "PrivateKey": pem(key), "WrongPrivateKey": pem(other)}
    return {f"cty.StringVal({name})": {"k": "string", "v": text} for name, text in named.items()}
