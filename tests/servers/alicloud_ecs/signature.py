"""Signature version 1.0 of Alibaba Cloud's RPC APIs: HMAC-SHA1 over the sorted parameters."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote


def string_to_sign(method: str, parameters: Mapping[str, str]) -> str:
    """Of all parameters, in the query and in the body, but ``Signature``."""
    rest = sorted((name, value) for name, value in parameters.items() if name != "Signature")
    canonical = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in rest)
    return f"{method}&{_quoted('/')}&{_quoted(canonical)}"


def sign(method: str, parameters: Mapping[str, str], secret: str) -> str:
    digest = hmac.new(f"{secret}&".encode(), string_to_sign(method, parameters).encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
