"""The RAM role with which the service ECS reads the file of an image that is imported, as the console makes it."""

from __future__ import annotations

import json

from hclimg.clouds.alicloud.ecs import Ecs, dig
from hclimg.clouds.alicloud.refusals import is_missing
from hclimg.errors import ApiError
from hclimg.sdk.context import Context
from hclimg.sdk.steps import step

NO_ROLE = "NoSetRoletoECSServiceAc"
"""What the code of the API's refusal begins with (it is misspelt there)."""

ROLE, POLICY, POLICY_TYPE = "AliyunECSImageImportDefaultRole", "AliyunECSImageImportRolePolicy", "System"
TRUST = {
    "Version": "1",
    "Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": ["ecs.aliyuncs.com"]}}],
}


@step("Letting ECS read files of the object storage")
def prepare_import_role(ctx: Context, ecs: Ecs) -> None:
    """Make the account's role for imports, or give it what it lacks. It stays: later imports need it too."""
    trust = json.dumps(TRUST)
    if _exists(ecs):
        ecs.call("UpdateRole", product="Ram", RoleName=ROLE, NewAssumeRolePolicyDocument=trust)
    else:
        ecs.call("CreateRole", product="Ram", RoleName=ROLE, AssumeRolePolicyDocument=trust)
        ctx.say(f"The RAM role {ROLE} was made; it stays in the account.")
    attached = dig(ecs.call("ListPoliciesForRole", product="Ram", RoleName=ROLE), "Policies.Policy") or []
    if not any(policy.get("PolicyName") == POLICY for policy in attached):
        ecs.call("AttachPolicyToRole", product="Ram", RoleName=ROLE, PolicyName=POLICY, PolicyType=POLICY_TYPE)


def _exists(ecs: Ecs) -> bool:
    try:
        ecs.call("GetRole", product="Ram", RoleName=ROLE)
    except ApiError as error:
        if not (is_missing(error.code) or error.code.startswith("EntityNotExist")):
            raise
        return False
    return True
