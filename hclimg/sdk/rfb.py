"""Types on the keyboard of a machine over VNC (the RFB protocol, RFC 6143): key events only, no picture.

A library would bring the picture, a reactor or an event loop, and still leave shift to us; this is all that is needed.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

from hclimg.errors import BuildError, ConnectionLost
from hclimg.sdk.boot import Action, Key

SHIFT = 0xFFE1
SHIFTED = frozenset('~!@#$%^&*()_+{}|:"<>?')
UNICODE = 0x01000000  # added to a code point beyond Latin-1

KEYSYMS = {
    "bs": 0xFF08, "tab": 0xFF09, "enter": 0xFF0D, "esc": 0xFF1B, "del": 0xFFFF, "spacebar": 0x20, "insert": 0xFF63,
    "home": 0xFF50, "left": 0xFF51, "up": 0xFF52, "right": 0xFF53, "down": 0xFF54, "pageup": 0xFF55,
    "pagedown": 0xFF56, "end": 0xFF57, "menu": 0xFF67,
    "leftshift": SHIFT, "rightshift": 0xFFE2, "leftctrl": 0xFFE3, "rightctrl": 0xFFE4, "leftalt": 0xFFE9,
    "rightalt": 0xFFEA, "leftsuper": 0xFFEB, "rightsuper": 0xFFEC,
    **{f"f{n}": 0xFFBD + n for n in range(1, 13)},
    "\n": 0xFF0D, "\r": 0xFF0D, "\t": 0xFF09,
}  # fmt: skip

NONE, PASSWORD = 1, 2  # security types


def key_events(key: Key) -> Iterator[tuple[int, bool]]:
    """The key symbols to send for a key, each with whether it goes down. Shift is pressed explicitly, because a server
    that only gets an upper-case symbol turns the guest's caps lock on instead.
    """
    symbol = KEYSYMS.get(key.name) or keysym(key.name)
    shift = not key.special and (key.name.isupper() or key.name in SHIFTED)
    if key.action is not Action.OFF:
        if shift:
            yield SHIFT, True
        yield symbol, True
    if key.action is not Action.ON:
        yield symbol, False
        if shift:
            yield SHIFT, False


def keysym(char: str) -> int:
    code = ord(char)
    return code if code < 0x100 else UNICODE | code


class Keyboard:
    """A connection to a VNC server. Raises ConnectionLost when there is none, BuildError when it refuses us."""

    def __init__(self, host: str, port: int, password: str = "", timeout: float = 30.0) -> None:
        self._where = f"VNC server {host}:{port}"
        try:
            self._socket = socket.create_connection((host, port), timeout)
        except OSError as error:
            raise ConnectionLost(f"No connection to the {self._where}: {error.strerror or error}.") from error
        try:
            self._greet()
            self._authenticate(password)
            self._send(b"\x01")  # others may look on
            self._read_description()
        except BaseException:
            self._socket.close()
            raise

    def send(self, symbol: int, *, down: bool) -> None:
        """Press or release one key."""
        self._send(struct.pack(">BBxxI", 4, down, symbol))

    def close(self) -> None:
        self._socket.close()

    def _greet(self) -> None:
        version = self._read(12)
        if not version.startswith(b"RFB 003."):
            raise BuildError(f"The {self._where} does not speak VNC: {version!r}.")
        self._modern = version >= b"RFB 003.007"
        self._send(b"RFB 003.008\n" if version >= b"RFB 003.008" else version)
        self._reasons = version >= b"RFB 003.008"

    def _authenticate(self, password: str) -> None:
        kind = self._security(PASSWORD if password else NONE)
        if kind == PASSWORD:
            self._send(_encrypted(self._read(16), password))
        if (kind == PASSWORD or self._reasons) and self._number() != 0:
            reason = self._text() if self._reasons else "wrong password"
            raise BuildError(f"The {self._where} refused the connection: {reason}.")

    def _security(self, wanted: int) -> int:
        if not self._modern:
            return self._number()
        offered = self._read(self._read(1)[0])
        if not offered:
            raise BuildError(f"The {self._where} refused the connection: {self._text()}.")
        if wanted not in offered:
            ours = "a password" if wanted == PASSWORD else "none"
            raise BuildError(f"The {self._where} wants another login than {ours}.")
        self._send(bytes([wanted]))
        return wanted

    def _read_description(self) -> None:
        self._read(20)  # the size of the screen and its pixel format
        self._text()

    def _number(self) -> int:
        return int.from_bytes(self._read(4))

    def _text(self) -> str:
        return self._read(self._number()).decode("utf-8", "replace").rstrip(".")

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                part = self._socket.recv(count - len(data))
            except OSError as error:
                raise ConnectionLost(f"The connection to the {self._where} broke: {error}.") from error
            if not part:
                raise ConnectionLost(f"The {self._where} closed the connection.")
            data += part
        return data

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ConnectionLost(f"The connection to the {self._where} broke: {error}.") from error


def _encrypted(challenge: bytes, password: str) -> bytes:
    """VNC's login: DES with the first eight bytes of the password, each with its bits reversed."""
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.modes import ECB

    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in password.encode()[:8].ljust(8, b"\0"))
    cipher = Cipher(TripleDES(key * 3), ECB()).encryptor()  # three times the same key is plain DES
    return cipher.update(challenge) + cipher.finalize()
