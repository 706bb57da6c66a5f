"""Who may use the WinRM service of the tests: Basic, and NTLM with the encryption of messages that comes with it."""

from __future__ import annotations

import binascii
import struct
from base64 import b64decode, b64encode
from typing import Any

import spnego
from attrs import define
from spnego.exceptions import SpnegoError

_BOUNDARY = b"--Encrypted Boundary"
_OCTETS = b"\tContent-Type: application/octet-stream\r\n"
SEALED = 'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"'


def basic(rest: str) -> tuple[str, str]:
    """User and password of a header; empty when it makes no sense."""
    try:
        user, _, password = b64decode(rest).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


@define(eq=False)
class Ntlm:
    """The login of one connection. Whom it knows is in the file that the variable NTLM_USER_FILE names."""

    user: str = ""
    _context: Any = None

    def step(self, token: str) -> str:
        """What to tell the client next; empty when it is done, one way or the other."""
        data = b64decode(token)
        if data[8:12] == b"\x01\0\0\0":
            self._context, self.user = spnego.server(protocol="ntlm"), ""
        if self._context is None:
            return ""
        try:
            answer = self._context.step(data)
        except SpnegoError:
            self._context = None
            return ""
        if self._context.complete:
            self.user = str(self._context.client_principal)
        return b64encode(answer).decode() if answer else ""

    def unseal(self, body: bytes) -> bytes:
        head, _, rest = body.partition(_OCTETS)
        sealed = rest.removesuffix(b"\r\n").removesuffix(b"--").removesuffix(_BOUNDARY)
        length = struct.unpack("<i", sealed[:4])[0]
        text = bytes(self._context.unwrap_winrm(sealed[4 : 4 + length], sealed[4 + length :]))
        assert b"Length=%d\r\n" % len(text) in head
        return text

    def seal(self, text: bytes) -> bytes:
        header, data, padding = self._context.wrap_winrm(text)
        return b"\r\n".join([
            _BOUNDARY, b"\tContent-Type: application/HTTP-SPNEGO-session-encrypted",
            b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d" % (len(text) + padding),
            _BOUNDARY, _OCTETS + struct.pack("<i", len(header)) + header + data + _BOUNDARY + b"--", b"",
        ])  # fmt: skip
