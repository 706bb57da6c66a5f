"""Who may use an image, and what else EC2 keeps of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hclimg.builders.aws.settings.ami import AmiConfig, SnapshotConfig
from hclimg.clouds.aws.drafts import Draft, permissions
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.sdk.context import Context


@step("Setting the attributes of the image")
def set_attributes(_ctx: Context, draft: Draft, ami: AmiConfig) -> None:
    for change in changes(ami):
        draft.ec2.call("ModifyImageAttribute", ImageId=draft.id, **change)
    change = snapshot_change(ami.snapshots)
    for snapshot in draft.snapshots if change else ():
        draft.ec2.call("ModifySnapshotAttribute", SnapshotId=snapshot, **change)


def changes(ami: AmiConfig) -> list[dict[str, Any]]:
    """Parameters of ModifyImageAttribute, which changes one attribute at a time."""
    found = permissions(ami.ami_users, ami.ami_groups, ami.ami_org_arns, ami.ami_ou_arns)
    if ami.ami_product_codes:
        found.append({"Attribute": "productCodes", "ProductCodes": list(ami.ami_product_codes)})
    if ami.imds_support:
        found.append({"ImdsSupport": {"Value": ami.imds_support}})
    return found


def snapshot_change(snapshots: SnapshotConfig) -> dict[str, Any]:
    """Parameters of ModifySnapshotAttribute; empty: nothing to change."""
    who = {"UserIds": list(snapshots.snapshot_users), "GroupNames": list(snapshots.snapshot_groups)}
    given = {name: value for name, value in who.items() if value}
    if not given:
        return {}
    return {"Attribute": "createVolumePermission", "OperationType": "add", **given}
