"""The keys that requests are signed with: given, taken from an instance's metadata, or those of an assumed role."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from hclimg.errors import ApiError, BuildError
from hclimg.units import Secret

if TYPE_CHECKING:
    from hclimg.clouds.alicloud.login import Login

METADATA = "http://100.100.100.200"
ROLE_SECONDS = 3600
EARLY = 300.0
"""Seconds before their end at which keys are renewed."""

NO_TOKEN = Secret("")
Ask = Callable[[str, Mapping[str, str]], Mapping[str, Any]]
"""Sends an action of STS with parameters; its answer."""


@frozen(kw_only=True)
class Keys:
    """``ends`` is in seconds since the epoch; 0: never."""

    access_key: str
    secret: Secret
    token: Secret = NO_TOKEN
    ends: float = 0.0

    @property
    def ends_soon(self) -> bool:
        return bool(self.ends) and time.time() > self.ends - EARLY


def role_keys(login: Login, ask: Ask) -> Keys:
    """Assume the login's role. Raises ApiError."""
    given = {"RoleArn": login.role, "RoleSessionName": login.session, "DurationSeconds": str(ROLE_SECONDS)}
    return _keys_in(ask("AssumeRole", given).get("Credentials"), f"role {login.role}")


def instance_keys(role: str, metadata: str = METADATA) -> Keys:
    """Those that the metadata service of the instance on which hclimg runs gives for its role. Raises ApiError."""
    import urllib3

    retries = urllib3.Retry(2, backoff_factor=0.2)
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=3, read=10), retries=retries)
    try:
        short = {"X-aliyun-ecs-metadata-token-ttl-seconds": "60"}
        asked = pool.request("PUT", f"{metadata}/latest/api/token", headers=short)
        headers = {"X-aliyun-ecs-metadata-token": asked.data.decode()} if asked.status == 200 else {}
        url = f"{metadata}/latest/meta-data/ram/security-credentials/{role}"
        answer = pool.request("GET", url, headers=headers)
        data = json.loads(answer.data) if answer.status == 200 else {}
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise BuildError(
            "The metadata of the instance cannot be read.",
            hint="ram_role_name is for hclimg on an ECS instance. Elsewhere, use access_key or a profile.",
        ) from error
    if not isinstance(data, dict) or data.get("Code") != "Success":
        raise BuildError(
            f'The instance that hclimg runs on has no RAM role "{role}".', hint="Attach it to the instance."
        )
    return _keys_in(data, f"the instance's role {role}")


def _keys_in(found: object, what: str) -> Keys:
    if not isinstance(found, Mapping) or not found.get("AccessKeyId"):
        raise ApiError(f"Alibaba Cloud gives no credentials for {what}.")
    ends = datetime.strptime(str(found["Expiration"]), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return Keys(
        access_key=str(found["AccessKeyId"]),
        secret=Secret(found["AccessKeySecret"]),
        token=Secret(found["SecurityToken"]),
        ends=ends.timestamp(),
    )
