"""Post-processor ``amazon-import``: makes an image (AMI) in AWS of a disk image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from hclimg.clouds.aws.access import AwsAccess, check_region
from hclimg.clouds.aws.image_rules import check_accounts, check_name, check_sharing
from hclimg.config.fields import Checker, config, embed, setting
from hclimg.sdk.components import PostProcessor

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact

FORMATS = ("ova", "raw", "vmdk", "vhd", "vhdx")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@config
class AmazonImportConfig:
    """Uploads a disk image to S3 and has EC2 make an AMI of it."""

    access: AwsAccess = embed(AwsAccess)
    s3_bucket_name: str = setting("The bucket to upload to, in the same region.", example='"images-import"')
    s3_key_name: str = setting("The name of the object.", default="", default_doc="a new one")
    s3_encryption: str = setting(
        "How S3 encrypts the object.", default="", choices=("", "AES256", "aws:kms"), default_doc="the bucket's way"
    )
    s3_encryption_key: str = setting("The KMS key for `aws:kms`.", default="", default_doc="the account's for S3")
    skip_clean: bool = setting("Whether the object stays in the bucket.", default=False)
    format: str = setting(
        "The kind of disk image: the artifact's file with this extension is taken.",
        default="",
        choices=("", *FORMATS),
        default_doc="that of the artifact's only file of a kind that AWS takes",
    )
    ami_name: str = setting(
        "The name of the image. AWS names what it imports itself, so the image is copied, and the first one removed.",
        default="",
        default_doc="what AWS calls it: `import-ami-…`",
    )
    ami_description: str = setting("What the image is.", default="")
    ami_users: tuple[str, ...] = setting("Accounts that may use the image.", default=())
    ami_groups: tuple[str, ...] = setting('Groups that may: "all", everybody.', default=(), choices=("all",))
    ami_org_arns: tuple[str, ...] = setting("Organizations that may, by ARN.", default=())
    ami_ou_arns: tuple[str, ...] = setting("Organizational units that may, by ARN.", default=())
    ami_encrypt: bool = setting("Whether the image is encrypted.", default=False)
    ami_kms_key: str = setting("The KMS key for it.", default="", default_doc="the account's for EBS")
    imds_support: str = setting(
        'With "v2.0", instances of the image ask for the newer protocol of the metadata service.',
        default="",
        choices=("", "v2.0"),
    )
    tags: dict[str, str] = setting("Tags of the image and its snapshots.", factory=dict)
    license_type: str = setting(
        "Whose licence of the operating system: AWS's or one's own.", default="", choices=("", "AWS", "BYOL")
    )
    role_name: str = setting("The role with which AWS reads the bucket.", default="", default_doc="`vmimport`")
    architecture: str = setting(
        "The processor's.", default="", choices=("", "i386", "x86_64", "arm64"), default_doc="`x86_64`"
    )
    boot_mode: str = setting(
        "How instances of the image boot.",
        default="",
        choices=("", "legacy-bios", "uefi", "uefi-preferred"),
        default_doc="`legacy-bios`",
    )
    platform: str = setting(
        "The operating system.",
        default="",
        choices=("", "linux", "windows", "Linux", "Windows"),
        default_doc="what AWS finds",
    )

    def check(self, problems: Checker) -> None:
        check_region(problems, self.access, self.access.region, "region")
        self._check_bucket(problems)
        if self.ami_name:
            check_name(problems, "ami_name", self.ami_name)
        if self.ami_kms_key and not self.ami_encrypt:
            detail = '"ami_kms_key" says with which key to encrypt, so "ami_encrypt" must be true.'
            problems.error("Conflicting arguments", detail, "ami_kms_key", "ami_encrypt")
        if self.ami_encrypt and self.ami_groups:
            detail = 'What is encrypted cannot be public, so "ami_groups" contradicts "ami_encrypt".'
            problems.error("Conflicting arguments", detail, "ami_groups", "ami_encrypt")
        if self.ami_encrypt and (self.ami_users or self.ami_org_arns or self.ami_ou_arns) and not self.ami_kms_key:
            where = next(name for name in ("ami_users", "ami_org_arns", "ami_ou_arns") if getattr(self, name))
            detail = 'Nobody else can read what is encrypted with the account\'s default key; set "ami_kms_key".'
            problems.error("Conflicting arguments", detail, where, "ami_encrypt", "ami_kms_key")
        check_accounts(problems, "ami_users", self.ami_users)
        check_sharing(problems, self.ami_org_arns, self.ami_ou_arns)

    def _check_bucket(self, problems: Checker) -> None:
        if problems.is_known("s3_bucket_name") and not _BUCKET.fullmatch(self.s3_bucket_name):
            detail = f'"{self.s3_bucket_name}" cannot be the name of a bucket: 3 to 63 small letters, digits, - and .'
            problems.error("Invalid bucket", f"{detail}.", "s3_bucket_name")
        if self.s3_encryption_key and self.s3_encryption != "aws:kms":
            detail = '"s3_encryption_key" is for s3_encryption = "aws:kms".'
            problems.error("Conflicting arguments", detail, "s3_encryption_key", "s3_encryption")


class AmazonImportPostProcessor(PostProcessor[AmazonImportConfig]):
    Config: ClassVar[type] = AmazonImportConfig

    def summary(self) -> str:
        region = f" in {self.config.access.region}" if self.config.access.region else ""
        return f"{self.config.ami_name or 'an AMI'}{region}"

    def uses(self) -> dict[str, int]:
        return {"aws.ec2": 1}

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        from hclimg.postprocessors.amazon_importing import run

        return run(ctx, self.config, artifact)

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        from hclimg.clouds.aws.artifact import destroy

        destroy(ctx, artifact)

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:
        from hclimg.clouds.aws.artifact import contents

        return contents(artifact)
