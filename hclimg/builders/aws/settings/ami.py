"""What the image is called, who gets it and where it goes."""

from __future__ import annotations

from datetime import UTC, datetime

from hclimg.builders.aws.settings.kms import is_kms_key
from hclimg.builders.aws.settings.tags import KNOWS, KeyValue, check_tags, merged
from hclimg.clouds.aws.access import AwsAccess, check_region
from hclimg.clouds.aws.image_rules import check_accounts, check_name, check_sharing
from hclimg.config.fields import Checker, block, config, embed, setting

COPY_STEP, LONGEST_COPY = 15, 48 * 60


@config
class SnapshotConfig:
    """The snapshots that the image consists of."""

    snapshot_tags: dict[str, str] = setting(
        f"Tags of the snapshots, besides those of the image. {KNOWS}", factory=dict, template=True
    )
    snapshot_tag: tuple[KeyValue, ...] = block("One tag of the snapshots.", many=True, default=())
    snapshot_users: tuple[str, ...] = setting("Accounts that may make volumes of the snapshots.", default=())
    snapshot_groups: tuple[str, ...] = setting('Groups that may: "all", everybody.', default=(), choices=("all",))

    @property
    def tags(self) -> dict[str, str]:
        return merged(self.snapshot_tags, self.snapshot_tag)

    def check(self, problems: Checker) -> None:
        if problems.is_known("snapshot_tags", "snapshot_tag"):
            check_tags(problems, "snapshot_tags", self.tags, "snapshot_tag")
        check_accounts(problems, "snapshot_users", self.snapshot_users)


@config
class EncryptionConfig:
    """Whether the image is encrypted, and with which keys."""

    encrypt_boot: bool | None = setting(
        "Whether the image is encrypted: it is copied, which takes a while, and the first one removed. Encrypting the "
        "volumes of launch_block_device_mappings needs no copy.",
        default=None,
        default_doc="as in the source",
    )
    kms_key_id: str = setting(
        "The key that encrypts the image in the build's own region.", default="", default_doc="the account's for EBS"
    )
    region_kms_key_ids: dict[str, str] = setting(
        "The key for each region; empty: the account's for EBS. The regions are those of ami_regions.", factory=dict
    )

    def check(self, problems: Checker) -> None:
        names = {"kms_key_id": [self.kms_key_id], "region_kms_key_ids": list(self.region_kms_key_ids.values())}
        for name, keys in names.items():
            for key in filter(None, keys):
                if not is_kms_key(key):
                    detail = f'"{key}" is not the id, alias (alias/NAME) or ARN of a KMS key.'
                    problems.error("Invalid KMS key", detail, name)
            if any(keys) and self.encrypt_boot is not True:
                detail = f'"{name}" says with which key to encrypt, so "encrypt_boot" must be true.'
                problems.error("Conflicting arguments", detail, name, "encrypt_boot")

    def key_for(self, region: str, build_region: str) -> str:
        """The key for a region; empty: the default one there."""
        return self.region_kms_key_ids.get(region, self.kms_key_id if region == build_region else "")


@config
class DeregistrationProtection:
    """Keeps the image from being deregistered by mistake."""

    enabled: bool = setting("Whether it is protected.", default=False)
    with_cooldown: bool = setting("Whether it stays protected for 24 hours after the protection ends.", default=False)

    def check(self, problems: Checker) -> None:
        if self.with_cooldown and not self.enabled:
            detail = '"with_cooldown" has no effect unless "enabled" is true.'
            problems.warn("Argument without effect", detail, "with_cooldown", "enabled")


@config
class AmiConfig:
    """The image."""

    encryption: EncryptionConfig = embed(EncryptionConfig)
    snapshots: SnapshotConfig = embed(SnapshotConfig)

    ami_name: str = setting(
        "The name of the image, which must be new in each region: 3 to 128 letters, digits, spaces and ()[]./-'@_ "
        "(`clean_resource_name` replaces others).",
        example='"web-${formatdate("YYYYMMDDhhmm", timestamp())}"',
    )
    ami_description: str = setting(f"What the image is. {KNOWS}", default="", template=True)
    ami_virtualization_type: str = setting(
        "The virtualization that the image must have. An image has that of its source.",
        default="",
        choices=("", "hvm", "paravirtual"),
        default_doc="that of the source",
    )
    ami_users: tuple[str, ...] = setting("Accounts that may use the image.", default=())
    ami_groups: tuple[str, ...] = setting('Groups that may: "all", everybody.', default=(), choices=("all",))
    ami_org_arns: tuple[str, ...] = setting("Organizations that may, by ARN.", default=())
    ami_ou_arns: tuple[str, ...] = setting("Organizational units that may, by ARN.", default=())
    ami_product_codes: tuple[str, ...] = setting("Product codes of the image.", default=())
    ami_regions: tuple[str, ...] = setting("Regions to copy the image to.", default=())
    skip_region_validation: bool = setting(
        "Whether to take names of regions as they are, such as those of a private cloud.", default=False
    )
    snapshot_copy_duration_minutes: int = setting(
        "In which time a copy must be complete: 15 minutes to 48 hours, in steps of 15 minutes; costs extra.",
        default=0,
        default_doc="as fast as it goes",
    )
    tags: dict[str, str] = setting(f"Tags of the image and its snapshots. {KNOWS}", factory=dict, template=True)
    tag: tuple[KeyValue, ...] = block("One tag of the image and its snapshots.", many=True, default=())
    ena_support: bool | None = setting(
        "Whether instances of the image have ENA.", default=None, default_doc="as in the source"
    )
    sriov_support: bool = setting("Whether instances of the image have SR-IOV networking.", default=False)
    force_deregister: bool = setting(
        "Whether an image that has the name already is deregistered first. -force does the same.", default=False
    )
    force_delete_snapshot: bool = setting(
        "Whether the snapshots of an image that force_deregister removes go, too.", default=False
    )
    skip_save_build_region: bool = setting(
        "Whether the image is only in ami_regions, and not in the region in which it is built.", default=False
    )
    imds_support: str = setting(
        'With "v2.0", instances of the image ask for the newer protocol of the metadata service.',
        default="",
        choices=("", "v2.0"),
    )
    deprecate_at: str = setting(
        "When the image is deprecated, in RFC 3339; EC2 rounds to the minute.",
        default="",
        example='"2030-01-01T00:00:00Z"',
    )
    deregistration_protection: DeregistrationProtection = block(
        "Keeps the image from being deregistered by mistake.", default=DeregistrationProtection()
    )

    @property
    def all_tags(self) -> dict[str, str]:
        return merged(self.tags, self.tag)

    @property
    def deprecated_from(self) -> datetime | None:
        return datetime.fromisoformat(self.deprecate_at) if self.deprecate_at else None

    @property
    def shared(self) -> bool:
        """Whether single other accounts get the image."""
        return bool(self.ami_users or self.ami_org_arns or self.ami_ou_arns)

    @property
    def copied(self) -> bool:
        """Whether what EC2 makes of the disks is only copied from, and then removed."""
        return bool(self.encryption.encrypt_boot) or self.skip_save_build_region

    def other_regions(self, build_region: str) -> tuple[str, ...]:
        """Where the image is copied to, each once."""
        return tuple(region for region in dict.fromkeys(self.ami_regions) if region != build_region)

    def result_regions(self, build_region: str) -> tuple[str, ...]:
        """Where there will be an image."""
        others = self.other_regions(build_region)
        return others if self.skip_save_build_region else (build_region, *others)

    def check(self, problems: Checker) -> None:
        check_name(problems, "ami_name", self.ami_name)
        self._check_regions(problems)
        self._check_sharing(problems)
        self._check_deprecation(problems)
        if problems.is_known("tags", "tag"):
            check_tags(problems, "tags", self.all_tags, "tag")
        minutes = self.snapshot_copy_duration_minutes
        if minutes and (minutes % COPY_STEP or not COPY_STEP <= minutes <= LONGEST_COPY):
            detail = (
                f"A copy can be given {COPY_STEP} to {LONGEST_COPY} minutes in steps of {COPY_STEP}, not {minutes}."
            )
            problems.error("Invalid number", detail, "snapshot_copy_duration_minutes")
        if self.force_delete_snapshot and not self.force_deregister and problems.is_known("force_deregister"):
            detail = '"force_delete_snapshot" has no effect unless "force_deregister" is true, or -force is given.'
            problems.warn("Argument without effect", detail, "force_delete_snapshot")

    def _check_regions(self, problems: Checker) -> None:
        keys = self.encryption.region_kms_key_ids
        if keys and problems.is_known("ami_regions", "region_kms_key_ids"):
            for region in keys.keys() - set(self.ami_regions):
                detail = f'"region_kms_key_ids" has a key for {region}, which is not in "ami_regions".'
                problems.error("Conflicting arguments", detail, "region_kms_key_ids", "ami_regions")
            for region in set(self.ami_regions) - keys.keys():
                detail = (
                    f'"region_kms_key_ids" has no key for {region}, which is in "ami_regions"; "" is the default key.'
                )
                problems.error("Conflicting arguments", detail, "region_kms_key_ids", "ami_regions")

    def _check_sharing(self, problems: Checker) -> None:
        check_accounts(problems, "ami_users", self.ami_users)
        check_sharing(problems, self.ami_org_arns, self.ami_ou_arns)
        if self.encryption.encrypt_boot is not True:
            return
        if self.shared or self.snapshots.snapshot_users:
            self._check_shared_keys(problems)
        for name in ("ami_groups", "snapshot_groups"):
            if getattr(self if name == "ami_groups" else self.snapshots, name):
                detail = f'What is encrypted cannot be public, so "{name}" contradicts "encrypt_boot".'
                problems.error("Conflicting arguments", detail, name, "encrypt_boot")

    def _check_shared_keys(self, problems: Checker) -> None:
        keys = self.encryption.region_kms_key_ids
        names = ("ami_users", "ami_org_arns", "ami_ou_arns", "snapshot_users")
        where = next((name for name in names if problems.is_set(name)), names[0])
        detail = "Nobody else can read what is encrypted with the account's default key; "
        if not self.encryption.kms_key_id and not keys:
            detail += 'set "kms_key_id" or "region_kms_key_ids".'
            problems.error("Conflicting arguments", detail, where, "encrypt_boot", "kms_key_id", "region_kms_key_ids")
        for region in [region for region, key in keys.items() if not key]:
            detail += f'"region_kms_key_ids" has no key of your own for {region}.'
            problems.error("Conflicting arguments", detail, "region_kms_key_ids", where)

    def _check_deprecation(self, problems: Checker) -> None:
        if not self.deprecate_at or not problems.is_known("deprecate_at"):
            return
        try:
            when = datetime.fromisoformat(self.deprecate_at)
        except ValueError:
            when = None
        if when is None or when.tzinfo is None:
            detail = f'"{self.deprecate_at}" is not a time in RFC 3339, such as 2030-01-01T00:00:00Z.'
            problems.error("Invalid time", detail, "deprecate_at")
        elif when <= datetime.now(UTC):
            detail = f'"{self.deprecate_at}" has passed; EC2 deprecates images in the future only.'
            problems.error("Invalid time", detail, "deprecate_at")


def check_result_regions(problems: Checker, access: AwsAccess, ami: AmiConfig) -> None:
    """For the settings that have both."""
    if not problems.is_known("ami_regions"):
        return
    if not ami.skip_region_validation:
        check_region(problems, access, access.region, "region")
        for region in ami.ami_regions:
            check_region(problems, access, region, "ami_regions")
    if ami.skip_save_build_region and not ami.other_regions(access.region):
        detail = '"skip_save_build_region" leaves no image at all: "ami_regions" names no other region.'
        problems.error("Conflicting arguments", detail, "skip_save_build_region", "ami_regions")
