"""Removes what dead runs left in AWS.

Kinds in the journal (``aws/…``), and what their identity has besides :attr:`hclimg.clouds.aws.client.Aws.identity`
(whose region is the one that the thing is in):

    instance, volume, snapshot, spot-request, fleet           id
    image                                                     id; spared (snapshots that are not its own)
    security-group, launch-template                           id
    key-pair, role, instance-profile                          name
    role-policy                                               role, name
    import-task                                               id
    object                                                    bucket, key

What has no id is found by its mark: the tag ``hclimg:run``, or for what has no tags the name. An image, a snapshot and
a volume may be a result: such a one without the mark is finished, and stays whatever the journal says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from hclimg.clouds.aws import removal
from hclimg.clouds.aws.client import Service, reconnect
from hclimg.clouds.aws.refusals import is_missing
from hclimg.errors import ApiError, CleanupError
from hclimg.sdk.mark import RUN_TAG, is_named_after
from hclimg.sdk.remover import Left, Remover


class Listing(NamedTuple):
    """How things of a kind are looked for, and removed by id."""

    operation: str
    key: str
    id: str
    remove: Callable[[Service, str], None]
    may_be_result: bool = False


LISTINGS = {
    "instance": Listing("DescribeInstances", "Reservations", "InstanceId", removal.terminate_instance),
    "volume": Listing("DescribeVolumes", "Volumes", "VolumeId", removal.delete_volume, True),
    "snapshot": Listing("DescribeSnapshots", "Snapshots", "SnapshotId", removal.delete_snapshot, True),
    "image": Listing("DescribeImages", "Images", "ImageId", removal.remove_image, True),
    "spot-request": Listing(
        "DescribeSpotInstanceRequests", "SpotInstanceRequests", "SpotInstanceRequestId", removal.cancel_spot_request
    ),
    "fleet": Listing("DescribeFleets", "Fleets", "FleetId", removal.delete_fleet),
    "security-group": Listing("DescribeSecurityGroups", "SecurityGroups", "GroupId", removal.delete_security_group),
    "launch-template": Listing(
        "DescribeLaunchTemplates", "LaunchTemplates", "LaunchTemplateId", removal.delete_launch_template
    ),
    "import-task": Listing("DescribeImportImageTasks", "ImportImageTasks", "ImportTaskId", removal.cancel_import),
}


class AwsRemover(Remover):
    def remove(self, left: Left) -> None:
        aws = reconnect(self.ctx, left.identity)
        if left.thing in LISTINGS:
            self._remove_listed(aws.service("ec2"), LISTINGS[left.thing], left)
        elif left.thing == "key-pair":
            self._remove_key_pair(aws.service("ec2"), left)
        elif left.thing in ("role", "role-policy", "instance-profile"):
            _remove_from_iam(aws.service("iam"), left)
        elif left.thing == "object":
            bucket, key = left.identity.get("bucket", ""), left.identity.get("key", "")
            removal.delete_own_object(aws.service("s3"), bucket, key, left.run)
        else:
            raise CleanupError(f'nothing here knows how to remove a "{left.kind}"')

    def _remove_listed(self, ec2: Service, listing: Listing, left: Left) -> None:
        marked = [found[listing.id] for found in _marked(ec2, listing, left.run)]
        spared = left.identity.get("spared", "").split()
        remove = partial(removal.remove_image, spared=spared) if spared else listing.remove
        if not left.id:
            for found in marked:
                remove(ec2, found)
        elif left.id in marked or not listing.may_be_result:
            remove(ec2, left.id)
        elif _found(ec2, listing, [{"Name": f"{left.thing}-id", "Values": [left.id]}]):
            self.ctx.finished(left)

    def _remove_key_pair(self, ec2: Service, left: Left) -> None:
        name = left.identity.get("name", "")
        try:
            found = ec2.call("DescribeKeyPairs", KeyNames=[name])["KeyPairs"]
        except ApiError as error:
            if is_missing(error):
                return
            raise
        if left.made or is_named_after(name, left.run) or any(_has_mark(item, left.run) for item in found):
            removal.delete_key_pair(ec2, name)


def _marked(ec2: Service, listing: Listing, run: str) -> list[Any]:
    """All things of a kind with the mark of the run."""
    found = _found(ec2, listing, [{"Name": f"tag:{RUN_TAG}", "Values": [run]}])
    return [item for item in found if _has_mark(item, run)]


def _found(ec2: Service, listing: Listing, filters: list[dict[str, Any]]) -> list[Any]:
    """What is there of a kind."""
    about: dict[str, Any] = {"Filters": filters}
    if listing.operation in ("DescribeFleets", "DescribeImportImageTasks"):  # they can filter by the state only
        about = {}
    if listing.operation in ("DescribeImages", "DescribeSnapshots"):
        about["Owners" if listing.operation == "DescribeImages" else "OwnerIds"] = ["self"]
    found = ec2.pages(listing.operation, listing.key, **about)
    if listing.operation == "DescribeInstances":
        return [item for group in found for item in group["Instances"] if item["State"]["Name"] != "terminated"]
    return list(found)


def _has_mark(thing: Mapping[str, Any], run: str) -> bool:
    return any(tag["Key"] == RUN_TAG and tag["Value"] == run for tag in thing.get("Tags", ()))


def _remove_from_iam(iam: Service, left: Left) -> None:
    name, role = left.identity.get("name", ""), left.identity.get("role", "")
    if not (left.made or is_named_after(role or name, left.run)):
        return
    match left.thing:
        case "role":
            removal.delete_role(iam, name)
        case "role-policy":
            removal.delete_role_policy(iam, role, name)
        case "instance-profile":
            removal.delete_instance_profile(iam, name)
