"""RAM: the roles of the account, as far as importing images needs one."""

from __future__ import annotations

from servers.alicloud_ecs.scene import Scene, action
from servers.alicloud_ecs.wire import Json, Refusal


def _known(scene: Scene) -> str:
    name = scene.given.need("RoleName")
    if name not in scene.world.roles:
        raise Refusal(404, "EntityNotExist.Role", f"The role not exists: {name}.")
    return name


@action("GetRole", "UpdateRole")
def get_role(scene: Scene) -> Json:
    return {"Role": {"RoleName": _known(scene)}}


@action("CreateRole")
def create_role(scene: Scene) -> Json:
    name = scene.given.need("RoleName")
    if name in scene.world.roles:
        raise Refusal(409, "EntityAlreadyExists.Role", f"The role already exists: {name}.")
    scene.world.roles[name] = []
    return {"Role": {"RoleName": name}}


@action("ListPoliciesForRole")
def list_policies_for_role(scene: Scene) -> Json:
    rows = [{"PolicyName": name, "PolicyType": "System"} for name in scene.world.roles[_known(scene)]]
    return {"Policies": {"Policy": rows}}


@action("AttachPolicyToRole")
def attach_policy_to_role(scene: Scene) -> Json:
    role, policy = _known(scene), scene.given.need("PolicyName")
    if policy in scene.world.roles[role]:
        raise Refusal(409, "EntityAlreadyExists.Role.Policy", "The policy is attached already.")
    scene.world.roles[role].append(policy)
    return {}
