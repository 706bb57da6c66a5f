"""The instance profile: what the instance may do in the account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hclimg.builders.aws.settings.profile import PolicyDocument, ProfileConfig
from hclimg.builders.aws.site import Site
from hclimg.clouds.aws import removal
from hclimg.clouds.aws.making import made_once, making, once_known, tag_list
from hclimg.errors import ApiError, BuildError
from hclimg.sdk.mark import run_name
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context

POLICY = "build"
NOT_KNOWN_YET = "Invalid IAM Instance Profile"
"""What EC2 says until it has heard of a profile that was just made."""


def instance_profile(ctx: Context, site: Site, config: ProfileConfig) -> str:
    """The name of the profile of the settings, or of one that is made for the build; empty: none."""
    if config.iam_instance_profile:
        if not config.skip_profile_validation:
            _check(site.aws.service("iam"), config.iam_instance_profile)
        return config.iam_instance_profile
    policy = config.temporary_iam_instance_profile_policy_document
    if policy is None:
        return ""
    iam = site.aws.service("iam")
    name = run_name(ctx.run.id)
    role = temporary_role(ctx, site, iam, name)
    iam.wait("role_exists", f"role {role}", RoleName=role)
    role_policy(ctx, iam, role, policy)
    profile = temporary_profile(ctx, site, iam, name)
    iam.wait("instance_profile_exists", f"instance profile {profile}", InstanceProfileName=profile)
    role_in_profile(ctx, iam, role, profile)
    return profile


def _check(iam: Service, name: str) -> None:
    try:
        iam.call("GetInstanceProfile", InstanceProfileName=name)
    except ApiError as error:
        hint = "If the credentials may use it but not look at it, set skip_profile_validation = true."
        raise BuildError(f'The instance profile "{name}" cannot be used. {error.message}', hint=hint) from error


@step("Creating temporary role", undo="Deleting temporary role")
def temporary_role(ctx: Context, site: Site, iam: Service, name: str) -> Iterator[str]:
    service = "ec2.amazonaws.com.cn" if iam.region.startswith("cn-") else "ec2.amazonaws.com"
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    with making(ctx, iam, "role", name=name) as record:
        made_once(
            lambda: iam.call(
                "CreateRole", RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), Tags=tag_list(site.tags),
                Description="Temporary role of an image build",
            ),
            lambda: iam.call("GetRole", RoleName=name),
        )  # fmt: skip
    record.made(id=name)
    yield name
    removal.delete_role(iam, name)
    record.gone()


@step("Giving the role its policy")
def role_policy(_ctx: Context, iam: Service, role: str, policy: PolicyDocument) -> None:
    """The policy is a part of the role and goes with it."""
    iam.wait("role_exists", f"role {role}", RoleName=role)
    iam.call("PutRolePolicy", RoleName=role, PolicyName=POLICY, PolicyDocument=json.dumps(policy.document()))


@step("Creating temporary instance profile", undo="Deleting temporary instance profile")
def temporary_profile(ctx: Context, site: Site, iam: Service, name: str) -> Iterator[str]:
    with making(ctx, iam, "instance-profile", name=name) as record:
        made_once(
            lambda: iam.call("CreateInstanceProfile", InstanceProfileName=name, Tags=tag_list(site.tags)),
            lambda: iam.call("GetInstanceProfile", InstanceProfileName=name),
        )
    record.made(id=name)
    yield name
    removal.delete_instance_profile(iam, name)
    record.gone()


@step("Putting the role into the profile")
def role_in_profile(ctx: Context, iam: Service, role: str, profile: str) -> None:
    """The role leaves the profile when the profile goes."""
    iam.wait("instance_profile_exists", f"instance profile {profile}", InstanceProfileName=profile)
    names: dict[str, Any] = {"InstanceProfileName": profile, "RoleName": role}
    try:
        once_known(ctx, lambda: iam.call("AddRoleToInstanceProfile", **names), "NoSuchEntity")
    except ApiError as error:
        if not (error.retried and error.code == "LimitExceeded"):  # a profile has one role: it is in already
            raise
