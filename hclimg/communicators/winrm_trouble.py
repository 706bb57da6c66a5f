"""What went wrong between this host and a WinRM service, in words, and whether waiting may help."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from xml.etree.ElementTree import ParseError

from attrs import frozen
from pypsrp.exceptions import AuthenticationError, WinRMError, WinRMTransportError, WSManFaultError
from requests import RequestException
from requests.exceptions import ProxyError, SSLError
from spnego.exceptions import SpnegoError

from hclimg.communicators.winrm_http import Line, WinrmEndpoint

RAISED = (RequestException, OSError, WinRMError, SpnegoError, ParseError, ValueError)
"""What asking may raise; ValueError is how pypsrp says that the service offers another way to log in."""

TIMED_OUT = 2150858793
ACCESS_DENIED = 5
_GONE = {
    2150858843,  # there is no such shell (any more)
    995,  # the operation was aborted: the service stops
    1115, 2147943515,  # the machine shuts down
}  # fmt: skip


class Kind(Enum):
    """REFUSED: it is there and does not let us in. AWAY: nothing that is WinRM answers. FAULT: it says no."""

    REFUSED = "refused"
    AWAY = "away"
    FAULT = "fault"


@frozen
class Trouble:
    """``reason`` is a part of a sentence; ``final``: to ask again will not help."""

    kind: Kind
    reason: str
    hint: str = ""
    final: bool = False


class TroubleError(Exception):
    """The service was asked, and something went wrong."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.reason)
        self.trouble = trouble


class SilenceError(Exception):
    """There was nothing to tell in the time that the service was given."""


@contextmanager
def asking(line: Line) -> Iterator[None]:
    """Around each question. Raises TroubleError, SilenceError."""
    try:
        yield
    except WSManFaultError as error:
        if error.code == TIMED_OUT:
            raise SilenceError from error
        raise TroubleError(_fault(error, line.end)) from error
    except RAISED as error:
        raise TroubleError(_trouble(error, line.end, line.offered)) from error


def _trouble(error: BaseException, end: WinrmEndpoint, offered: str) -> Trouble:
    if isinstance(error, WinRMTransportError):
        return _http(error)
    if isinstance(error, AuthenticationError | SpnegoError | ValueError) and not isinstance(error, RequestException):
        return _refused(error, end, offered)
    if isinstance(error, SSLError):
        return _tls(str(error), end)
    if isinstance(error, ProxyError):
        return Trouble(Kind.AWAY, f"the proxy {end.proxy} does not lead there: {_why(error)}", _PROXY_HINT)
    return Trouble(Kind.AWAY, _why(error))


_PROXY_HINT = "Set winrm_no_proxy = true to go there without the proxy of the environment."


def _fault(error: WSManFaultError, end: WinrmEndpoint) -> Trouble:
    said = " ".join(str(error.reason or error.code or "it does not say why").split()).rstrip(".")
    if error.code == ACCESS_DENIED:
        hint = (
            f'"{end.user}" must be in the group Administrators or Remote Management Users; for a local user, '
            "LocalAccountTokenFilterPolicy may have to be 1."
        )
        return Trouble(Kind.REFUSED, f'it denies access to "{end.user}"', hint)
    return Trouble(Kind.AWAY if error.code in _GONE else Kind.FAULT, said)


def _http(error: WinRMTransportError) -> Trouble:
    return Trouble(
        Kind.AWAY, f"an HTTP server answers there with {error.code}, which WinRM does not",
        "Another service may listen on that port.",
    )  # fmt: skip


def _refused(error: BaseException, end: WinrmEndpoint, offered: str) -> Trouble:
    """A refusal without a way to log in that we could use may end when the machine has set itself up."""
    if end.certificate:
        hint = "The machine must allow Certificate and know whose it is: winrm create winrm/config/service/certmapping."
        return Trouble(Kind.REFUSED, f'it refuses the certificate "{end.certificate[0]}"', hint)
    ours = "Negotiate" if end.ntlm else "Basic"
    names = [part.split()[0] for part in offered.split(",") if part.strip()]
    if names and not any(name.lower() in (ours.lower(), "ntlm" if end.ntlm else "") for name in names):
        if end.ntlm:
            hint = "Remove winrm_use_ntlm, or allow Negotiate on the machine."
        else:
            hint = (
                "Set winrm_use_ntlm = true, or allow Basic on the machine: winrm set winrm/config/service/auth "
                "'@{Basic=\"true\"}', and without winrm_use_ssl winrm set winrm/config/service "
                "'@{AllowUnencrypted=\"true\"}'."
            )
        return Trouble(Kind.AWAY, f"it does not offer to log in by {ours}, only by {', '.join(names)}", hint)
    reason = f'it refuses the login of "{end.user}"'
    if isinstance(error, SpnegoError):
        reason += f": {error}"
    hint = "Is winrm_password right?"
    if not end.ntlm:
        hint += " Basic knows local users only; those of a domain log in with winrm_use_ntlm = true."
    return Trouble(Kind.REFUSED, reason, hint)


def _tls(text: str, end: WinrmEndpoint) -> Trouble:
    if "CERTIFICATE_VERIFY_FAILED" in text:
        why = text.partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or "nobody knows who signed it"
        hint = "Set winrm_insecure = true to accept any certificate, or SSL_CERT_FILE to a file with who signed it."
        return Trouble(Kind.REFUSED, f"its certificate is not trusted: {why}", hint, final=True)
    if "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER_FAILURE" in text or "HTTP_REQUEST" in text:
        hint = f"Without winrm_use_ssl it is plain HTTP; its usual port is 5985, here it is {end.port}."
        return Trouble(Kind.AWAY, "it does not speak TLS", hint)
    return Trouble(Kind.AWAY, f"TLS fails: {text}")


def _why(error: BaseException) -> str:
    """The innermost reason: requests wraps urllib3, which wraps the system's error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, RequestException):
            return cause.strerror.lower()
        error, cause = cause, cause.__cause__ or cause.__context__
    if "timed out" in str(error).lower():
        return "no answer in time"
    return str(error).strip().rstrip(".") or type(error).__name__
