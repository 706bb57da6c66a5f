"""Who may ask: access keys, and the temporary ones that STS gives for a role."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta

from attrs import define, field, frozen

from servers.alicloud_ecs.wire import Json, Parameters, Refusal, invalid
from servers.alicloud_ecs.world import ACCOUNT

ROLE = re.compile(r"acs:ram::(\d{16}):role/([\w.\-/]+)")


@frozen
class AccessKey:
    """``token`` and ``expires`` are those of a temporary one; ``role``: in whose name it acts."""

    id: str
    secret: str
    account: str = ACCOUNT
    token: str = ""
    expires: datetime | None = None
    role: str = ""


@define
class Accounts:
    keys: dict[str, AccessKey] = field(factory=dict)

    def add(self, key: AccessKey) -> AccessKey:
        self.keys[key.id] = key
        return key

    def key(self, identity: str, token: str) -> AccessKey:
        found = self.keys.get(identity)
        if found is None:
            raise Refusal(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        if found.token != token:
            code = "InvalidSecurityToken.MismatchWithAccessKey" if token else "MissingSecurityToken"
            raise Refusal(400, code, "Specified SecurityToken is not that of the AccessKey.")
        if found.expires and found.expires < datetime.now(UTC):
            raise Refusal(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
        return found

    def assume_role(self, given: Parameters, asking: AccessKey) -> Json:
        arn, session = given.need("RoleArn"), given.need("RoleSessionName")
        role = ROLE.fullmatch(arn)
        if not role:
            raise invalid("RoleArn", "InvalidParameter.RoleArn")
        if not re.fullmatch(r"[\w.@\-]{2,64}", session):
            raise invalid("RoleSessionName", "InvalidParameter.RoleSessionName")
        seconds = given.number("DurationSeconds", 3600)
        if not 900 <= seconds <= 43200:
            raise invalid("DurationSeconds", "InvalidParameter.DurationSeconds")
        expires = datetime.now(UTC) + timedelta(seconds=seconds)
        name = f"acs:ram::{role[1]}:assumed-role/{role[2]}/{session}"
        fresh = AccessKey(
            f"STS.{secrets.token_hex(8)}", secrets.token_hex(16), role[1], secrets.token_hex(32), expires, name
        )
        self.add(fresh)
        return {
            "AssumedRoleUser": {"Arn": name, "AssumedRoleId": f"300000000000000000:{session}"},
            "Credentials": {
                "AccessKeyId": fresh.id,
                "AccessKeySecret": fresh.secret,
                "SecurityToken": fresh.token,
                "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
        }

    def caller(self, asking: AccessKey) -> Json:
        arn = asking.role or f"acs:ram::{asking.account}:root"
        return {"AccountId": asking.account, "Arn": arn, "UserId": asking.account, "IdentityType": "Account"}
