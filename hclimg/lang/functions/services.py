"""What functions share that ask a service over the network: how long they wait, TLS files, and their complaints."""

from __future__ import annotations

import os
from typing import Any

from attrs import frozen

from hclimg.lang.functions.model import FunctionError

CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
RETRIES = 2


@frozen
class TlsFiles:
    """The files with certificates that the variables of a service name."""

    authority: str
    certificate: str
    key: str

    @classmethod
    def of(cls, prefix: str) -> TlsFiles:
        """From ``PREFIX_CACERT`` or ``PREFIX_CAPATH``, ``PREFIX_CLIENT_CERT`` and ``PREFIX_CLIENT_KEY``."""
        found = [os.environ.get(f"{prefix}_{name}", "") for name in ("CACERT", "CAPATH", "CLIENT_CERT", "CLIENT_KEY")]
        return cls(found[0] or found[1], found[2], found[3])


def switched_on(variable: str) -> bool:
    """Whether a variable of the environment says yes."""
    return os.environ.get(variable, "").lower() in ("true", "1", "t")


def new_pool(prefix: str, *, verify: bool) -> Any:
    """A pool of connections that verifies as the service's variables say, and gives up in bounded time."""
    import ssl
    from pathlib import Path

    import urllib3

    tls = TlsFiles.of(prefix)
    options: dict[str, Any] = {"cert_reqs": ssl.CERT_REQUIRED if verify else ssl.CERT_NONE, "assert_hostname": None}
    if tls.authority:
        options["ca_cert_dir" if Path(tls.authority).is_dir() else "ca_certs"] = tls.authority
    if tls.certificate:
        options |= {"cert_file": tls.certificate, "key_file": tls.key or None}
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        retries=urllib3.Retry(RETRIES, connect=0, backoff_factor=0.2, redirect=5),
        **options,
    )


def needs_package(name: str) -> FunctionError:
    return FunctionError(f'it needs the Python package "{name}", which is not installed: pip install {name}')


def unreachable(service: str, address: str, variable: str, error: Exception) -> FunctionError:
    return FunctionError(f"cannot reach {service} at {address}: {_reason(error)}; {variable} says where it is")


def _reason(error: BaseException) -> str:
    """The innermost cause in a few words; libraries wrap it several times."""
    inner: BaseException | None = error
    while inner is not None:
        error = inner
        causes = (getattr(error, "reason", None), *error.args[:1])
        inner = next((cause for cause in causes if isinstance(cause, BaseException)), None)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    text = str(error).partition("\n")[0].rpartition(": ")[2]
    return text.rpartition("] ")[2].rstrip(".)").lower() or type(error).__name__
