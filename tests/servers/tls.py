"""A TLS front with a certificate that nobody knows, for a plain server of loopback."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def tls_front(target: int, folder: Path) -> Iterator[tuple[int, Path]]:
    """Gives the port and the file with the certificate; what is said there is passed on to port ``target``."""
    context, certificate = server_context(folder)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, context, target), daemon=True).start()
        yield int(listener.getsockname()[1]), certificate
        listener.shutdown(socket.SHUT_RDWR)


def server_context(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """What a server of 127.0.0.1 needs, and the file with its certificate, which nobody signed."""
    certificate, key = certificate_of("front", folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


def certificate_of(name: str, folder: Path) -> tuple[Path, Path]:
    """A certificate that nobody signed, for 127.0.0.1, and its key: files of ``folder``."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


def _accept(listener: socket.socket, context: ssl.SSLContext, target: int) -> None:
    with suppress(OSError):
        while True:
            near, _ = listener.accept()
            threading.Thread(target=_serve, args=(near, context, target), daemon=True).start()


def _serve(plain: socket.socket, context: ssl.SSLContext, target: int) -> None:
    """One question and its answer: a client that does not trust the certificate hangs up before."""
    with (
        suppress(OSError),
        context.wrap_socket(plain, server_side=True) as near,
        socket.create_connection(("127.0.0.1", target)) as far,
    ):
        back = threading.Thread(target=_carry, args=(far, near), daemon=True)
        back.start()
        _carry(near, far)
        back.join()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
