"""The settings that say who asks Alibaba Cloud, and where: the same in every component that does.

Knows nothing of how they are used (``client``), so `validate` imports no SDK.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from hclimg.clouds.alicloud.login import AccessProblem, Login, find_login, find_region
from hclimg.clouds.alicloud.regions import region_problem
from hclimg.config.fields import Checker, config, setting
from hclimg.errors import BuildError
from hclimg.units import Secret

_ROLE = re.compile(r"acs:ram::\d+:role/.+")
_HOST = re.compile(r"(https?://)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:\d+)?/?")
_SESSION = re.compile(r"[A-Za-z0-9.@_-]{2,64}")
ENDPOINT_VARIABLE = "ALICLOUD_ECS_ENDPOINT"


@config
class AlicloudAccess:
    """Who asks Alibaba Cloud, and where.

    Credentials come from, in this order: `access_key` and `secret_key`; `profile`; `ram_role_name`; the environment
    (`ALICLOUD_ACCESS_KEY` and `ALICLOUD_SECRET_KEY`, or `ALICLOUD_PROFILE`). `ram_role_arn` takes a role with them.
    """

    access_key: Secret = setting("The access key's id.", default=Secret(""), default_doc="`ALICLOUD_ACCESS_KEY`")
    secret_key: Secret = setting("The access key's secret.", default=Secret(""), default_doc="`ALICLOUD_SECRET_KEY`")
    security_token: Secret = setting(
        "The security token of temporary credentials from STS.", default=Secret(""), default_doc="`SECURITY_TOKEN`"
    )
    region: str = setting(
        "The region to work in.",
        default="",
        default_doc="`ALICLOUD_REGION`, or the profile's",
        example='"eu-central-1"',
    )
    profile: str = setting("A profile of the aliyun CLI.", default="", default_doc="`ALICLOUD_PROFILE`")
    shared_credentials_file: str = setting(
        "The file with the profiles.",
        default="",
        default_doc="`ALICLOUD_SHARED_CREDENTIALS_FILE`, or ~/.aliyun/config.json",
    )
    ram_role_name: str = setting(
        "The RAM role of the ECS instance that hclimg runs on: takes credentials from its metadata.", default=""
    )
    ram_role_arn: str = setting(
        "A RAM role to assume with the credentials, by STS.",
        default="",
        example='"acs:ram::1234567890123456:role/images"',
    )
    ram_session_name: str = setting(
        "The name of the role's session in Alibaba Cloud's logs.", default="", default_doc="`hclimg`"
    )
    skip_region_validation: bool = setting("Whether not to check that the regions exist.", default=False)
    custom_endpoint_ecs: str = setting(
        "Where the ECS API is, for a cloud that has the same one. Without `http://` it is HTTPS, except on this host.",
        default="",
        default_doc=f"`{ENDPOINT_VARIABLE}`, or the region's",
    )

    def check(self, problems: Checker) -> None:
        self._check_form(problems)
        self._check_login(problems)
        self._check_region(problems)

    def _check_form(self, problems: Checker) -> None:
        if self.ram_role_arn and not _ROLE.fullmatch(self.ram_role_arn):
            detail = f'"{self.ram_role_arn}" is not the ARN of a role, such as acs:ram::1234567890123456:role/images.'
            problems.error("Invalid ARN", detail, "ram_role_arn")
        if self.ram_session_name and not _SESSION.fullmatch(self.ram_session_name):
            detail = "The name of a session has 2 to 64 letters, digits and the characters . @ _ -"
            problems.error("Invalid name", detail, "ram_session_name")
        if self.custom_endpoint_ecs and not _HOST.fullmatch(self.custom_endpoint_ecs):
            detail = f'"{self.custom_endpoint_ecs}" is not the name of a host, or http://… or https://… with one.'
            problems.error("Invalid endpoint", detail, "custom_endpoint_ecs")

    def _check_login(self, problems: Checker) -> None:
        names = ("access_key", "secret_key", "security_token", "profile", "shared_credentials_file", "ram_role_name")
        if not problems.is_known(*names):
            return
        if self.ram_role_name and (self.access_key.reveal() or self.profile):
            detail = '"ram_role_name" takes the credentials of the instance that hclimg runs on; leave the others out.'
            problems.error("Conflicting arguments", detail, "ram_role_name", "access_key", "profile")
            return
        try:
            find_login(self, os.environ)
        except AccessProblem as problem:
            problems.error(problem.summary, problem.detail, *problem.names)

    def _check_region(self, problems: Checker) -> None:
        if not problems.is_known("region", "profile", "shared_credentials_file"):
            return
        try:
            region = find_region(self, os.environ)
        except AccessProblem:
            return  # told by the check of the credentials
        if not region:
            detail = 'Set "region", or the environment variable ALICLOUD_REGION.'
            problems.error("Missing required argument", detail, "region")
        else:
            self.check_region(problems, region, "region")

    def check_region(self, problems: Checker, region: str, name: str) -> None:
        """Report a region that certainly does not exist, at the setting ``name``."""
        if self.skip_region_validation or self.endpoint:
            return
        if problem := region_problem(region):
            problems.error("Unknown region", problem, name)

    @property
    def endpoint(self) -> str:
        """Where the API is, when it is not where the region says."""
        return self.custom_endpoint_ecs or os.environ.get(ENDPOINT_VARIABLE, "")

    @property
    def identity(self) -> dict[str, str]:
        """What the journal and an artifact keep of this, to come back later: no secrets."""
        file = self.shared_credentials_file
        kept = {
            "endpoint": self.endpoint, "profile": self.profile,
            "credentials_file": str(Path(file).expanduser().absolute()) if file else "",
            "instance_role": self.ram_role_name, "role": self.ram_role_arn,
        }  # fmt: skip
        return {name: value for name, value in kept.items() if value}

    def login(self) -> Login:
        """Raises BuildError when there are no credentials."""
        try:
            return find_login(self, os.environ)
        except AccessProblem as problem:
            raise BuildError(f"{problem.summary}: {problem.detail}") from problem

    def where(self) -> str:
        """The region. Raises BuildError when none is set."""
        try:
            region = find_region(self, os.environ)
        except AccessProblem as problem:
            raise BuildError(f"{problem.summary}: {problem.detail}") from problem
        if not region:
            raise BuildError("There is no region.", hint="Set region, or the environment variable ALICLOUD_REGION.")
        return region


def access_of(identity: dict[str, str]) -> AlicloudAccess:
    """The settings that :attr:`AlicloudAccess.identity` was made of; the credentials are those of the environment."""
    return AlicloudAccess(
        region=identity.get("region", ""),
        profile=identity.get("profile", ""),
        shared_credentials_file=identity.get("credentials_file", ""),
        ram_role_name=identity.get("instance_role", ""),
        ram_role_arn=identity.get("role", ""),
        custom_endpoint_ecs=identity.get("endpoint", ""),
    )
