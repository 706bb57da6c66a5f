"""What OpenStack's refusals mean for whoever reads the message, and what to do about them.

Each service has its own form of an error. Knows only the answers, not the SDK.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from hclimg.errors import ApiError, Cancelled, ConnectionLost, ServiceTrouble

QUOTA = re.compile(r"quota|OverLimit|LimitExceeded|exceeds", re.IGNORECASE)
NETWORKS = re.compile(r"multiple possible networks", re.IGNORECASE)
MEMBERS = re.compile(r"only shared images have members", re.IGNORECASE)
ENDED = re.compile(r"validate token", re.IGNORECASE)
REPEATED = re.compile(r"^\d{3} [A-Z][A-Za-z ]+: | \(HTTP \d+\)| \(Request-ID: [^)]*\)")
"""What glance and keystone say of the status and the request in their words, too."""

TROUBLE = 500
"""From this status on, the service says that the fault is its own."""
OVERLOADED = (429, 503)
UNANSWERED = ("502", "504")
"""Said by what stands before a service, which may still be at work."""


class Overloaded(ServiceTrouble):
    """It did nothing this time: there are too many requests, or it is not ready for any."""


def refusal(what: str, status: int, body: str, text: str, request: str) -> ApiError:
    """The error for an answer of a service; ``what`` was asked for or to be changed."""
    code, said = _told(body)
    said = _plain(said or text)
    known = f" (request {request})" if request else ""
    message = f"OpenStack refuses {what}: {status} {code}: {said}{known}." if code else (
        f"OpenStack refuses {what}: {status}: {said}{known}."
    )  # fmt: skip
    trouble = ServiceTrouble if status >= TROUBLE else ApiError
    kind = Overloaded if status in OVERLOADED else trouble
    return kind(message, code=f"{status} {code}".strip(), request=request, hint=_hint(status, f"{code} {said}"))


def login_failure(where: str, status: int, text: str, request: str) -> ApiError:
    """The error for a login that the Identity service refuses. Its code is none that says that a thing is missing."""
    said = _plain(text)
    known = f" (request {request})" if request else ""
    hint = {
        401: "Look at user, password, domain and project, or at the application credential; a token may have ended.",
        404: "Look at identity_endpoint or OS_AUTH_URL: it ends in /v3 for most clouds.",
    }.get(status, "")
    if ENDED.search(said):
        hint = "A token that has ended cannot be renewed: use a password or an application credential for long builds."
    message = f"{where} refuses the login: {status}: {said}{known}."
    kind = Overloaded if status >= TROUBLE or status in OVERLOADED else ApiError
    return kind(message, code=f"login {status}", request=request, hint=hint)


def is_missing(error: ApiError) -> bool:
    """Whether the thing does not exist, or no more."""
    return error.code.partition(" ")[0] in ("404", "410")


def did_nothing(error: BaseException) -> bool:
    """Whether what was asked for was not done for sure; otherwise it may have been, or may yet be."""
    refused = isinstance(error, ApiError) and not isinstance(error, ServiceTrouble)
    return refused or isinstance(error, (Overloaded, Cancelled))


def is_unanswered(error: BaseException) -> bool:
    """Whether the service itself has not answered, so that it may still be at work."""
    return isinstance(error, ConnectionLost) or (
        isinstance(error, ApiError) and error.code.partition(" ")[0] in UNANSWERED
    )


def is_busy(error: ApiError) -> bool:
    """Whether something has to become ready or go first."""
    return error.code.partition(" ")[0] == "409" or "in use" in error.message or "must be available" in error.message


def _hint(status: int, said: str) -> str:
    if NETWORKS.search(said):
        return "Name the networks of the machine with networks, ports or network_discovery_cidrs."
    if MEMBERS.search(said):
        return 'Set image_visibility = "shared".'
    if QUOTA.search(said):
        return "A quota of the project is used up: remove what is not needed (hclimg cleanup), or ask for a higher one."
    return {
        401: "The token has ended and cannot be renewed: use a password or an application credential for long builds.",
        403: "The user needs another role in this project, or the cloud reserves this for its administrators.",
        429: "The cloud is busy with requests: run fewer builds at once (-parallel-builds).",
        500: "The cloud has trouble; its administrators can find out why from the request's id.",
        503: "The cloud has trouble; try again later.",
    }.get(status, "")


def _plain(text: str) -> str:
    return REPEATED.sub("", " ".join(text.split())).rstrip(".")


def _told(body: str) -> tuple[str, str]:
    """The service's own name of the reason, and its words; each may be empty."""
    try:
        content = json.loads(body)
    except ValueError:
        return "", ""
    if not isinstance(content, Mapping):
        return "", ""
    for name, value in content.items():
        if isinstance(value, Mapping) and ("message" in value or "detail" in value):
            code = str(value.get("type") or value.get("title") or name)
            return code, str(value.get("message") or value.get("detail"))
    return "", str(content.get("message", ""))
