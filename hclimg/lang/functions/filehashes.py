"""Functions that hash the contents of files, also of those that are no text."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from hclimg.lang.functions.arguments import text_parameter
from hclimg.lang.functions.files import Files
from hclimg.lang.functions.model import Function
from hclimg.lang.types import STRING
from hclimg.lang.values import Value, string

if TYPE_CHECKING:
    from hclimg.lang.functions.catalog import Surroundings

_HASHES = {"md5": "MD5", "sha1": "SHA1", "sha256": "SHA256", "sha512": "SHA512"}


def _hexadecimal(algorithm: str, files: Files) -> Function:
    def body(path: Value) -> Value:
        found = hashlib.new(algorithm, files.read(path.raw), usedforsecurity=False)
        return string(found.hexdigest())

    body.__doc__ = f"The {_HASHES[algorithm]} hash of a file's contents, in hexadecimal."
    return Function(f"file{algorithm}", body, text_parameter("path"), result=STRING)


def _base64(algorithm: str, files: Files) -> Function:
    def body(path: Value) -> Value:
        return string(base64.b64encode(hashlib.new(algorithm, files.read(path.raw)).digest()).decode())

    body.__doc__ = f"The {_HASHES[algorithm]} hash of a file's contents, in base64."
    return Function(f"filebase64{algorithm}", body, text_parameter("path"), result=STRING)


def functions(surroundings: Surroundings) -> dict[str, Function]:
    files = Files(surroundings.base_dir)
    found = [_hexadecimal(algorithm, files) for algorithm in _HASHES]
    found += [_base64(algorithm, files) for algorithm in ("sha256", "sha512")]
    return {function.name: function for function in found}
