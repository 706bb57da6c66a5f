"""Images and snapshots as the API knows them: found, waited for, tagged, shared, removed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hclimg.clouds.alicloud.ecs import Ecs, dig
from hclimg.errors import ApiError, BuildError

STATUSES = ("Creating", "Waiting", "Available", "UnAvailable", "CreateFailed")
ACCOUNTS_AT_ONCE = 10
UNFINISHED = (
    "ImageIsCreating", "IncorrectImageStatus", "InvalidImageId.IncorrectImageStatus", "OperationDenied.ImageCopying",
)  # fmt: skip
Image = dict[str, Any]


def images(ecs: Ecs, **restriction: Any) -> list[Image]:
    """Of any status: without being asked for, only those that can be used are listed."""
    return ecs.list("DescribeImages", "Images.Image", Status=",".join(STATUSES), **restriction)


def own_images(ecs: Ecs, name: str) -> list[Image]:
    """The account's own images of a name."""
    return [image for image in images(ecs, ImageName=name, ImageOwnerAlias="self") if image["ImageName"] == name]


def find_image(ecs: Ecs, image: str) -> Image | None:
    found = images(ecs, ImageId=image)
    return found[0] if found else None


def tags_of(row: Mapping[str, Any]) -> dict[str, str]:
    """The tags of an image or a snapshot, as it is listed."""
    return {str(tag["TagKey"]): str(tag.get("TagValue") or "") for tag in dig(row, "Tags.Tag") or []}


def snapshots_in(image: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of the snapshots that an image consists of."""
    mappings = dig(image, "DiskDeviceMappings.DiskDeviceMapping") or []
    return tuple(str(mapping["SnapshotId"]) for mapping in mappings if mapping.get("SnapshotId"))


def wait_for_image(ecs: Ecs, image: str, *, timeout: float, setting: str, told: Callable[[int], None]) -> Image:
    """Until it can be used; ``told`` is called with how much of it is finished, in percent.

    Raises TimedOut, whose hint names the setting, or BuildError when it never will be.
    """

    def ready() -> Image | None:
        found = find_image(ecs, image)
        told(_percent(found))
        status = found["Status"] if found else ""
        if status in ("CreateFailed", "UnAvailable"):
            raise BuildError(f"Alibaba Cloud could not make the image {image}: its status is {status}.")
        return found if status == "Available" else None

    what = f"the image {image} in {ecs.region} to be finished"
    return ecs.until(what, ready, timeout=timeout, hint=f"Give it longer with {setting}.")


def _percent(image: Image | None) -> int:
    text = str(image.get("Progress") or "").rstrip("%") if image else ""
    return int(text) if text.isdigit() else 0


def remove_image(ecs: Ecs, image: str, *, force: bool = False, snapshots: bool = True) -> None:
    """Remove an image, finished or not, with its snapshots. With ``force`` also while instances use it."""
    shots: dict[str, None] = {}

    def attempt() -> bool:
        found = find_image(ecs, image)
        if found is None:
            return False
        shots.update(dict.fromkeys(snapshots_in(found)))
        if found.get("IsCopied") and found["Status"] in ("Creating", "Waiting"):
            _cancel_copy(ecs, image)
        share(ecs, image, remove=_accounts(ecs, image))
        ecs.call("DeleteImage", ImageId=image, Force=True if force else None)
        return True

    ecs.gone_when(lambda: not ecs.once_free(attempt, *UNFINISHED))
    if snapshots:
        for shot in shots:
            remove_snapshot(ecs, shot)


def remove_snapshot(ecs: Ecs, snapshot: str) -> None:
    """Waits for as long as the image that was made of it is on its way out."""
    codes = ("SnapshotCreatedImage", "IncorrectSnapshot")
    ecs.once_free(lambda: ecs.remove("DeleteSnapshot", SnapshotId=snapshot), *codes)


def tag(ecs: Ecs, kind: str, ids: Iterable[str], tags: Mapping[str, str]) -> None:
    """``kind`` is image or snapshot."""
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    if pairs and (things := list(ids)):
        ecs.once_known(lambda: ecs.call("TagResources", ResourceType=kind, ResourceId=things, Tag=pairs))


def untag(ecs: Ecs, kind: str, ids: Iterable[str], keys: Iterable[str]) -> None:
    if things := list(ids):
        ecs.call("UntagResources", ResourceType=kind, ResourceId=things, TagKey=list(keys))


def share(ecs: Ecs, image: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
    for name, accounts in (("AddAccount", tuple(add)), ("RemoveAccount", tuple(remove))):
        for start in range(0, len(accounts), ACCOUNTS_AT_ONCE):
            some = accounts[start : start + ACCOUNTS_AT_ONCE]
            wanted: dict[str, Any] = {"ImageId": image, name: some}
            ecs.call("ModifyImageSharePermission", **wanted)


def _accounts(ecs: Ecs, image: str) -> list[str]:
    """Those that an image is shared with."""
    rows = ecs.list("DescribeImageSharePermission", "Accounts.Account", ImageId=image)
    return [str(row["AliyunId"]) for row in rows]


def _cancel_copy(ecs: Ecs, image: str) -> None:
    """A copy that is finished meanwhile cannot be cancelled; it is deleted like any image."""
    try:
        ecs.call("CancelCopyImage", ImageId=image)
    except ApiError as error:
        if not error.code.startswith(("IncorrectImageStatus", "InvalidImageId", "InvalidImage")):
            raise
