"""The settings of an instance's disks."""

from __future__ import annotations

import re
from typing import Any

from hclimg.config.fields import Checker, block, config, setting
from hclimg.diagnostics import did_you_mean

CATEGORIES = (
    "cloud", "cloud_efficiency", "cloud_ssd", "cloud_essd", "cloud_auto", "cloud_essd_entry", "ephemeral_ssd",
    "elastic_ephemeral_disk_standard", "elastic_ephemeral_disk_premium",
)  # fmt: skip
_CATEGORY = re.compile(r"[a-z0-9_]+")
LONGEST_NAME, LONGEST_DESCRIPTION = 128, 256
LEAST_SYSTEM_DISK, LARGEST_DISK = 20, 65536  # GiB


@config
class DiskConfig:
    """A disk of the instance that the image is made of."""

    disk_name: str = setting("The name of the disk in the console.", default="")
    disk_category: str = setting(
        "The kind of disk: " + ", ".join(f"`{name}`" for name in CATEGORIES[:5]) + ", ….",
        default="",
        default_doc="the API's for the instance type",
    )
    disk_size: int = setting("The size in GiB.", default=0, default_doc="that of the image or snapshot")
    disk_snapshot_id: str = setting("The snapshot to make a data disk of.", default="")
    disk_description: str = setting("The description of the disk in the console.", default="")
    disk_delete_with_instance: bool | None = setting(
        "Whether a data disk goes when the instance does. With false it stays, and costs.",
        default=None,
        default_doc="true; Packer leaves data disks behind unless told",
    )
    disk_device: str = setting("Where a data disk is attached, such as `/dev/xvdb`.", default="")
    disk_encrypted: bool | None = setting(
        "Whether a data disk is encrypted.", default=None, default_doc="as its snapshot, or not"
    )

    def check(self, problems: Checker) -> None:
        category = self.disk_category
        if category not in ("", *CATEGORIES):
            hint = did_you_mean(category, CATEGORIES)
            if hint or not _CATEGORY.fullmatch(category):
                detail = f'There are no disks of category "{category}".{hint}'
                problems.error("Unknown disk category", detail, "disk_category")
        if not 0 <= self.disk_size <= LARGEST_DISK:
            problems.error("Invalid disk size", f"A disk has 1 to {LARGEST_DISK} GiB.", "disk_size")
        check_text(problems, "disk_name", self.disk_name, LONGEST_NAME)
        check_text(problems, "disk_description", self.disk_description, LONGEST_DESCRIPTION)

    @property
    def request(self) -> dict[str, Any]:
        """As CreateInstance wants to know of any disk."""
        return {
            "DiskName": self.disk_name, "Category": self.disk_category, "Size": self.disk_size or None,
            "Description": self.disk_description,
        }  # fmt: skip

    @property
    def data_request(self) -> dict[str, Any]:
        """As CreateInstance wants to know of a data disk."""
        return {
            **self.request, "SnapshotId": self.disk_snapshot_id, "Device": self.disk_device,
            "DeleteWithInstance": self.disk_delete_with_instance is not False, "Encrypted": self.disk_encrypted,
        }  # fmt: skip


@config
class SystemDiskConfig:
    """The disk that the instance boots from."""

    disk_name: str = setting("The name of the disk in the console.", default="")
    disk_category: str = setting("The kind of disk, as in `image_disk_mappings`.", default="", default_doc="the API's")
    disk_size: int = setting(
        "The size in GiB, at least that of the source image.", default=0, default_doc="40, or that of the source image"
    )
    disk_description: str = setting("The description of the disk in the console.", default="")
    disk_snapshot_id: str = setting("Nothing.", default="", ignored="the system disk is made of the source image.")
    disk_delete_with_instance: bool = setting(
        "Nothing.", default=True, ignored="the system disk always goes with its instance."
    )
    disk_device: str = setting("Nothing.", default="", ignored="the system disk always is the first one.")
    disk_encrypted: bool | None = setting(
        "Can only be false: instances are not made with an encrypted system disk; see `image_encrypted`.", default=None
    )

    def check(self, problems: Checker) -> None:
        DiskConfig(
            disk_name=self.disk_name, disk_category=self.disk_category, disk_size=self.disk_size,
            disk_description=self.disk_description,
        ).check(problems)  # fmt: skip
        if 0 < self.disk_size < LEAST_SYSTEM_DISK:
            detail = f"A system disk has at least {LEAST_SYSTEM_DISK} GiB."
            problems.error("Invalid disk size", detail, "disk_size")
        if self.disk_encrypted:
            detail = "CreateInstance cannot encrypt the system disk. Set image_encrypted for an encrypted image."
            problems.error("Unsupported argument", detail, "disk_encrypted")

    @property
    def request(self) -> dict[str, Any]:
        return DiskConfig(
            disk_name=self.disk_name, disk_category=self.disk_category, disk_size=self.disk_size,
            disk_description=self.disk_description,
        ).request  # fmt: skip


@config
class DisksConfig:
    """The disks of the instance, which become those of the image."""

    system_disk_mapping: SystemDiskConfig = block("The disk that the instance boots from.", default=SystemDiskConfig())
    image_disk_mappings: tuple[DiskConfig, ...] = block("A data disk.", many=True, default=())

    @property
    def staying(self) -> int:
        """How many disks the instance does not take along when it goes."""
        return sum(disk.disk_delete_with_instance is False for disk in self.image_disk_mappings)


def check_text(problems: Checker, name: str, text: str, longest: int) -> None:
    """A name or a description as the API accepts it."""
    if len(text) > longest or text.startswith(("http://", "https://")):
        detail = f'"{name}" has at most {longest} characters and does not begin with http:// or https://.'
        problems.error("Invalid text", detail, name)
