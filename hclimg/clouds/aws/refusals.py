"""What AWS's error codes mean for whoever reads the message, and what to do about them.

Knows only the answer of the API, not the SDK.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hclimg.errors import ApiError

ENCODED = re.compile(r"\s*Encoded authorization failure message: (\S+)")
_ANOTHER_REGION = " A region that has to be enabled for the account first says the same."

HINTS: tuple[tuple[str, str], ...] = (
    (
        r"RequestLimitExceeded|Throttl.*|TooManyRequestsException|SlowDown",
        "AWS throttles the account: run fewer builds at once (-parallel-builds), or raise max_retries.",
    ),
    (
        r"AuthFailure|InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId|SignatureDoesNotMatch"
        r"|IncompleteSignature",
        "AWS does not know these credentials: look at access_key and secret_key, AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, or the profile, and at the clock of this host." + _ANOTHER_REGION,
    ),
    (
        r"ExpiredToken(Exception)?|RequestExpired|TokenRefreshRequired",
        "The temporary credentials have ended: get new ones (aws sso login, aws sts …), and look at this host's clock.",
    ),
    (
        r"UnauthorizedOperation|AccessDenied(Exception)?|Client\.UnauthorizedOperation",
        "Whoever the credentials belong to needs this permission.",
    ),
    (r"OptInRequired", "The account must subscribe to or enable this first, in AWS's console."),
    (
        r".*LimitExceeded|.*QuotaExceeded.*|MaxSpotInstanceCountExceeded|VcpuLimitExceeded|ResourceLimitExceeded",
        "A quota of the account is used up: remove what is not needed (hclimg cleanup), or ask AWS for a higher quota.",
    ),
    (
        r"InsufficientInstanceCapacity|InsufficientHostCapacity|Unsupported|InstanceTypeNotSupported",
        "Try another availability_zone or subnet, another instance_type, or later.",
    ),
    (r"Blocked|PendingVerification", "The account is not (yet) allowed to do this; AWS's support can tell why."),
    (r"InvalidAMIID\..*", "AMIs belong to one region: look at the region, and whether the AMI is shared with you."),
    (r"(VPC|DefaultVpc).*NotSpecified|DefaultSubnet.*", "Set subnet_id or subnet_filter: there is no default network."),
    (r"InternalError|InternalFailure|ServiceUnavailable|Unavailable|Server\..*", "AWS has trouble; try again later."),
)
"""The first pattern that fits the whole code counts."""


def refusal(operation: str, answer: Mapping[str, Any], region: str, *, reason: str = "") -> ApiError:
    """The error for an answer of the API (botocore's form); ``reason`` replaces an encoded message."""
    error = answer.get("Error", {})
    about = answer.get("ResponseMetadata", {})
    code = str(error.get("Code", "") or "Unknown")
    text = ENCODED.sub(f" {reason}" if reason else "", str(error.get("Message", ""))).strip().rstrip(".")
    request = str(about.get("RequestId", ""))
    where = f" in {region}" if region else ""
    told = f": {text}" if text and text != code else ""
    request_id = f" (request {request})" if request else ""
    return ApiError(
        f"AWS refuses {operation}{where}: {code}{told}{request_id}.",
        code=code,
        request=request,
        hint=hint_of(code),
        retried=bool(about.get("RetryAttempts")),
    )


def hint_of(code: str) -> str:
    """What to do about an error; empty when the message says it all."""
    for pattern, hint in HINTS:
        if re.fullmatch(pattern, code):
            return hint
    return ""


def is_missing(error: ApiError) -> bool:
    """Whether the API says that the thing does not exist (any more, or yet)."""
    return error.code.endswith((".NotFound", "NotFoundException")) or error.code in (
        "NoSuchEntity", "NoSuchBucket", "NoSuchKey", "NotFound", "404", "InvalidAMIID.Unavailable",
    )  # fmt: skip


def is_denied(error: ApiError) -> bool:
    """Whether the API says that nobody may do this, so it did nothing."""
    return error.code in ("AccessDenied", "AllAccessDisabled", "NoSuchBucket", "403")


def is_taken(error: ApiError) -> bool:
    """Whether there is one of that name already."""
    return error.code.endswith((".Duplicate", "AlreadyExists", "AlreadyExistsException"))


def is_in_use(error: ApiError) -> bool:
    """Whether something else has to go first."""
    return error.code in (
        "DependencyViolation", "InvalidGroup.InUse", "InvalidSnapshot.InUse", "VolumeInUse", "DeleteConflict",
        "IncorrectState", "IncorrectInstanceState", "ResourceInUse",
    )  # fmt: skip
