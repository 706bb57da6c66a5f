"""The settings that say who asks AWS, and where: the same in every component that does.

Knows nothing of how they are used (``client``), so `validate` imports no SDK.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from hclimg.config.fields import Checker, block, config, setting
from hclimg.units import Secret

REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
_ROLE = re.compile(r"arn:[^:]+:iam::[^:]*:role/.+")
_URL = re.compile(r"https?://[^/\s]+[^\s]*")
_MFA = re.compile(r"\d{6}")
SHORTEST_ROLE, LONGEST_ROLE = 900, 43200
"""Seconds that STS allows for a session of a role."""


@config
class AssumeRoleConfig:
    """Takes a role, with the credentials that the other settings give."""

    role_arn: str = setting("The ARN of the role.", example='"arn:aws:iam::123456789012:role/images"')
    duration_seconds: int = setting(
        "How long the credentials of the role are valid; they are renewed when they end.", default=0, default_doc="3600"
    )
    external_id: str = setting("What the role's trust policy asks for.", default="")
    policy: str = setting("A policy in JSON that restricts what the role may do.", default="")
    policy_arns: tuple[str, ...] = setting("Managed policies that restrict what the role may do.", default=())
    session_name: str = setting("The name of the session in AWS's logs.", default="", default_doc="`hclimg`")
    tags: dict[str, str] = setting("Tags of the session.", factory=dict)
    transitive_tag_keys: tuple[str, ...] = setting("Which tags further roles inherit.", default=())

    def check(self, problems: Checker) -> None:
        if problems.is_known("role_arn") and not _ROLE.fullmatch(self.role_arn):
            detail = f'"{self.role_arn}" is not the ARN of a role, such as arn:aws:iam::123456789012:role/images.'
            problems.error("Invalid ARN", detail, "role_arn")
        if self.duration_seconds and not SHORTEST_ROLE <= self.duration_seconds <= LONGEST_ROLE:
            detail = f"AWS allows {SHORTEST_ROLE} to {LONGEST_ROLE} seconds."
            problems.error("Invalid duration", detail, "duration_seconds")
        unknown = [key for key in self.transitive_tag_keys if key not in self.tags]
        if unknown and problems.is_known("tags"):
            detail = f"There is no session tag {', '.join(unknown)}."
            problems.error("Unknown tag", detail, "transitive_tag_keys", "tags")


@config
class VaultAwsConfig:
    """Takes temporary credentials from Vault's AWS secrets engine; see `VAULT_ADDR`, `VAULT_TOKEN`."""

    name: str = setting("The role in Vault.")
    role_arn: str = setting("The role to assume, when the role in Vault has several.", default="")
    ttl: str = setting("How long the credentials are valid, such as `30m`.", default="", default_doc="Vault's")
    engine_name: str = setting("Where the secrets engine is mounted.", default="aws")


@config
class PollingConfig:
    """How long to wait for AWS to finish something."""

    max_attempts: int = setting(
        "How often to ask.", default=0, default_doc="`AWS_MAX_ATTEMPTS`, or as long as such things take"
    )
    delay_seconds: int = setting(
        "How long to wait in between.", default=0, default_doc="`AWS_POLL_DELAY_SECONDS`, or 1 growing to 15"
    )

    def check(self, problems: Checker) -> None:
        for name in ("max_attempts", "delay_seconds"):
            if getattr(self, name) < 0:
                problems.error("Invalid number", f'"{name}" must not be negative.', name)


@config
class AwsAccess:
    """Who asks AWS, and where.

    Credentials come from, in this order: `vault_aws_engine`; `access_key` and `secret_key`; `profile`; the environment
    (`AWS_ACCESS_KEY_ID`, …); the shared files of AWS's own tools (profile `AWS_PROFILE` or `default`, with its roles,
    SSO and processes); the container's or the instance's role. `assume_role` then takes a role with them.
    """

    access_key: Secret = setting("The access key's id.", default=Secret(""), default_doc="`AWS_ACCESS_KEY_ID`")
    secret_key: Secret = setting("The access key's secret.", default=Secret(""), default_doc="`AWS_SECRET_ACCESS_KEY`")
    token: Secret = setting(
        "The session token of temporary credentials.", default=Secret(""), default_doc="`AWS_SESSION_TOKEN`"
    )
    profile: str = setting("A profile of the shared files.", default="", default_doc="`AWS_PROFILE`")
    shared_credentials_file: str = setting(
        "The file with credentials.", default="", default_doc="`AWS_SHARED_CREDENTIALS_FILE`, or ~/.aws/credentials"
    )
    region: str = setting(
        "The region to work in.",
        default="",
        default_doc="`AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's or the instance's",
        example='"eu-central-1"',
    )
    assume_role: AssumeRoleConfig | None = block("Takes a role.", default=None)
    vault_aws_engine: VaultAwsConfig | None = block("Takes temporary credentials from Vault.", default=None)
    aws_polling: PollingConfig = block("How long to wait for AWS to finish something.", default=PollingConfig())
    custom_endpoint_ec2: str = setting(
        "The URL of the EC2 API, when it is not Amazon's.", default="", example='"https://ec2.example.org"'
    )
    decode_authorization_messages: bool = setting(
        "Whether to have AWS decode why something is not allowed; needs `sts:DecodeAuthorizationMessage`.",
        default=False,
    )
    insecure_skip_tls_verify: bool = setting("Whether to accept any certificate of the API.", default=False)
    max_retries: int = setting("How often to try again what AWS throttles or fails at.", default=0, default_doc="7")
    mfa_code: Secret = setting(
        "The code of an MFA device, for a profile whose role asks for one; asked for at the terminal when needed.",
        default=Secret(""),
    )
    skip_metadata_api_check: bool = setting(
        "Whether not to ask the instance metadata for credentials and region.", default=False
    )
    skip_credential_validation: bool = setting(
        "Whether to find out only with the first request that needs them whether the credentials are valid. Without "
        "it, STS is asked first who they belong to, unless `custom_endpoint_ec2` is set.",
        default=False,
    )

    def check(self, problems: Checker) -> None:
        self._check_keys(problems)
        self._check_sources(problems)
        if self.custom_endpoint_ec2 and not _URL.fullmatch(self.custom_endpoint_ec2):
            detail = f'"{self.custom_endpoint_ec2}" is not a URL of the form http://… or https://….'
            problems.error("Invalid URL", detail, "custom_endpoint_ec2")
        if self.shared_credentials_file:
            problems.file_exists("shared_credentials_file", str(Path(self.shared_credentials_file).expanduser()))
        if self.max_retries < 0:
            problems.error("Invalid number", '"max_retries" must not be negative.', "max_retries")
        if self.mfa_code.reveal() and not _MFA.fullmatch(self.mfa_code.reveal()):
            problems.error("Invalid MFA code", "A code has six digits.", "mfa_code")

    def _check_keys(self, problems: Checker) -> None:
        given = {name: bool(getattr(self, name).reveal()) for name in ("access_key", "secret_key", "token")}
        if not problems.is_known(*given):
            return
        if given["access_key"] != given["secret_key"]:
            have, lack = ("access_key", "secret_key")[:: 1 if given["access_key"] else -1]
            problems.error("Incomplete credentials", f'"{have}" is of no use without "{lack}".', have, lack)
        elif given["token"] and not given["access_key"]:
            detail = '"token" belongs to an "access_key" and a "secret_key", which are not given.'
            problems.error("Incomplete credentials", detail, "token")

    def _check_sources(self, problems: Checker) -> None:
        keys = bool(self.access_key.reveal())
        others = {"profile": self.profile, "shared_credentials_file": self.shared_credentials_file}
        if self.vault_aws_engine is not None:
            names = [name for name in ("access_key", "profile", "shared_credentials_file") if getattr(self, name)]
            for name in names:
                detail = f'The credentials come from Vault; "{name}" contradicts that.'
                problems.error("Contradicting credentials", detail, name)
        elif keys:
            for name in (name for name, value in others.items() if value):
                detail = f'"access_key" and "secret_key" win; "{name}" only tells the region.'
                problems.warn("Credentials given twice", detail, name)
        if self.mfa_code.reveal() and (keys or self.vault_aws_engine is not None):
            detail = "Only a profile whose role asks for an MFA device needs a code; no profile gives credentials here."
            problems.error("MFA code without use", detail, "mfa_code")


def check_region(problems: Checker, access: AwsAccess, region: str, name: str) -> None:
    """Report a region that cannot be one of AWS's, unless the endpoint is another's; ``name`` is the setting."""
    if region and not access.custom_endpoint_ec2 and not REGION.fullmatch(region):
        detail = f'"{region}" does not look like a region of AWS, such as eu-central-1.'
        problems.error("Unknown region", detail, name, "custom_endpoint_ec2")


def polling(given: PollingConfig, environ: Mapping[str, str]) -> tuple[int, timedelta]:
    """How often to ask and how long to wait in between; 0 where neither the settings nor the environment say."""
    attempts = given.max_attempts or _number(environ.get("AWS_MAX_ATTEMPTS", ""))
    delay = given.delay_seconds or _number(environ.get("AWS_POLL_DELAY_SECONDS", ""))
    return attempts, timedelta(seconds=delay)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
