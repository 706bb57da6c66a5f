"""What the API's error codes mean for the user, and which of them are worth trying again."""

from __future__ import annotations

TEMPORARY = ("Throttling", "ServiceUnavailable", "InternalError", "UnknownError", "SystemBusy", "LastTokenProcessing",
             "IdempotentProcessing", "TOKEN_PROCESSING", "OperationConflict", "TaskConflict")  # fmt: skip
"""Codes (or what they begin with) of what goes by itself: too many requests, a bad moment, a call still under way."""

SIGNATURES = ("SignatureDoesNotMatch", "IncompleteSignature", "InvalidAccessKeySecret")
"""Their messages quote the request, with everything secret in it."""

_HINTS = (
    ("InvalidAccessKeyId.NotFound", "The access key does not exist: look at access_key, or ALICLOUD_ACCESS_KEY."),
    ("InvalidAccessKeyId", "The access key is disabled or unknown: look at access_key, or ALICLOUD_ACCESS_KEY."),
    ("SignatureDoesNotMatch", "The secret is not that of the access key: look at secret_key, or ALICLOUD_SECRET_KEY."),
    ("InvalidAccessKeySecret", "Look at secret_key, or ALICLOUD_SECRET_KEY."),
    ("IncompleteSignature", "Look at secret_key, or ALICLOUD_SECRET_KEY."),
    ("InvalidSecurityToken", "The security token is wrong or has expired: get new temporary credentials."),
    ("MissingSecurityToken", "Temporary credentials need their security_token, or SECURITY_TOKEN."),
    ("InvalidTimeStamp", "The clock of this host is wrong."),
    ("Forbidden.RAM", "The RAM user or role needs a policy that allows this."),
    ("NoPermission", "The RAM user or role needs a policy that allows this."),
    ("Forbidden.SubUser", "The RAM user needs a policy that allows this."),
    ("RealNameAuthenticationError", "The account must be verified first, in the console."),
    ("InvalidAccountStatus", "The account is overdrawn or locked: look at it in the console."),
    ("InsufficientBalance", "The account has not enough money."),
    ("Quota", "Delete what is not needed any more, ask for a higher quota, or use another region."),
    ("OperationDenied.NoStock", "Take another instance_type, another zone_id or another region."),
    ("Zone.NotOnSale", "Take another zone_id."),
    ("InvalidInstanceType", "Take another instance_type, or another zone_id."),
    ("InvalidResourceType.NotSupported", "Take another instance_type, or another zone_id."),
    ("InvalidImageName.Duplicated", "Take another image_name, set image_force_delete, or run with -force."),
    ("InvalidRegionId", "Look at region and image_copy_regions."),
    ("InvalidInternetChargeType", "Outside China, only PayByTraffic can be used as internet_charge_type."),
    ("InvalidKeyPairName.Duplicate", "Take another temporary_key_pair_name."),
    ("Throttling", "Too many requests at a time: try later, or with fewer builds at a time (-parallel-builds)."),
)


def hint_of(code: str) -> str:
    return next((hint for prefix, hint in _HINTS if code.startswith(prefix)), "")


def is_temporary(code: str, status: int) -> bool:
    return status >= 500 or status == 429 or code.startswith(TEMPORARY)


_FRESH = ("InvalidVpc", "InvalidVSwitch", "InvalidSecurityGroup", "InvalidInstance", "InvalidAllocation", "InvalidDisk",
          "InvalidSnapshot", "InvalidImageId", "InvalidKeyPair", "InvalidResourceId")  # fmt: skip


def may_be_fresh(code: str) -> bool:
    """Whether the error says that there is no such thing, of a kind that is made here: it may become known soon."""
    return is_missing(code) and code.startswith(_FRESH)


def is_missing(code: str) -> bool:
    """Whether the error says that there is no such thing (any more, or yet)."""
    return code.endswith((".NotFound", ".NotExist")) or "NotFound" in code or code.startswith("InvalidAllocationId")
