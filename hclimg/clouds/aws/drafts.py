"""Images that are not finished yet: until they are kept they are temporary, and closing the scope removes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from hclimg.clouds.aws import removal
from hclimg.clouds.aws.client import LONG
from hclimg.sdk.mark import RUN_TAG
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context
    from hclimg.sdk.journal import Record


@define(eq=False)
class Draft:
    """An image that is not finished. Until :meth:`keep` it is temporary, and closing the scope removes it.

    ``spared``: snapshots of the user's own, which the image names for its disks. They do not belong to it.
    """

    id: str
    ec2: Service
    _record: Record
    spared: frozenset[str] = frozenset()
    snapshots: tuple[str, ...] = ()
    kept: bool = field(default=False, init=False)

    @property
    def region(self) -> str:
        return self.ec2.region

    def keep(self) -> None:
        """It is the result: the mark of the run has come off."""
        self.kept = True
        self._record.kept()

    def drop(self) -> None:
        """Remove it, unless it is the result."""
        if not self.kept:
            removal.remove_image(self.ec2, self.id, spared=self.spared)
            self._record.gone()


@step("Waiting for the image")
def wait_for_image(ctx: Context, draft: Draft) -> None:
    """Until it can be used; then its snapshots are known."""
    what = f"image {draft.id} in {draft.region}"
    answer = draft.ec2.wait("image_available", what, usual=LONG, ImageIds=[draft.id])
    disks = (disk.get("Ebs", {}) for disk in answer["Images"][0].get("BlockDeviceMappings", ()))
    found = (str(disk["SnapshotId"]) for disk in disks if disk.get("SnapshotId"))
    draft.snapshots = tuple(snapshot for snapshot in found if snapshot not in draft.spared)
    ctx.say(f"{what.capitalize()} is ready.")


@step("Finishing the image")
def finish(_ctx: Context, draft: Draft) -> None:
    """Take the mark of the run off: from now on this is an image like any other."""
    draft.ec2.call("DeleteTags", Resources=[draft.id, *draft.snapshots], Tags=[{"Key": RUN_TAG}])


def permissions(
    users: Iterable[str], groups: Iterable[str], organizations: Iterable[str], units: Iterable[str]
) -> list[dict[str, Any]]:
    """Parameters of ModifyImageAttribute that let others use an image; nothing when nobody else may."""
    who = [
        *({"UserId": user} for user in users),
        *({"Group": group} for group in groups),
        *({"OrganizationArn": arn} for arn in organizations),
        *({"OrganizationalUnitArn": arn} for arn in units),
    ]
    return [{"LaunchPermission": {"Add": who}}] if who else []
