"""How keys of AWS KMS are named."""

from __future__ import annotations

import re

_KEY = r"(mrk-)?[a-f0-9]+[a-f0-9-]+"
_ALIAS = r"alias/[a-zA-Z0-9:/_-]+"
_ARN = r"arn:aws(-cn|-us-gov)?:kms:([a-z]{2}-([a-z]+-)+\d)?:(\d{12}):"
_NAME = re.compile(rf"{_KEY}|{_ALIAS}|{_ARN}(key/{_KEY}|{_ALIAS})")


def is_kms_key(text: str) -> bool:
    """Whether this can name a key: an id, ``alias/NAME``, or the ARN of either."""
    return bool(_NAME.fullmatch(text))
