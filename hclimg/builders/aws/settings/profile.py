"""What the instance may do in the account."""

from __future__ import annotations

from typing import Any

from hclimg.config.fields import Checker, block, config, setting


@config
class PolicyStatement:
    """A statement of a policy of IAM."""

    Effect: str = setting("Whether it allows or denies.", choices=("Allow", "Deny"))
    Action: tuple[str, ...] = setting("The actions.", example='["ssm:*"]')
    Resource: tuple[str, ...] = setting("The resources.", example='["*"]')


@config
class PolicyDocument:
    """A policy of IAM."""

    Version: str = setting("The version of the policy language.", default="2012-10-17")
    Statement: tuple[PolicyStatement, ...] = block("A statement.", many=True, default=())

    def check(self, problems: Checker) -> None:
        if not self.Statement and problems.is_known("Statement"):
            problems.error("Missing required block", "A policy has at least one Statement block.", "Statement")

    def document(self) -> dict[str, Any]:
        """The policy as IAM reads it."""
        statements = [
            {"Effect": one.Effect, "Action": list(one.Action), "Resource": list(one.Resource)} for one in self.Statement
        ]
        return {"Version": self.Version, "Statement": statements}


@config
class ProfileConfig:
    """What the instance may do in the account."""

    iam_instance_profile: str = setting("The name of an instance profile.", default="")
    temporary_iam_instance_profile_policy_document: PolicyDocument | None = block(
        "A policy for an instance profile that is made for the build; needs IAM permissions.", default=None
    )
    skip_profile_validation: bool = setting(
        "Whether iam_instance_profile is taken as it is, without looking whether there is one.", default=False
    )

    @property
    def wanted(self) -> bool:
        return bool(self.iam_instance_profile or self.temporary_iam_instance_profile_policy_document)

    def check(self, problems: Checker) -> None:
        policy = "temporary_iam_instance_profile_policy_document"
        if self.iam_instance_profile and self.temporary_iam_instance_profile_policy_document:
            detail = f'"{policy}" has no effect: "iam_instance_profile" names a profile.'
            problems.warn("Argument without effect", detail, policy)
