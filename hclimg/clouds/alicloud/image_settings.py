"""The settings of the image that is made: its name, copies, tags, and who may use it.

Knows nothing of how it is made: from an instance (builder) or from a file (post-processor).
"""

from __future__ import annotations

import re
from datetime import timedelta

from attrs import frozen

from hclimg.clouds.alicloud.disks import LONGEST_DESCRIPTION, LONGEST_NAME, check_text
from hclimg.config.fields import Checker, block, config, setting

LONGEST_VERSION = 40
LONGEST_WAIT = 3600  # seconds
_NAME = re.compile(r"[^\W\d_][\w.:-]*")
_RESERVED = ("http://", "https://", "acs:", "aliyun")


@config
class TagConfig:
    """A tag of the image."""

    key: str = setting("The key.")
    value: str = setting("The value.", default="")


@frozen(kw_only=True)
class CopyWish:
    """A copy that is asked for; no ``name``: the API's choice."""

    region: str
    name: str = ""
    key: str = ""


@config
class ImageConfig:
    """The image that is made."""

    image_name: str = setting("The name of the image. Required.", default="", example='"web-${local.version}"')
    image_version: str = setting("The version of the image, at most 40 characters.", default="")
    image_description: str = setting("The description of the image, at most 256 characters.", default="")
    resource_group_id: str = setting("The resource group that the image belongs to.", default="")
    target_image_family: str = setting("The family that the image belongs to.", default="")
    boot_mode: str = setting(
        "How instances of the image boot.", default="", choices=("", "BIOS", "UEFI", "UEFI-Preferred"),
        default_doc="as the source image does",
    )  # fmt: skip
    image_share_account: tuple[str, ...] = setting("The accounts that may use the image and its copies.", default=())
    image_unshare_account: tuple[str, ...] = setting("Accounts that may not any more.", default=())
    image_copy_regions: tuple[str, ...] = setting("The regions to copy the image to.", default=())
    image_copy_names: tuple[str, ...] = setting(
        "The names of the copies, in the order of the regions.", default=(), default_doc="the API's choice"
    )
    image_encrypted: bool | None = setting(
        "Whether the image and its copies are encrypted: copies of a first image, which is deleted.",
        default=None,
        default_doc="as the source image is",
    )
    kms_key_id: str = setting("The KMS key to encrypt the image with.", default="", default_doc="the service's key")
    kms_key_copy_ids: tuple[str, ...] = setting(
        "The KMS keys to encrypt the copies with, in the order of the regions.", default=()
    )
    image_force_delete: bool = setting(
        "Whether images of the same names, copies too, are deleted first. `-force` does so, too.", default=False
    )
    image_force_delete_snapshots: bool = setting(
        "Whether the snapshots of those images are deleted, too. `-force` does so.", default=False
    )
    image_force_delete_instances: bool = setting(
        "Whether those images are also deleted while instances use them. The instances stay.", default=False
    )
    skip_image_validation: bool = setting("Whether the source image may have expired.", default=False)
    tags: dict[str, str] = setting("Tags of the image, its copies and their snapshots.", factory=dict)
    tag: tuple[TagConfig, ...] = block("A tag of the image, its copies and their snapshots.", many=True, default=())
    wait_copying_image_ready_timeout: int = setting(
        "How long the copies may take, in seconds.", default=0, default_doc="3600"
    )

    def check(self, problems: Checker) -> None:
        if self.image_name or not problems.is_known("image_name"):
            check_name(problems, "image_name", self.image_name)
        else:
            detail = 'The argument "image_name" is required, but no definition was found.'
            problems.error("Missing required argument", detail, "image_name")
        for name in self.image_copy_names:
            check_name(problems, "image_copy_names", name)
        if len(self.image_version) > LONGEST_VERSION:
            problems.error("Invalid text", f"A version has at most {LONGEST_VERSION} characters.", "image_version")
        check_text(problems, "image_description", self.image_description, LONGEST_DESCRIPTION)
        self._check_copies(problems)
        both = set(self.image_share_account) & set(self.image_unshare_account)
        if both:
            detail = f"The account {min(both)} is in both image_share_account and image_unshare_account."
            problems.error("Conflicting arguments", detail, "image_unshare_account", "image_share_account")
        self._check_tags(problems)
        if self.wait_copying_image_ready_timeout < 0:
            problems.error("Invalid number", "A time cannot be negative.", "wait_copying_image_ready_timeout")

    def _check_copies(self, problems: Checker) -> None:
        regions = len(self.image_copy_regions)
        for name in ("image_copy_names", "kms_key_copy_ids"):
            if len(getattr(self, name)) > regions:
                detail = f'"{name}" has {len(getattr(self, name))} elements for the {regions} of "image_copy_regions".'
                problems.warn("Argument without effect", detail, name, "image_copy_regions")
        for name in ("kms_key_id", "kms_key_copy_ids"):
            if getattr(self, name) and not self.image_encrypted:
                detail = f'"{name}" is for encrypted images; set image_encrypted = true.'
                problems.error("Conflicting arguments", detail, name, "image_encrypted")

    def _check_tags(self, problems: Checker) -> None:
        keys = [(key, "tags") for key in self.tags] + [(tag.key, "tag") for tag in self.tag]
        for key, name in keys:
            if not key or len(key) > LONGEST_NAME or key.lower().startswith(_RESERVED):
                detail = f'"{key}" cannot be the key of a tag: it has 1 to {LONGEST_NAME} characters, and does not '
                problems.error("Invalid tag", f"{detail}begin with {', '.join(_RESERVED)}.", name)

    @property
    def all_tags(self) -> dict[str, str]:
        return {**self.tags, **{tag.key: tag.value for tag in self.tag}}

    @property
    def copy_timeout(self) -> timedelta:
        return timedelta(seconds=self.wait_copying_image_ready_timeout or LONGEST_WAIT)

    def copies(self, home: str) -> tuple[CopyWish, ...]:
        """The copies to make of an image of region ``home``, each region once; none in ``home``."""
        wishes: dict[str, CopyWish] = {}
        names, keys = iter(self.image_copy_names), iter(self.image_copy_keys(home))
        for region in self.image_copy_regions:
            name = next(names, "")
            if region != home:
                wishes.setdefault(region, CopyWish(region=region, name=name, key=next(keys, "")))
        return tuple(wishes.values())

    def image_copy_keys(self, home: str) -> tuple[str, ...]:
        """The keys of the copies in other regions: as many as there are, in their order."""
        if len(self.kms_key_copy_ids) == len(self.image_copy_regions):
            pairs = zip(self.image_copy_regions, self.kms_key_copy_ids, strict=True)
            return tuple(key for region, key in pairs if region != home)
        return self.kms_key_copy_ids


def check_name(problems: Checker, name: str, text: str) -> None:
    """The name of an image as the API accepts it."""
    good = 2 <= len(text) <= LONGEST_NAME and _NAME.fullmatch(text) and not text.startswith(_RESERVED)
    if not good:
        detail = (
            f'"{text}" cannot be the name of an image: it has 2 to {LONGEST_NAME} letters, digits and the characters '
            ". _ : - and begins with a letter, but not with aliyun, acs:, http:// or https://."
        )
        problems.error("Invalid name", detail, name)
