"""Removing things of AWS: one function for each. What is gone already is fine; what is in use is waited for.

Used by the steps that undo what they made, by removers and by `hclimg destroy`. All raise ApiError when AWS refuses and
TimedOut when something else keeps using the thing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from hclimg.clouds.aws.client import Service
from hclimg.clouds.aws.refusals import is_in_use, is_missing
from hclimg.errors import ApiError

OBJECT_MARK = "hclimg-run"
"""The metadata of an object in S3 that has the run; an object's tags need another permission."""
NO_FLEET = ("fleetIdDoesNotExist", "fleetNotInDeletableState")


def terminate_instance(ec2: Service, instance: str) -> None:
    """Terminate an instance and wait until it no longer holds its disks, groups and addresses."""
    if _done(lambda: ec2.call("TerminateInstances", InstanceIds=[instance])):
        _done(lambda: ec2.wait("instance_terminated", f"instance {instance} to end", InstanceIds=[instance]))


def delete_key_pair(ec2: Service, name: str) -> None:
    _done(lambda: ec2.call("DeleteKeyPair", KeyName=name))


def delete_security_group(ec2: Service, group: str) -> None:
    _when_unused(ec2, f"security group {group}", lambda: ec2.call("DeleteSecurityGroup", GroupId=group))


def delete_volume(ec2: Service, volume: str) -> None:
    _when_unused(ec2, f"volume {volume}", lambda: ec2.call("DeleteVolume", VolumeId=volume))


def delete_snapshot(ec2: Service, snapshot: str) -> None:
    _when_unused(ec2, f"snapshot {snapshot}", lambda: ec2.call("DeleteSnapshot", SnapshotId=snapshot))


def delete_launch_template(ec2: Service, template: str) -> None:
    _done(lambda: ec2.call("DeleteLaunchTemplate", LaunchTemplateId=template))


def delete_fleet(ec2: Service, fleet: str) -> None:
    """Delete a fleet with its instances. Raises ApiError also for what the answer hides in a list."""
    answer = _done(lambda: ec2.call("DeleteFleets", FleetIds=[fleet], TerminateInstances=True)) or {}
    for refused in answer.get("UnsuccessfulFleetDeletions", ()):
        error = refused.get("Error", {})
        if error.get("Code") not in NO_FLEET:
            text = f"AWS does not delete {fleet}: {error.get('Code')}: {error.get('Message')}"
            raise ApiError(text, code=str(error.get("Code", "")))


def cancel_spot_request(ec2: Service, request: str) -> None:
    """Cancel a request for a spot instance, and terminate the instance that it may have got until then."""
    before = _instances_of(ec2, request)
    _done(lambda: ec2.call("CancelSpotInstanceRequests", SpotInstanceRequestIds=[request]))
    for instance in before | _instances_of(ec2, request):
        terminate_instance(ec2, instance)


def _instances_of(ec2: Service, request: str) -> set[str]:
    answer = _done(lambda: ec2.call("DescribeSpotInstanceRequests", SpotInstanceRequestIds=[request])) or {}
    return {item["InstanceId"] for item in answer.get("SpotInstanceRequests", ()) if item.get("InstanceId")}


def deregister_image(ec2: Service, image: str) -> None:
    """Its snapshots stay."""
    _done(lambda: ec2.call("DeregisterImage", ImageId=image))


def remove_image(ec2: Service, image: str, *, spared: Collection[str] = ()) -> None:
    """Deregister an image, then delete its snapshots but for some: also those of an image that is still being made."""
    snapshots = snapshots_of(ec2, image)
    deregister_image(ec2, image)
    for snapshot in (snapshots | snapshots_of(ec2, image)).difference(spared):
        delete_snapshot(ec2, snapshot)


def snapshots_of(ec2: Service, image: str) -> set[str]:
    """The snapshots of an image: those that it lists, and those that AWS says it makes for it."""
    answer = _done(lambda: ec2.call("DescribeImages", ImageIds=[image])) or {"Images": []}
    disks = [disk for found in answer["Images"] for disk in found.get("BlockDeviceMappings", ())]
    listed = {disk["Ebs"]["SnapshotId"] for disk in disks if disk.get("Ebs", {}).get("SnapshotId")}
    texts = [f"Created by CreateImage(*) for {image}*", f"*DestinationAmi {image} *"]
    about = [{"Name": "description", "Values": texts}]
    made = ec2.pages("DescribeSnapshots", "Snapshots", OwnerIds=["self"], Filters=about)
    return listed | {snapshot["SnapshotId"] for snapshot in made}


def delete_role(iam: Service, role: str) -> None:
    """Delete a role of IAM with its inline policies, detached from whatever it is attached to."""
    policies = _done(lambda: iam.pages("ListRolePolicies", "PolicyNames", RoleName=role))
    if policies is None:
        return
    for policy in policies:
        delete_role_policy(iam, role, policy)
    for attached in iam.pages("ListAttachedRolePolicies", "AttachedPolicies", RoleName=role):
        _done(partial(iam.call, "DetachRolePolicy", RoleName=role, PolicyArn=attached["PolicyArn"]))
    for profile in iam.pages("ListInstanceProfilesForRole", "InstanceProfiles", RoleName=role):
        _take_from_profile(iam, profile["InstanceProfileName"], role)
    _when_unused(iam, f"role {role}", lambda: iam.call("DeleteRole", RoleName=role))


def delete_role_policy(iam: Service, role: str, policy: str) -> None:
    _done(lambda: iam.call("DeleteRolePolicy", RoleName=role, PolicyName=policy))


def delete_instance_profile(iam: Service, profile: str) -> None:
    answer = _done(lambda: iam.call("GetInstanceProfile", InstanceProfileName=profile))
    if answer is None:
        return
    for role in answer["InstanceProfile"].get("Roles", ()):
        _take_from_profile(iam, profile, role["RoleName"])
    what = f"instance profile {profile}"
    _when_unused(iam, what, lambda: iam.call("DeleteInstanceProfile", InstanceProfileName=profile))


def _take_from_profile(iam: Service, profile: str, role: str) -> None:
    _done(lambda: iam.call("RemoveRoleFromInstanceProfile", InstanceProfileName=profile, RoleName=role))


def cancel_import(ec2: Service, task: str) -> None:
    """End the import of an image; an image that it has made already is removed."""
    answer = _done(lambda: ec2.call("DescribeImportImageTasks", ImportTaskIds=[task])) or {"ImportImageTasks": []}
    for found in answer["ImportImageTasks"]:
        if found.get("Status") == "completed" and found.get("ImageId"):
            remove_image(ec2, found["ImageId"])
        elif found.get("Status") not in ("completed", "deleted", "deleting"):
            _done(lambda: ec2.call("CancelImportTask", ImportTaskId=task))


def delete_own_object(s3: Service, bucket: str, key: str, run: str) -> None:
    """An object of a run, or the parts of one; one that somebody else has put there stays."""
    try:
        owner = s3.call("HeadObject", Bucket=bucket, Key=key)["Metadata"].get(OBJECT_MARK)
    except ApiError as error:
        if not is_missing(error):
            raise
        owner = run
    delete_object(s3, bucket, key, parts_only=owner != run)


def delete_object(s3: Service, bucket: str, key: str, *, parts_only: bool = False) -> None:
    """Delete an object, and the parts of one that were uploaded but never put together."""
    uploads = _done(lambda: s3.pages("ListMultipartUploads", "Uploads", Bucket=bucket, Prefix=key))
    if uploads is None:
        return
    for upload in uploads:
        if upload["Key"] == key:
            _done(partial(s3.call, "AbortMultipartUpload", Bucket=bucket, Key=key, UploadId=upload["UploadId"]))
    if not parts_only:
        _done(lambda: s3.call("DeleteObject", Bucket=bucket, Key=key))


def _done(call: Callable[[], Any]) -> Any:
    """What the call gives; None when the thing is gone already."""
    try:
        return call()
    except ApiError as error:
        if is_missing(error):
            return None
        raise


def _when_unused(service: Service, what: str, remove: Callable[[], Any]) -> None:
    def look() -> bool | None:
        try:
            remove()
        except ApiError as error:
            if is_in_use(error):
                return None
            if not is_missing(error):
                raise
        return True

    service.wait_until(look, f"whatever uses {what} to end")
