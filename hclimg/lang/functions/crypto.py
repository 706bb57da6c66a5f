"""Functions that hash, decrypt, and make identifiers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hclimg.lang.functions.arguments import number_parameter, text_function, text_parameter, whole
from hclimg.lang.functions.model import ArgumentError, Function, FunctionError
from hclimg.lang.show import quoted
from hclimg.lang.types import STRING
from hclimg.lang.values import Value, string

if TYPE_CHECKING:
    from hclimg.lang.functions.catalog import Surroundings

_LEAST_COST, _USUAL_COST, _MOST_COST = 4, 10, 31
_DEAREST = 18  # some ten seconds; each step more doubles that
_LONGEST_PASSWORD = 72


def md5(text: str) -> str:
    """The MD5 hash of a string, in hexadecimal."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def sha1(text: str) -> str:
    """The SHA1 hash of a string, in hexadecimal."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def sha256(text: str) -> str:
    """The SHA256 hash of a string, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha512(text: str) -> str:
    """The SHA512 hash of a string, in hexadecimal."""
    return hashlib.sha512(text.encode()).hexdigest()


def base64sha256(text: str) -> str:
    """The SHA256 hash of a string, in base64."""
    return _in_base64(hashlib.sha256(text.encode()))


def base64sha512(text: str) -> str:
    """The SHA512 hash of a string, in base64."""
    return _in_base64(hashlib.sha512(text.encode()))


def _in_base64(found: hashlib._Hash) -> str:
    import base64

    return base64.b64encode(found.digest()).decode()


def bcrypt(text: Value, *costs: Value) -> Value:
    """The bcrypt hash of a password, with a random salt; the cost is 10 unless given."""
    import bcrypt as library

    if len(costs) > 1:
        raise FunctionError("bcrypt() takes no more than two arguments")
    cost = whole(costs[0]) if costs else _USUAL_COST
    if cost > _MOST_COST:
        why = f"crypto/bcrypt: cost {cost} is outside allowed range ({_LEAST_COST},{_MOST_COST})"
        raise FunctionError(f"error occurred generating password {why}")
    if cost > _DEAREST:
        raise FunctionError(f"a cost of {cost} would take too long; at most {_DEAREST} is supported")
    password = text.raw.encode()
    if len(password) > _LONGEST_PASSWORD:
        raise FunctionError(f"error occurred generating password: it is longer than {_LONGEST_PASSWORD} bytes")
    salt = library.gensalt(cost if cost >= _LEAST_COST else _USUAL_COST, prefix=b"2a")
    return string(library.hashpw(password, salt).decode())


def rsadecrypt(ciphertext: Value, private_key: Value) -> Value:
    """Decrypts what was encrypted with an RSA key (PKCS #1 v1.5) and encoded as base64."""
    import base64
    import binascii

    try:
        data = base64.b64decode(ciphertext.raw, validate=True)
    except (binascii.Error, ValueError):
        why = f"failed to decode input {quoted(ciphertext.raw)}: cipher text must be base64-encoded"
        raise ArgumentError(0, why) from None
    return string(_decrypted(data, private_key.raw))


def _decrypted(data: bytes, private_key: str) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ArgumentError(1, "invalid private key: a PEM file without a passphrase is required") from None
    if not isinstance(key, RSAPrivateKey):
        raise ArgumentError(1, "invalid private key: an RSA key is required")
    try:
        return key.decrypt(data, PKCS1v15()).decode()
    except ValueError as error:
        raise FunctionError(f"failed to decrypt: {error}") from None


# -- identifiers ----------------------------------------------------------------

_NAMESPACES = {"dns": "NAMESPACE_DNS", "url": "NAMESPACE_URL", "oid": "NAMESPACE_OID", "x500": "NAMESPACE_X500"}


def uuidv4() -> Value:
    """A random UUID."""
    import uuid

    return string(str(uuid.uuid4()))


def uuidv5(namespace: Value, name: Value) -> Value:
    """The UUID that a name has in a namespace."""
    import uuid

    given: str = namespace.raw
    try:
        space = getattr(uuid, _NAMESPACES[given]) if given in _NAMESPACES else uuid.UUID(given)
    except ValueError:
        why = f"invalid UUID length: {len(given)}" if len(given) not in (32, 36, 38, 45) else "invalid UUID format"
        raise FunctionError(f"uuidv5() doesn't support namespace {given} ({why})") from None
    return string(str(uuid.uuid5(space, name.raw)))


_FUNCTIONS = (
    text_function("base64sha256", base64sha256, "str"),
    text_function("base64sha512", base64sha512, "str"),
    Function("bcrypt", bcrypt, text_parameter("str"), variadic=number_parameter("cost"), result=STRING),
    text_function("md5", md5, "str"),
    Function("rsadecrypt", rsadecrypt, text_parameter("ciphertext"), text_parameter("privatekey"), result=STRING),
    text_function("sha1", sha1, "str"),
    text_function("sha256", sha256, "str"),
    text_function("sha512", sha512, "str"),
    Function("uuidv4", uuidv4, result=STRING),
    Function("uuidv5", uuidv5, text_parameter("namespace"), text_parameter("name"), result=STRING),
)


def functions(_surroundings: Surroundings) -> dict[str, Function]:
    return {function.name: function for function in _FUNCTIONS}
