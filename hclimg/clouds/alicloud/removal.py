"""How each kind of thing is found by the mark of the run that made it, and how it is removed.

The undo of a step and ``hclimg cleanup`` remove by the same functions. Each waits while something else still uses the
thing, and takes it well when the thing is gone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from attrs import frozen

from hclimg.clouds.alicloud.ecs import Ecs
from hclimg.clouds.alicloud.images import images, remove_image, remove_snapshot
from hclimg.errors import HclimgError
from hclimg.sdk.mark import RUN_TAG

LONGEST_TAG, LONGEST_DESCRIPTION = 128, 256
LONG = 1800.0  # seconds
BUILD_TAG = "hclimg:build"
"""The build of the run that made a thing: the others may still need theirs."""

Look = Callable[[Ecs, str, Mapping[str, str]], list[str]]
Delete = Callable[[Ecs, str, Mapping[str, str]], None]


@frozen(kw_only=True)
class Thing:
    """``look``: the ids of what a run made, from the identity in its journal. ``delete``: by id and identity.

    ``in_parts``: it is made by several requests, so that something may be there although one was refused.
    """

    look: Look
    delete: Delete
    in_parts: bool = False

    def find(self, ecs: Ecs, run: str, identity: Mapping[str, str]) -> list[str]:
        """The ids, also of what was made so recently that it is not listed everywhere yet."""
        return list(ecs.found(lambda: self.look(ecs, run, identity)))

    def remove(self, ecs: Ecs, identifier: str, identity: Mapping[str, str]) -> None:
        """Delete it. Raises HclimgError, and what it uses is then not waited for any more."""
        try:
            self.delete(ecs, identifier, identity)
        except HclimgError:
            ecs.session.something_stays = True
            raise


def mark(run: str, build: str) -> dict[str, str]:
    """The tags of what a build of a run makes."""
    return {RUN_TAG: run, BUILD_TAG: build[:LONGEST_TAG]}


def marked(run: str, build: str, tags: Mapping[str, str] | None = None) -> list[dict[str, str]]:
    """The parameter Tag of what a build of a run makes, or of a list of that."""
    return [{"Key": key, "Value": value} for key, value in {**(tags or {}), **mark(run, build)}.items()]


def described(run: str, build: str) -> str:
    """The description of what can carry no tags."""
    return f"{RUN_TAG}={run} {BUILD_TAG}={build}"[:LONGEST_DESCRIPTION]


# -- finding ----------------------------------------------------------------------------


def _tagged(action: str, path: str, key: str) -> Look:
    def look(ecs: Ecs, run: str, identity: Mapping[str, str]) -> list[str]:
        return [str(row[key]) for row in ecs.list(action, path, Tag=marked(run, identity["build"]))]

    return look


def _described(action: str, path: str, key: str) -> Look:
    def look(ecs: Ecs, run: str, identity: Mapping[str, str]) -> list[str]:
        rows = ecs.list(action, path, VpcId=identity.get("vpc"))
        return [str(row[key]) for row in rows if row.get("Description") == described(run, identity["build"])]

    return look


def _images(ecs: Ecs, run: str, identity: Mapping[str, str]) -> list[str]:
    """A build has several images: one that is encrypted is the copy of another."""
    rows = images(ecs, Tag=marked(run, identity["build"]))
    name = identity.get("name")
    return [str(row["ImageId"]) for row in rows if not name or row.get("ImageName") == name]


def _addresses(ecs: Ecs, _run: str, identity: Mapping[str, str]) -> list[str]:
    """An elastic address can carry no mark. But asking for one again with the same token gives the same one."""
    return [allocate(ecs, identity)["AllocationId"]]


def _association(_ecs: Ecs, _run: str, identity: Mapping[str, str]) -> list[str]:
    return [identity["address"]]


def _object(_ecs: Ecs, _run: str, identity: Mapping[str, str]) -> list[str]:
    return [identity["key"]]


# -- removing ---------------------------------------------------------------------------


def _key_pair(ecs: Ecs, name: str, _identity: Mapping[str, str]) -> None:
    ecs.remove("DeleteKeyPairs", KeyPairNames=json.dumps([name]))


def _vpc(ecs: Ecs, vpc: str, _identity: Mapping[str, str]) -> None:
    codes = ("DependencyViolation", "IncorrectVpcStatus", "Forbbiden")
    ecs.once_free(lambda: ecs.remove("DeleteVpc", VpcId=vpc), *codes)


def _vswitch(ecs: Ecs, vswitch: str, _identity: Mapping[str, str]) -> None:
    codes = ("DependencyViolation", "IncorrectVSwitchStatus", "IncorrectRouteEntryStatus")
    ecs.once_free(lambda: ecs.remove("DeleteVSwitch", VSwitchId=vswitch), *codes)

    def gone() -> bool | None:
        return None if ecs.list("DescribeVSwitches", "VSwitches.VSwitch", VSwitchId=vswitch) else True

    ecs.until(f"the VSwitch {vswitch} to be deleted", gone, timeout=LONG)


def _security_group(ecs: Ecs, group: str, _identity: Mapping[str, str]) -> None:
    ecs.once_free(lambda: ecs.remove("DeleteSecurityGroup", SecurityGroupId=group), "DependencyViolation")


def _instance(ecs: Ecs, instance: str, _identity: Mapping[str, str]) -> None:
    """Returns when it does not exist any more, so that what it used is free."""
    ecs.once_free(
        lambda: ecs.remove("DeleteInstance", InstanceId=instance, Force=True),
        "IncorrectInstanceStatus",
    )  # fmt: skip

    def gone() -> bool | None:
        return None if instance_of(ecs, instance) else True

    ecs.until(f"the instance {instance} to be deleted", gone, timeout=LONG)


def _address(ecs: Ecs, address: str, _identity: Mapping[str, str]) -> None:
    found = address_of(ecs, address)
    if found and found.get("InstanceId"):
        dissociate(ecs, address, str(found["InstanceId"]))
    ecs.once_free(
        lambda: ecs.remove("ReleaseEipAddress", AllocationId=address),
        "IncorrectEipStatus",
    )  # fmt: skip


def _associated(ecs: Ecs, address: str, identity: Mapping[str, str]) -> None:
    """The user's own address is only taken off the instance that the run made."""
    found = address_of(ecs, address)
    if found and found.get("InstanceId") == identity.get("instance"):
        dissociate(ecs, address, identity["instance"])


def _snapshot(ecs: Ecs, snapshot: str, _identity: Mapping[str, str]) -> None:
    remove_snapshot(ecs, snapshot)


def _image(ecs: Ecs, image: str, _identity: Mapping[str, str]) -> None:
    remove_image(ecs, image)


def _remove_object(ecs: Ecs, key: str, identity: Mapping[str, str]) -> None:
    from hclimg.clouds.alicloud.oss import Oss

    Oss(ecs).remove(identity["bucket"], key)


def allocate(ecs: Ecs, identity: Mapping[str, str]) -> Mapping[str, str]:
    """An elastic address, with its AllocationId and EipAddress; the same one for the same identity."""
    return ecs.make(
        "AllocateEipAddress", token=identity["token"], InternetChargeType=identity.get("charge"),
        Bandwidth=identity.get("bandwidth"),
    )  # fmt: skip


# -- looking ----------------------------------------------------------------------------


def instance_of(ecs: Ecs, instance: str) -> dict[str, object] | None:
    rows = ecs.list("DescribeInstances", "Instances.Instance", InstanceIds=json.dumps([instance]))
    return rows[0] if rows else None


def address_of(ecs: Ecs, address: str) -> dict[str, object] | None:
    rows = ecs.list("DescribeEipAddresses", "EipAddresses.EipAddress", AllocationId=address)
    return rows[0] if rows else None


def dissociate(ecs: Ecs, address: str, instance: str) -> None:
    """Take an elastic address off an instance; returns when that is done."""

    def ask() -> None:
        found = address_of(ecs, address)
        if found and found.get("InstanceId") == instance:
            ecs.remove("UnassociateEipAddress", AllocationId=address, InstanceId=instance)

    def free() -> bool | None:
        found = address_of(ecs, address)
        return True if found is None or found.get("Status") == "Available" else None

    ecs.once_free(ask, "IncorrectInstanceStatus", "IncorrectEipStatus")
    ecs.until(f"the address {address} to be free", free, timeout=LONG)


THINGS: Mapping[str, Thing] = {
    "key-pair": Thing(look=_tagged("DescribeKeyPairs", "KeyPairs.KeyPair", "KeyPairName"), delete=_key_pair),
    "vpc": Thing(look=_described("DescribeVpcs", "Vpcs.Vpc", "VpcId"), delete=_vpc),
    "vswitch": Thing(look=_described("DescribeVSwitches", "VSwitches.VSwitch", "VSwitchId"), delete=_vswitch),
    "security-group": Thing(
        look=_tagged("DescribeSecurityGroups", "SecurityGroups.SecurityGroup", "SecurityGroupId"),
        delete=_security_group,
    ),
    "instance": Thing(look=_tagged("DescribeInstances", "Instances.Instance", "InstanceId"), delete=_instance),
    "address": Thing(look=_addresses, delete=_address),
    "association": Thing(look=_association, delete=_associated),
    "snapshot": Thing(look=_tagged("DescribeSnapshots", "Snapshots.Snapshot", "SnapshotId"), delete=_snapshot),
    "object": Thing(look=_object, delete=_remove_object, in_parts=True),
    "image": Thing(look=_images, delete=_image),
}
"""By the part of the journal's kind after ``alicloud/``."""
